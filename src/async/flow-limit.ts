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

/** Weight of the newest gap in the usual one. */
const NEWEST = 1 / 32;
/** What is left of the largest answer's size when one comes that is smaller. */
const SHRINKS = 0.9;

/** Whose turn comes, and how many places it takes then at most. */
interface Waiting {
  readonly turn: Deferred<number>;
  readonly most: number;
}

/**
 * Bounds how many messages are on their way at once, because a stock pylm server drops results without a word once
 * 1000 of them wait to be sent to a client. It is a brake and not a window: a pipeline may drop messages and a function
 * may take its time, so when nothing comes back for a while, what is out no longer counts.
 */
export class FlowLimit {
  readonly #limit: () => number;
  readonly #waiting = new Fifo<Waiting>();
  #count = 0;
  #usualGap = LONGEST_STALL;
  #lastAnswer = 0;
  #stopWatch: (() => void) | undefined;
  #closed: PalmError | undefined;
  /** Bytes of an answer, as large as the largest of late. */
  #usualSize = 60_000;
  /** Stalls since the last answer. Where none ever comes there is nothing to be dropped: each doubles the limit. */
  #stalls = 0;

  /** @param limit - messages that may be out while answers come. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Messages out. */
  get count(): number {
    return this.#count;
  }

  /** Takes the places of up to so many messages, and gives how many there were: none while others wait. */
  take(most = 1): number {
    if (this.#waiting.size > 0) return 0;
    const taken = Math.max(0, Math.min(most, this.#allowance - this.#count));
    this.#count += taken;
    return taken;
  }

  /** Resolves with up to so many places taken, one at least, in turn; rejects when closed. */
  wait(most = 1): Promise<number> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const taken = this.take(most);
    if (taken > 0) return Promise.resolve(taken);
    const turn = deferred<number>();
    this.#waiting.push({ turn, most });
    if (this.#stopWatch === undefined) this.#watch();
    return turn.promise;
  }

  /** Answers came, or are no longer waited for. */
  release(count: number): void {
    this.#count = Math.max(0, this.#count - count);
    this.#admit();
  }

  /** An answer of so many bytes came. */
  answered(size: number): void {
    this.#usualSize = Math.max(this.#usualSize * SHRINKS, size);
    // The clock is read only while somebody waits: that is when the gaps tell something.
    if (this.#stopWatch !== undefined) {
      const now = performance.now();
      this.#usualGap += (Math.min(now - this.#lastAnswer, LONGEST_STALL) - this.#usualGap) * NEWEST;
      this.#lastAnswer = now;
    }
    this.#stalls = 0;
    this.release(1);
  }

  /** Ends whoever waits, now and later. */
  close(error: PalmError): void {
    this.#closed = error;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      next.turn.reject(error);
    this.#rest();
  }

  get #allowance(): number {
    // A shift cuts what is behind the point off.
    return (
      Math.min(this.#limit(), 1 + ANSWER_BYTES / this.#usualSize) << Math.min(this.#stalls, STALL_DOUBLINGS)
    );
  }

  #admit(): void {
    // Not for each place that is free: those who wait shall come in company, and travel in one batch.
    const allowance = this.#allowance;
    const company = Math.min(BATCH, (allowance + 1) >> 1);
    let free = allowance - this.#count;
    if (free < company) return;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      // Half of a batch now, and half later, cost twice.
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

  /** Two looks in a row without an answer make a stall: after one, answers may lie unread behind a busy event loop. */
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
