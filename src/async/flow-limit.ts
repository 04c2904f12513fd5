import {
  ANSWER_BYTES,
  BATCH,
  LONGEST_STALL,
  SHORTEST_STALL,
  STALL_DOUBLINGS,
  STALL_GAPS,
} from '../flow-control.ts';
import type { PalmError } from '../protocol/errors.ts';
import { type Deferred, deferred } from './deferred.ts';
import { Fifo } from './fifo.ts';
import { startTimer } from './timers.ts';

/** Weight of the newest gap between two answers in the usual gap. */
const NEWEST = 1 / 32;
/** Factor of the usual size when a smaller answer comes. */
const SHRINKS = 0.9;

/** A caller that waits for its turn, and the most places that it takes then. */
interface Waiter {
  readonly turn: Deferred<number>;
  readonly most: number;
}

/**
 * Limits how many messages are under way at once, because a stock pylm server silently drops results when 1000 of them
 * wait to be sent to a client. It is not exact: a pipeline may drop messages and a function may be slow, so after a time
 * without an answer, the messages that are out do not count any more.
 */
export class FlowLimit {
  readonly #limit: () => number;
  readonly #waiting = new Fifo<Waiter>();
  #count = 0;
  #usualGap = LONGEST_STALL;
  #lastAnswer = 0;
  #stopWatch: (() => void) | undefined;
  #closed: PalmError | undefined;
  /** Bytes of the largest recent answer. */
  #usualSize = 60_000;
  /** Stalls since the last answer. Each doubles the limit: where no answers come, none can be dropped. */
  #stalls = 0;

  /** @param limit - gives the number of messages that may be out while answers come. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Number of messages that are out. */
  get count(): number {
    return this.#count;
  }

  /** Takes up to `most` places. Returns how many it took: none while others wait. */
  take(most = 1): number {
    if (this.#waiting.size > 0) return 0;
    const taken = Math.max(0, Math.min(most, this.#allowance - this.#count));
    this.#count += taken;
    return taken;
  }

  /** Takes from 1 to `most` places when it is this caller's turn. Resolves with their number; rejects when closed. */
  wait(most = 1): Promise<number> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const taken = this.take(most);
    if (taken > 0) return Promise.resolve(taken);
    const turn = deferred<number>();
    this.#waiting.push({ turn, most });
    if (this.#stopWatch === undefined) this.#watch();
    return turn.promise;
  }

  /** Gives `count` places back: their answers came, or nobody waits for them any more. */
  release(count: number): void {
    this.#count = Math.max(0, this.#count - count);
    this.#admit();
  }

  /** An answer of `size` bytes came. */
  answered(size: number): void {
    this.#usualSize = Math.max(this.#usualSize * SHRINKS, size);
    // The clock is read only while callers wait: only then do the gaps mean anything.
    if (this.#stopWatch !== undefined) {
      const now = performance.now();
      this.#usualGap += (Math.min(now - this.#lastAnswer, LONGEST_STALL) - this.#usualGap) * NEWEST;
      this.#lastAnswer = now;
    }
    this.#stalls = 0;
    this.release(1);
  }

  /** Rejects callers that wait, now and later. */
  close(error: PalmError): void {
    this.#closed = error;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      next.turn.reject(error);
    this.#rest();
  }

  get #allowance(): number {
    // The shift also rounds down.
    return (
      Math.min(this.#limit(), 1 + ANSWER_BYTES / this.#usualSize) << Math.min(this.#stalls, STALL_DOUBLINGS)
    );
  }

  #admit(): void {
    // Not for each free place: callers that are let in together send in one batch.
    const allowance = this.#allowance;
    const company = Math.min(BATCH, (allowance + 1) >> 1);
    let free = allowance - this.#count;
    if (free < company) return;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      // Half of a batch now and half later costs twice.
      if (free < Math.min(next.most, company)) break;
      const taken = Math.min(next.most, free);
      this.#waiting.skip(1);
      free -= taken;
      this.#count += taken;
      next.turn.resolve(taken);
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  #rest(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  /** Two checks in a row without an answer make a stall: after one, answers may be unread because the event loop was busy. */
  #watch(quiet = false, seen = this.#lastAnswer): void {
    const stall = Math.min(Math.max(STALL_GAPS * this.#usualGap, SHORTEST_STALL), LONGEST_STALL);
    this.#stopWatch = startTimer(stall / 2, () => {
      if (this.#lastAnswer !== seen) return this.#watch();
      if (!quiet) return this.#watch(true, seen);
      this.#count = 0;
      this.#stalls++;
      this.#watch();
      this.#admit();
    });
  }
}
