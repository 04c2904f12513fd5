import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import { RELAYED_REQUESTS } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { PendingReply } from '../../src/transport.ts';
import { type Failed, type Frame, type Reply, Type } from '../relay-protocol/frames.ts';
import { relayedError, tooLarge } from './channel.ts';
import type { SessionTerms } from './shared-session.ts';

interface QueuedRequest {
  readonly id: number;
  readonly address: string;
  readonly frame: Bytes;
  readonly reply: Deferred<Bytes>;
  /** Bytes that it counts for in the window; undefined until it was sent. */
  counted: number | undefined;
}

/** Sends requests to servers behind the relay. */
export class RelayedRequester {
  readonly #post: (frame: Frame) => void;
  /** Requests without a reply, by number. */
  readonly #unanswered = new Map<number, QueuedRequest>();
  readonly #queue = new Fifo<QueuedRequest>();
  #next = 1;
  /** Requests that were sent and not answered, and their bytes. */
  #sentCount = 0;
  #outstanding = 0;
  #terms: SessionTerms | undefined;

  constructor(post: (frame: Frame) => void) {
    this.#post = post;
  }

  request(address: string, frame: Bytes): PendingReply {
    const request: QueuedRequest = {
      id: this.#next++,
      address,
      frame,
      reply: deferred(),
      counted: undefined,
    };
    this.#unanswered.set(request.id, request);
    this.#queue.push(request);
    this.#send();
    return { reply: request.reply.promise, cancel: (reason) => this.#cancel(request, reason) };
  }

  open(terms: SessionTerms): void {
    this.#terms = terms;
    this.#send();
  }

  answered(frame: Reply | Failed): void {
    const request = this.#unanswered.get(frame[1]);
    if (request !== undefined) {
      this.#forget(request);
      if (frame[0] === Type.reply) request.reply.resolve(frame[2].slice());
      else request.reply.reject(relayedError(frame[2], frame[3]));
    }
    this.#send();
  }

  /** The session is over: requests that were sent in it fail. Requests that wait go on waiting. */
  lost(error: PalmError): void {
    this.#terms = undefined;
    for (const request of this.#unanswered.values())
      if (request.counted !== undefined) this.#fail(request, error);
  }

  close(error: PalmError): void {
    this.lost(error);
    this.#queue.clear();
    const unsent = new PalmError(error.code, error.message, { sent: false });
    for (const request of this.#unanswered.values()) this.#fail(request, unsent);
  }

  #send(): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    while (this.#sentCount < RELAYED_REQUESTS && this.#outstanding < terms.window) {
      const request = this.#queue.shift();
      if (request === undefined) return;
      const { id, address, frame } = request;
      // It was given up while it waited.
      if (!this.#unanswered.has(id)) continue;
      if (frame.length > terms.maxFrame) {
        this.#fail(request, tooLarge(frame.length, terms.maxFrame));
        continue;
      }
      request.counted = Math.min(frame.length, terms.heaviest);
      this.#sentCount++;
      this.#outstanding += request.counted;
      this.#post([Type.request, id, address, frame]);
    }
  }

  #cancel(request: QueuedRequest, reason: unknown): void {
    if (!this.#unanswered.has(request.id)) return;
    this.#fail(request, reason);
    if (request.counted === undefined) return;
    this.#post([Type.cancel, request.id]);
    this.#send();
  }

  #fail(request: QueuedRequest, reason: unknown): void {
    this.#forget(request);
    request.reply.reject(reason);
  }

  #forget({ id, counted }: QueuedRequest): void {
    this.#unanswered.delete(id);
    if (counted === undefined) return;
    this.#sentCount--;
    this.#outstanding -= counted;
  }
}
