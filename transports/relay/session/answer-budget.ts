import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import { Fifo } from '../../../src/async/fifo.ts';
import { startTimer } from '../../../src/async/timers.ts';
import {
  BATCH,
  CALLS_GROWTH,
  CALLS_REST,
  CALLS_STALL,
  FIRST_CALLS,
  FIRST_CALLS_AGAIN,
  MOST_CALLS,
} from '../../../src/flow-control.ts';

/** Weight of the newest answers in the usual size when they are smaller. */
const NEWEST = 1 / 8;

/** The client that the answers are for. */
export interface AnswerTaker {
  /** Bytes that are held for it. */
  readonly held: number;
}

/** A caller that waits for its turn, and the most places that it takes then. */
interface Waiter {
  readonly turn: Deferred<number>;
  readonly most: number;
}

/**
 * Limits the calls of one client by the size of their answers: the answers that are expected, if they are as large as the last
 * ones, and the bytes that are held for the client stay within `bytes`. Without it, quick servers would send a client behind a slow
 * link more than the relay holds. The size is known only when answers come, so few calls are out at first, and then four
 * times as many each time. Callers that wait here get no credit.
 */
export class AnswerBudget {
  readonly #bytes: number;
  readonly #taker: AnswerTaker;
  readonly #waiting = new Fifo<Waiter>();
  #out = 0;
  /** Bytes of an answer; undefined before the first one. */
  #usual: number | undefined;
  #answers = 0;
  /** Questions that may be out, however small answers are. */
  #window = FIRST_CALLS;
  /** When the last answer came, of those that were out. */
  #lastAnswer = 0;
  #stopWatch: (() => void) | undefined;
  #isClosed = false;

  constructor(bytes: number, taker: AnswerTaker) {
    this.#bytes = bytes;
    this.#taker = taker;
  }

  /** Takes up to `most` places. Returns how many it took: none while others wait. */
  take(most: number): number {
    if (this.#isClosed) return most;
    if (this.#waiting.size > 0) return 0;
    if (this.#out === 0 && performance.now() - this.#lastAnswer > CALLS_REST) {
      this.#window = Math.min(this.#window, FIRST_CALLS_AGAIN);
    }
    const taken = Math.max(0, Math.min(most, this.#free));
    this.#out += taken;
    return taken;
  }

  /** Takes from 1 to `most` places when it is this caller's turn. Resolves with their number. */
  wait(most: number): Promise<number> {
    const taken = this.take(most);
    if (taken > 0) return Promise.resolve(taken);
    const turn = deferred<number>();
    this.#waiting.push({ turn, most });
    if (this.#stopWatch === undefined) this.#watch();
    return turn.promise;
  }

  /** `count` answers came, of `bytes` bytes together. */
  answered(count: number, bytes: number): void {
    this.#answers += count;
    const size = bytes / count;
    const usual = this.#usual ?? 0;
    this.#usual = Math.max(1, size > usual ? size : usual + (size - usual) * NEWEST);
    this.#window = Math.min(
      Math.max(this.#window + (CALLS_GROWTH - 1) * count, FIRST_CALLS_AGAIN),
      MOST_CALLS,
    );
    this.release(count);
    if (this.#out === 0) this.#lastAnswer = performance.now();
  }

  /** Some of the bytes that were held were sent to the client. */
  moved(): void {
    this.#admit();
  }

  /** Gives `count` places back: their answers came, or nobody waits for them any more. */
  release(count: number): void {
    this.#out = Math.max(0, this.#out - count);
    this.#admit();
  }

  /** Lets all callers go on: the client is gone, so no budget is needed. */
  close(): void {
    this.#isClosed = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.turn.resolve(next.most);
    }
    this.#rest();
  }

  get #free(): number {
    const { held } = this.#taker;
    const fitting = this.#usual === undefined ? this.#window : Math.floor((this.#bytes - held) / this.#usual);
    const free = Math.min(this.#window, fitting) - this.#out;
    // An answer that is larger than the whole budget must come through, too.
    return this.#out === 0 && held <= this.#bytes / 2 ? Math.max(1, free) : free;
  }

  #admit(): void {
    if (this.#waiting.size === 0) return;
    let free = this.#free;
    // Not for each place that is free: those who wait shall come in company.
    if (this.#out > 0 && free < Math.min(BATCH, (this.#out + free) >> 2)) return;
    for (; free > 0; free = this.#free) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const taken = Math.min(next.most, free);
      this.#out += taken;
      next.turn.resolve(taken);
    }
    if (this.#waiting.size === 0) this.#rest();
  }

  #rest(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  #watch(): void {
    const before = this.#answers;
    this.#stopWatch = startTimer(CALLS_STALL, () => {
      this.#watch();
      if (this.#out > 0 && this.#answers === before) {
        this.#out = 0;
        this.#window = Math.min(CALLS_GROWTH * this.#window, MOST_CALLS);
      }
      this.#admit();
    });
  }
}
