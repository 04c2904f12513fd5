const CAPACITY = 65_536;

/**
 * How long inputs take to become results. Results of a job do not say which input they are of, so the first that comes is
 * taken for the first that left: each figure may be another's, and their mean is right in any order.
 */
export class Latencies {
  readonly #left = new Float64Array(CAPACITY);
  #sent = 0;
  #received = 0;

  sent(now: number): void {
    this.#left[this.#sent++ % CAPACITY] = now;
  }

  /** Milliseconds since the input at `index` left, for results that say which input they are of. */
  of(index: number, now: number): number | undefined {
    const left = this.#left[index % CAPACITY];
    return left === undefined ? undefined : now - left;
  }

  /** Milliseconds; undefined for a result that there was no input for, as scattering makes them. */
  received(now: number): number | undefined {
    if (this.#received >= this.#sent) return undefined;
    this.#received = Math.max(this.#received, this.#sent - CAPACITY);
    const left = this.#left[this.#received++ % CAPACITY];
    return left === undefined ? undefined : now - left;
  }
}
