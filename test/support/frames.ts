/** Frames that a hostile peer sends: noise, and what is nearly right. */

import type { Bytes } from '../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { type PalmMessage, palmMessage } from '../../src/protocol/message.ts';
import {
  encodeWorkReply,
  encodeWorkRequest,
  LAST_LEASE,
  type WorkItem,
} from '../../src/protocol/work-request.ts';
import type { Random } from './random.ts';

export const FUNCTIONS = ['echo', 'upper', 'late', 'boom', 'many', 'nothing', 'absent', 'constructor'];

const NUMBERS = [0, 1, 2, -1, 7, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
/** Frames that others are made of. */
const POOL = 2_048;

const KEYS = ['', 'name', 'frond_status', 'pub_address', '__proto__', 'constructor', '\u0000', 'é', 'k'];

export class Frames {
  readonly #random: Random;
  readonly #codec = new EnvelopeCodec();
  readonly #server: string;
  readonly #calls: Bytes[] = [];
  readonly #requests: Bytes[] = [];
  readonly #asking: Bytes[] = [];
  #made = 0;

  /** @param server - the name that calls are made of. */
  constructor(random: Random, server: string) {
    this.#random = random;
    this.#server = server;
  }

  /** A call, or what nearly is one. */
  call(): Bytes {
    return this.#pooled(this.#calls, () => this.#spoil(this.#encode(this.#message())));
  }

  /** A request to the cache or for work, or what nearly is one; `mayAsk` when it may be answered late. */
  request(mayAsk: boolean): Bytes {
    return this.#pooled(mayAsk ? this.#asking : this.#requests, () => this.#request(mayAsk));
  }

  /** Most are made of those that were there before: making one anew takes longer than whoever gets it. */
  #pooled(pool: Bytes[], make: () => Bytes): Bytes {
    const random = this.#random;
    if (pool.length < POOL || random.oneIn(16)) {
      const made = make();
      if (pool.length < POOL) pool.push(made);
      else pool[random.below(POOL)] = made;
      return made;
    }
    const frame = random.pick(pool);
    if (frame.length === 0 || !random.oneIn(4)) return frame;
    const changed = frame.slice();
    changed[random.below(changed.length)] = random.below(256);
    return changed;
  }

  #request(mayAsk: boolean): Bytes {
    const random = this.#random;
    if (random.oneIn(3)) return this.#spoil(this.#workRequest(mayAsk));
    const operation = random.pick(['set', 'get', 'delete', 'work', '', 'a.b', 'toString']);
    const own = this.#message();
    own.function = `${random.pick([this.#server, '_', ''])}.${operation}`;
    own.cache = this.#key();
    // Work may be asked for by accident: only where that may be.
    if (operation === 'work' && !mayAsk) own.stage = 0;
    if (operation !== 'set') own.payload = new TextEncoder().encode(this.#key());
    return this.#spoil(this.#encode(own));
  }

  /** A reply of a Master to a worker that asked, with any items; or what nearly is one, when it is spoilt. */
  workReply(isSpoilt: boolean): Bytes {
    const items = Array.from({ length: this.#random.below(4) }, () => this.#item());
    const reply = encodeWorkReply(this.#codec, items);
    return isSpoilt ? this.#spoil(reply) : reply;
  }

  /** A topic: this one, one that begins or ends like it, or anything. */
  topic(own: string): string {
    return this.#random.pick([own, own, own, `${own}x`, `${own}/`, own.slice(1), '', '\u0000', 'fuzz/1']);
  }

  /** Any parts at all, often of the form that REQ gives. */
  parts(frame: Bytes): Uint8Array[] {
    const random = this.#random;
    if (!random.oneIn(4)) return [random.bytes(4), new Uint8Array(0), frame];
    const parts = Array.from({ length: 1 + random.below(6) }, () =>
      random.oneIn(3) ? new Uint8Array(0) : random.bytes(random.below(20)),
    );
    return random.oneIn(2) ? [...parts, frame] : parts;
  }

  noise(): Bytes {
    return this.#random.bytes(this.#random.below(this.#random.oneIn(50) ? 2_000 : 40));
  }

  #message(): PalmMessage {
    const random = this.#random;
    const stages = 1 + random.below(3);
    const path = Array.from({ length: stages }, () => this.#stage()).join(random.oneIn(9) ? '  ' : ' ');
    return palmMessage({
      pipeline: random.oneIn(3) ? '' : `p${random.below(9)}`,
      client: random.oneIn(20) ? '' : `fuzz/${random.below(1_000)}`,
      stage: random.oneIn(3) ? random.pick(NUMBERS) : 0,
      function: path,
      cache: random.oneIn(2) ? '' : this.#key(),
      payload: random.bytes(random.below(60)),
      features: random.oneIn(2) ? random.pick(NUMBERS) : random.below(16),
      status: random.oneIn(9) ? random.pick(NUMBERS) : 0,
      error: random.oneIn(9) ? 'why' : '',
      unknown: random.oneIn(9) ? new Uint8Array([0xf8, 0x7f, 0x01]) : new Uint8Array(0),
    });
  }

  #stage(): string {
    const random = this.#random;
    if (random.oneIn(20)) return random.pick(['', '.', 'nodot', 'a.b.c', 'x'.repeat(500)]);
    return `${random.oneIn(9) ? 'other' : this.#server}.${random.pick(FUNCTIONS)}`;
  }

  #key(): string {
    const random = this.#random;
    return random.oneIn(2) ? random.pick(KEYS) : `key ${random.below(5_000)}`;
  }

  #item(): WorkItem {
    const random = this.#random;
    const lease = random.oneIn(4) ? random.pick([0, 1, LAST_LEASE]) : random.below(LAST_LEASE);
    const frame = random.oneIn(3) ? this.noise() : this.#encode(this.#message());
    return { lease, kind: random.below(4), frame };
  }

  #workRequest(mayAsk: boolean): Bytes {
    const random = this.#random;
    return encodeWorkRequest(this.#codec, {
      worker: random.oneIn(2) ? `w${random.below(50)}` : `made up ${this.#made++}`,
      name: 'fuzz',
      sequence: random.oneIn(9) ? random.pick(NUMBERS) : 1 + random.below(100),
      want: mayAsk ? random.pick([0, 1, 3, 1_000_000_000, Number.MAX_SAFE_INTEGER]) : 0,
      leaves: random.oneIn(5),
      isAway: random.oneIn(5),
      items: Array.from({ length: random.below(5) }, () => this.#item()),
    });
  }

  #encode(message: PalmMessage): Bytes {
    return this.#codec.encode(message);
  }

  #spoil(frame: Bytes): Bytes {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return this.noise();
      case 1:
        return frame.slice(0, random.below(frame.length + 1));
      case 2:
      case 3: {
        const changed = frame.slice();
        for (let i = 1 + random.below(4); i > 0 && changed.length > 0; i--) {
          changed[random.below(changed.length)] = random.below(256);
        }
        return changed;
      }
      case 4: {
        const at = random.below(frame.length + 1);
        return new Uint8Array([...frame.subarray(0, at), ...random.bytes(4), ...frame.subarray(at)]);
      }
      default:
        return frame;
    }
  }
}
