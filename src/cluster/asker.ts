import { startTimer } from '../async/deadline.ts';
import { type Deferred, deferred } from '../async/deferred.ts';
import { Fifo } from '../async/fifo.ts';
import type { Bytes } from '../protocol/utf8.ts';
import type { WorkRequest } from '../protocol/work.ts';

/** Requests that are known again when they come twice. A worker has no more than two under way. */
const REMEMBERED = 8;

/** A request that waits for work. */
interface Asking {
  readonly sequence: number;
  readonly want: number;
  readonly reply: Deferred<Bytes>;
  readonly stopWaiting: () => void;
}

/** A worker that asks for its work, as its Master sees it. */
export class Asker {
  readonly id: string;
  readonly name: string;
  /** Leases that it holds. */
  readonly held = new Set<number>();
  lastSeen = performance.now();
  /** The request for work that came last. */
  latest: WorkRequest | undefined;
  readonly #seen = new Fifo<number>();
  /** The newest request for work that was answered, and the answer, which a break may have taken. */
  #answered = 0;
  #answer: Bytes | undefined;
  #asking: Asking | undefined;

  constructor(id: string, name: string) {
    this.id = id;
    this.name = name;
  }

  /** Items that it takes; 0 when it does not wait for any. */
  get want(): number {
    return this.#asking?.want ?? 0;
  }

  /** Takes note of a request. Gives whether it is not one that came before, sent again after a break. */
  isNew(sequence: number): boolean {
    for (let i = 0; i < this.#seen.size; i++) if (this.#seen.peek(i) === sequence) return false;
    this.#seen.push(sequence);
    if (this.#seen.size > REMEMBERED) this.#seen.shift();
    return true;
  }

  /** The answer that a request for work got before; undefined for a new one, empty for one that is overtaken. */
  answerBefore(sequence: number): Bytes | 'overtaken' | undefined {
    if (sequence > this.#answered) return undefined;
    return (sequence === this.#answered ? this.#answer : undefined) ?? 'overtaken';
  }

  /** Has a request wait. Gives the answer to come; `expire` is called after `timeout` milliseconds without it. */
  ask(sequence: number, want: number, timeout: number, expire: () => void): Promise<Bytes> {
    const reply = deferred<Bytes>();
    this.#asking = { sequence, want, reply, stopWaiting: startTimer(timeout, expire) };
    return reply.promise;
  }

  /** Answers what waits. */
  answer(answer: Bytes): void {
    if (this.#asking === undefined) return;
    this.#answered = this.#asking.sequence;
    this.#answer = answer;
    this.end(answer);
  }

  /** Ends what waits without taking note of the answer. */
  end(answer: Bytes): void {
    this.#asking?.reply.resolve(answer);
    this.stopWaiting();
  }

  /** What waits is not answered any more. */
  stopWaiting(): void {
    this.#asking?.stopWaiting();
    this.#asking = undefined;
  }
}
