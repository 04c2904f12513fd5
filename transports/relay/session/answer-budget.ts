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

/** Weight of the newest answers in the usual size, when they are smaller. */
const NEWEST = 1 / 8;

/** Whom the answers are for. */
export interface AnswerTaker {
  /** Bytes that wait for it already. */
  readonly held: number;
}

/** Whose turn comes, and how many places it takes then at most. */
interface Waiting {
  readonly turn: Deferred<number>;
  readonly most: number;
}

/**
 * Keeps what a client asks to what it has room for: so many questions are out that their answers, as large as the last ones
 * were, and what waits for it already stay within `bytes`. Otherwise whoever is behind a slow link would be given more
 * than is held for anybody, only because servers are quick. How large answers are is seen when they come, so there are few
 * out at first and four times as many each time. Who waits here is not given credit.
 */
export class AnswerBudget {
  readonly #bytes: number;
  readonly #taker: AnswerTaker;
  readonly #waiting = new Fifo<Waiting>();
  #out = 0;
  /** Bytes of an answer, once there was one. */
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

  /** Takes up to so many places, and gives how many there were: none while others wait. */
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

  /** Resolves with up to so many places taken, one at least, in turn. */
  wait(most: number): Promise<number> {
    const taken = this.take(most);
    if (taken > 0) return Promise.resolve(taken);
    const turn = deferred<number>();
    this.#waiting.push({ turn, most });
    if (this.#stopWatch === undefined) this.#watch();
    return turn.promise;
  }

  /** Answers came. */
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

  /** The client took some of what waits for it. */
  moved(): void {
    this.#admit();
  }

  /** Answers came, or are no longer waited for. */
  release(count: number): void {
    this.#out = Math.max(0, this.#out - count);
    this.#admit();
  }

  /** Lets everybody go on: there is nobody left to be spared. */
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
    // An answer that is as large as all there is must come through, too.
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
