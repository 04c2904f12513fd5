/** Milliseconds of work that a worker holds in advance, which covers the time it takes to ask for more. */
const AHEAD = 5;
const MOST_AHEAD = 256;
/** Messages that a worker has at once at most, where its `concurrency` knows no limit. */
const MOST_AT_ONCE = 1_024;
/** Weight of the newest message in the usual time. */
const NEWEST = 1 / 8;

/**
 * How much work a worker asks for: as much as it can begin at once, and in advance no more than it does in a few
 * milliseconds. So quick functions get large batches, and behind one that takes its time nothing waits.
 */
export class Prefetch {
  readonly #concurrency: number;
  /** Milliseconds that a message usually takes. Unknown at first: nothing is taken in advance. */
  #usual = Number.POSITIVE_INFINITY;

  constructor(concurrency: number) {
    this.#concurrency = Math.min(concurrency, MOST_AT_ONCE);
  }

  /** A message took so many milliseconds. */
  took(time: number): void {
    this.#usual = Number.isFinite(this.#usual) ? this.#usual + (time - this.#usual) * NEWEST : time;
  }

  /** A message has been taking so many milliseconds and is not done. */
  isSlow(time: number): void {
    this.#usual = Math.max(time, Number.isFinite(this.#usual) ? this.#usual : 0);
  }

  /** Messages to ask for, when so many are there that are not done. */
  want(held: number): number {
    const ahead = Math.min(MOST_AHEAD, Math.floor((AHEAD / Math.max(this.#usual, 1e-3)) * this.#concurrency));
    // Not for each that is done: a request shall bring several.
    if (held >= this.#concurrency && held > ahead / 2) return 0;
    return this.#concurrency + ahead - held;
  }
}
