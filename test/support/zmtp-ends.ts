/** The ends of zmtp, each over a socket that exists in memory only: a test writes what the peer would send. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ReadTurns } from '../../src/async/read-turns.ts';
import { READ_TURN } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { ChannelHost } from '../../transports/shared/base-connection.ts';
import type { BindContext, Bound } from '../../transports/zmtp/bound.ts';
import { ZmtpPublish } from '../../transports/zmtp/bound-publish.ts';
import { ZmtpPull } from '../../transports/zmtp/bound-pull.ts';
import { ZmtpPush } from '../../transports/zmtp/bound-push.ts';
import { ZmtpReply } from '../../transports/zmtp/bound-reply.ts';
import type { DialContext, Dialled } from '../../transports/zmtp/dialled.ts';
import { Link, type LinkEnd } from '../../transports/zmtp/link.ts';
import { LocalSystem } from '../../transports/zmtp/local-system.ts';
import { resolveOptions, type ZmtpOptions } from '../../transports/zmtp/options.ts';
import { OwnBytes } from '../../transports/zmtp/own-bytes.ts';
import { ZmtpPusher } from '../../transports/zmtp/pusher.ts';
import { ZmtpPuller, ZmtpSubscription } from '../../transports/zmtp/receiving.ts';
import { ZmtpRequester } from '../../transports/zmtp/requester.ts';

/** A socket without a network. What is written to it is counted, and gone. */
class MemorySocket extends EventEmitter {
  destroyed = false;
  readableEnded = false;
  isPaused = false;
  /** Bytes that the end has written. */
  written = 0;
  /** A peer that reads nothing: what is written waits. */
  readonly isDeaf: boolean;

  constructor(isDeaf: boolean) {
    super();
    this.isDeaf = isDeaf;
  }

  get writableLength(): number {
    return this.isDeaf ? this.written : 0;
  }

  get writableNeedDrain(): boolean {
    return this.writableLength > 16_384;
  }

  write(piece: Uint8Array): boolean {
    this.written += piece.length;
    return !this.writableNeedDrain;
  }

  end(done?: () => void): this {
    done?.();
    return this.destroy();
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    process.nextTick(() => this.emit('close'));
    return this;
  }

  pause(): this {
    this.isPaused = true;
    return this;
  }

  resume(): this {
    this.isPaused = false;
    this.emit('resumed');
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  cork(): void {}

  uncork(): void {}
}

/** What the user of an end was given, in order. */
export type Given = readonly string[];

/** What became of a link. */
export interface Outcome {
  readonly given: Given;
  /** Bytes that the end has written. */
  readonly written: number;
  /** How the link ended; undefined while it is there. */
  readonly end: LinkEnd | undefined;
  /** How often its end was told. */
  readonly ends: number;
  /** Most parts, and bytes of parts, that were kept of an incomplete message after a piece was read. */
  readonly mostParts: number;
  readonly mostPartBytes: number;
  readonly wasPaused: boolean;
}

interface Kind {
  readonly isDialler: boolean;
  /** Whether peers may send it messages. */
  readonly takesMessages: boolean;
  /** A kind of socket that fits. */
  readonly peer: string;
  readonly make: (context: BindContext & DialContext, give: (what: string) => void) => Bound | Dialled;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

async function readInto(batches: AsyncIterator<unknown[]>, give: (what: string) => void): Promise<void> {
  for (;;) {
    const { done, value } = await batches.next();
    if (done === true) return;
    for (const item of value as (Uint8Array | { topic: string; frames: Uint8Array[] })[]) {
      give(item instanceof Uint8Array ? hex(item) : `${item.topic} ${item.frames.map(hex).join()}`);
    }
  }
}

/** Every kind of end. */
export const ENDS: Readonly<Record<string, Kind>> = {
  'a bound ROUTER': {
    isDialler: false,
    takesMessages: true,
    peer: 'DEALER',
    make: (context, give) =>
      new ZmtpReply(context, (request) => {
        give(hex(request));
        return request;
      }),
  },
  'a bound PULL': {
    isDialler: false,
    takesMessages: true,
    peer: 'PUSH',
    make: (context, give) => {
      const pull = new ZmtpPull(context);
      void readInto(pull[Symbol.asyncIterator](), give);
      return pull;
    },
  },
  'a bound PUSH': {
    isDialler: false,
    takesMessages: false,
    peer: 'PULL',
    make: (context) => new ZmtpPush(context),
  },
  'a bound XPUB': {
    isDialler: false,
    takesMessages: false,
    peer: 'SUB',
    make: (context) => new ZmtpPublish(context),
  },
  'a dialling DEALER': {
    isDialler: true,
    takesMessages: true,
    peer: 'REP',
    make: (context, give) => {
      const requester = new ZmtpRequester(context);
      for (let i = 0; i < REQUESTS; i++) {
        requester.request(new Uint8Array(3).fill(i)).reply.then(
          (reply) => give(`${i}: ${hex(reply)}`),
          () => {},
        );
      }
      return requester;
    },
  },
  'a dialling PUSH': {
    isDialler: true,
    takesMessages: false,
    peer: 'PULL',
    make: (context) => {
      const pusher = new ZmtpPusher(context);
      pusher.send([new Uint8Array(3), new Uint8Array(300)]).catch(() => {});
      return pusher;
    },
  },
  'a dialling PULL': {
    isDialler: true,
    takesMessages: true,
    peer: 'PUSH',
    make: (context, give) => {
      const puller = new ZmtpPuller(context);
      void readInto(puller[Symbol.asyncIterator](), give);
      return puller;
    },
  },
  'a dialling SUB': {
    isDialler: true,
    takesMessages: true,
    peer: 'PUB',
    make: (context, give) => {
      const subscription = new ZmtpSubscription(context, 'me/', {});
      void readInto(subscription[Symbol.asyncIterator](), give);
      return subscription;
    },
  },
};

/** Requests that wait at a dialling DEALER. */
const REQUESTS = 4;

const QUIET: ChannelHost = { report() {}, release() {} };

/** One link of one kind of end, and its peer, who is the test. */
export class MemoryLink {
  readonly #socket: MemorySocket;
  readonly #end: Bound | Dialled;
  readonly #link: Link;
  readonly #given: string[] = [];
  #ended: LinkEnd | undefined;
  #ends = 0;
  #mostParts = 0;
  #mostPartBytes = 0;
  #wasPaused = false;

