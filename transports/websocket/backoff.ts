/** Milliseconds of an attempt's first delay, at most, and of any. */
const FIRST = 200;
const LONGEST = 30_000;
/** So many delays long a link must have held for the next attempt to count as a first one. */
const STABLE = 5;

/**
 * Delays between attempts: random ones up to a bound that doubles ("full jitter"), so that clients that were cut at the same
 * time do not come back at the same time.
 */
export class Backoff {
  readonly #longest: number;
  readonly #random: () => number;
  #attempt = 0;

  /** @param longest - milliseconds that no delay is beyond. */
  constructor(longest: number = LONGEST, random: () => number = Math.random) {
    this.#longest = longest;
    this.#random = random;
  }

  /** Attempts since the last link that held. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const bound = this.#bound;
    this.#attempt++;
    return this.#random() * bound;
  }

  /** A link was up for so many milliseconds. */
  held(duration: number): void {
    if (duration >= STABLE * this.#bound) this.#attempt = 0;
  }

  get #bound(): number {
    return Math.min(this.#longest, FIRST * 2 ** Math.min(this.#attempt, 30));
  }
}
