import { Fifo } from '../../src/async/fifo.ts';
import { PendingReplies } from '../../src/async/pending.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { PendingReply } from '../../src/transport.ts';
import { relayedError, tooLarge } from './channel.ts';
import { type Failed, type Frame, type Reply, Type } from './frames.ts';
import type { Terms } from './link.ts';

/** Requests under way at once: no more than relays allow (`maxRequests`). */
const MOST_UNANSWERED = 128;

interface Waiting {
  readonly id: number;
  readonly address: string;
  readonly frame: Bytes;
}

/** Requests to servers behind the relay. */
export class RelayedRequester {
  readonly #post: (frame: Frame) => void;
  readonly #pending = new PendingReplies<Bytes>();
  readonly #waiting = new Fifo<Waiting>();
  /** Sizes of the requests that were sent and not answered. */
  readonly #sent = new Map<number, number>();
  #outstanding = 0;
  #terms: Terms | undefined;

  constructor(post: (frame: Frame) => void) {
    this.#post = post;
  }

  request(address: string, frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    this.#waiting.push({ id, address, frame });
    this.#send();
    return { reply, cancel: (reason) => this.#cancel(id, reason) };
  }

  open(terms: Terms): void {
    this.#terms = terms;
    this.#send();
  }

  answered(frame: Reply | Failed): void {
    const [type, id] = frame;
    this.#forget(id);
    if (type === Type.reply) this.#pending.settle(id, frame[2].slice());
    else this.#pending.fail(id, relayedError(frame[2], frame[3]));
    this.#send();
  }

  /** The session is over: what was sent in it has no answer any more. What waits goes on waiting. */
  lost(error: PalmError): void {
    this.#terms = undefined;
    for (const id of [...this.#sent.keys()]) {
      this.#forget(id);
      this.#pending.fail(id, error);
    }
  }

  close(error: PalmError): void {
    this.lost(error);
    this.#waiting.clear();
    this.#pending.failAll(new PalmError(error.code, error.message, { sent: false }));
  }

  #send(): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    while (this.#sent.size < MOST_UNANSWERED && this.#outstanding < terms.window) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      const { id, address, frame } = request;
      // What was given up while it waited is passed over.
      if (!this.#pending.has(id)) continue;
      if (frame.length > terms.maxFrame) {
        this.#pending.fail(id, tooLarge(frame.length, terms.maxFrame));
        continue;
      }
      const counted = Math.min(frame.length, terms.heaviest);
      this.#sent.set(id, counted);
      this.#outstanding += counted;
      this.#post([Type.request, id, address, frame]);
    }
  }

  #cancel(id: number, reason: unknown): void {
    this.#pending.fail(id, reason);
    if (!this.#sent.has(id)) return;
    this.#post([Type.cancel, id]);
    this.#forget(id);
    this.#send();
  }

  #forget(id: number): void {
    this.#outstanding -= this.#sent.get(id) ?? 0;
    this.#sent.delete(id);
  }
}
