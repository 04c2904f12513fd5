const CAPACITY = 65_536;

/**
 * Measures the time from input to result. Results of a job do not name their input, so the first result counts as that of
 * the first input: single figures may be wrong, but their mean is right in any order.
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
