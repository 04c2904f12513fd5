import { Places } from '../../../src/async/places.ts';
import {
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

/**
 * Limits the calls of one client by the size of their answers: the answers that are expected, if they are as large as the last
 * ones, and the bytes that are held for the client stay within `bytes`. Without it, quick servers would send a client behind a slow
 * link more than the relay holds. The size is known only when answers come, so few calls are out at first, and then four
 * times as many each time. Callers that wait here get no credit.
 */
export class AnswerBudget extends Places {
  readonly #bytes: number;
  readonly #taker: AnswerTaker;
  /** Bytes of an answer; undefined before the first one. */
  #usual: number | undefined;
  #answers = 0;
  /** Questions that may be out, however small answers are. */
  #window = FIRST_CALLS;
  /** When the last answer came. */
  #lastAnswer = 0;
  #isClosed = false;

  constructor(bytes: number, taker: AnswerTaker) {
    super(2);
    this.#bytes = bytes;
    this.#taker = taker;
  }

  override take(most: number): number {
    if (this.#isClosed) return most;
    if (this.taken === 0 && !this.isAwaited && performance.now() - this.#lastAnswer > CALLS_REST) {
      this.#window = Math.min(this.#window, FIRST_CALLS_AGAIN);
    }
    return super.take(most);
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
    this.#lastAnswer = performance.now();
  }

  /** Some of the bytes that were held were sent to the client. */
  moved(): void {
    this.admit();
  }

  /** Lets all callers go on: the client is gone, so no budget is needed. */
  close(): void {
    this.#isClosed = true;
    this.dismiss(({ turn, most }) => turn.resolve(most));
  }

  protected get total(): number {
    const { held } = this.#taker;
    const fitting = this.#usual === undefined ? this.#window : Math.floor((this.#bytes - held) / this.#usual);
    const total = Math.min(this.#window, fitting);
    // An answer that is larger than the whole budget must come through, too.
    return held <= this.#bytes / 2 ? Math.max(1, total) : total;
  }

  protected watch(): void {
    const before = this.#answers;
    this.lookIn(CALLS_STALL, () => {
      this.watch();
      if (this.taken > 0 && this.#answers === before) {
        this.#window = Math.min(CALLS_GROWTH * this.#window, MOST_CALLS);
        this.release(this.taken);
      } else this.admit();
    });
  }
}
