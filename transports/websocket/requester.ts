import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import { RELAYED_REQUESTS } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { PendingReply } from '../../src/transport.ts';
import { type Failed, type Frame, type Reply, Type } from '../relay-protocol/frames.ts';
import { relayedError, tooLarge } from './channel.ts';
import type { SessionTerms } from './relay-session.ts';

interface Asked {
  readonly id: number;
  readonly address: string;
  readonly frame: Bytes;
  readonly reply: Deferred<Bytes>;
  /** Bytes that it counts for since it was sent; undefined before. */
  counted: number | undefined;
}

/** Requests to servers behind the relay. */
export class RelayedRequester {
  readonly #post: (frame: Frame) => void;
  /** Those without a reply, by number. */
  readonly #pending = new Map<number, Asked>();
  readonly #waiting = new Fifo<Asked>();
  #next = 1;
  /** Requests that were sent and not answered, and their bytes. */
  #sent = 0;
  #outstanding = 0;
  #terms: SessionTerms | undefined;

  constructor(post: (frame: Frame) => void) {
    this.#post = post;
  }

  request(address: string, frame: Bytes): PendingReply {
    const asked: Asked = { id: this.#next++, address, frame, reply: deferred(), counted: undefined };
    this.#pending.set(asked.id, asked);
    this.#waiting.push(asked);
    this.#send();
    return { reply: asked.reply.promise, cancel: (reason) => this.#cancel(asked, reason) };
  }

  open(terms: SessionTerms): void {
    this.#terms = terms;
    this.#send();
  }

  answered(frame: Reply | Failed): void {
    const asked = this.#pending.get(frame[1]);
    if (asked !== undefined) {
      this.#forget(asked);
      if (frame[0] === Type.reply) asked.reply.resolve(frame[2].slice());
      else asked.reply.reject(relayedError(frame[2], frame[3]));
    }
    this.#send();
  }

  /** The session is over: what was sent in it has no answer any more. What waits goes on waiting. */
  lost(error: PalmError): void {
    this.#terms = undefined;
    for (const asked of this.#pending.values()) if (asked.counted !== undefined) this.#fail(asked, error);
  }

  close(error: PalmError): void {
    this.lost(error);
    this.#waiting.clear();
    const unsent = new PalmError(error.code, error.message, { sent: false });
    for (const asked of this.#pending.values()) this.#fail(asked, unsent);
  }

  #send(): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    while (this.#sent < RELAYED_REQUESTS && this.#outstanding < terms.window) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      const { id, address, frame } = asked;
      // What was given up while it waited is passed over.
      if (!this.#pending.has(id)) continue;
      if (frame.length > terms.maxFrame) {
        this.#fail(asked, tooLarge(frame.length, terms.maxFrame));
        continue;
      }
      asked.counted = Math.min(frame.length, terms.heaviest);
      this.#sent++;
      this.#outstanding += asked.counted;
      this.#post([Type.request, id, address, frame]);
    }
  }

  #cancel(asked: Asked, reason: unknown): void {
    if (!this.#pending.has(asked.id)) return;
    this.#fail(asked, reason);
    if (asked.counted === undefined) return;
    this.#post([Type.cancel, asked.id]);
    this.#send();
  }

  #fail(asked: Asked, reason: unknown): void {
    this.#forget(asked);
    asked.reply.reject(reason);
  }

  #forget({ id, counted }: Asked): void {
    this.#pending.delete(id);
    if (counted === undefined) return;
    this.#sent--;
    this.#outstanding -= counted;
  }
}