  /** @param turns - of the transport, for links that share it. */
  constructor(kind: string, options: ZmtpOptions = {}, isDeaf = false, turns = new ReadTurns(READ_TURN)) {
    const { make, isDialler } = ENDS[kind] ?? raise(kind);
    const settings = resolveOptions({ heartbeatInterval: 0, ...options });
    const context = {
      address: 'tcp://127.0.0.1:1',
      host: QUIET,
      settings,
      own: new OwnBytes(),
      turns,
      system: new LocalSystem(),
      mechanism: undefined,
    };
    const end = make(context, (what) => this.#given.push(what));
    const down = end.down.bind(end);
    end.down = (link, how) => {
      this.#ended = how;
      this.#ends++;
      down(link, how);
    };
    this.#end = end;
    this.#socket = new MemorySocket(isDeaf);
    this.#link = new Link(this.#socket as unknown as Socket, end, isDialler);
  }

  get isOver(): boolean {
    return this.#socket.destroyed;
  }

  /** What the user of the end was given so far. */
  get given(): Given {
    return this.#given;
  }

  get isPaused(): boolean {
    return this.#socket.isPaused;
  }

  /** Hands the end a piece of the stream: at once, or as soon as it reads on. */
  receive(piece: Bytes): void | Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.isPaused) return this.#receiveLater(piece);
    socket.emit('data', piece);
    this.#mostParts = Math.max(this.#mostParts, this.#link.parts.length);
    this.#mostPartBytes = Math.max(this.#mostPartBytes, this.#link.partBytes);
  }

  async #receiveLater(piece: Bytes): Promise<void> {
    const socket = this.#socket;
    this.#wasPaused = true;
    // It reads on when the peer has read what waits, which a deaf one never does.
    if (socket.isDeaf) return;
    while (socket.isPaused && !socket.destroyed) await new Promise(setImmediate);
    return this.receive(piece);
  }

  /** The peer hangs up. */
  hangUp(): void {
    this.#socket.destroy();
  }

  /** Ends the link, unless it has ended, and everything else of this end. */
  async outcome(): Promise<Outcome> {
    await new Promise(setImmediate);
    // What it has taken, it reads in as many turns as it needs.
    const { isDeaf } = this.#socket;
    while (this.isPaused && !isDeaf && !this.isOver) await new Promise(setImmediate);
    const [end, ends] = [this.#ended, this.#ends];
    await this.#end.close({ timeout: 0 });
    if (!this.#socket.destroyed) await this.#link.close(0);
    await new Promise(setImmediate);
    return {
      given: this.#given,
      written: this.#socket.written,
      end,
      ends,
      mostParts: this.#mostParts,
      mostPartBytes: this.#mostPartBytes,
      wasPaused: this.#wasPaused,
    };
  }
}

function raise(kind: string): never {
  throw new Error(`there is no end ${kind}`);
}
