/** What a relay holds for all of its clients together: however many there are, they do not fill its memory. */
export class Holdings<T> {
  readonly #most: number;
  readonly #tooMuch: (holder: T) => void;
  /** Bytes by whom they are for: of those for whom there are some. */
  readonly #held = new Map<T, number>();
  #total = 0;

  /** @param tooMuch - ends whoever the most is held for: when all together are over the limit, it goes first. */
  constructor(most: number, tooMuch: (holder: T) => void) {
    this.#most = most;
    this.#tooMuch = tooMuch;
  }

  /** Bytes held for all together. */
  get total(): number {
    return this.#total;
  }

  /** So many bytes are held for one now. */
  set(holder: T, bytes: number): void {
    this.#total += bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
    while (this.#total > this.#most) {
      const largest = this.#largest();
      if (largest === undefined) return;
      this.set(largest, 0);
      this.#tooMuch(largest);
    }
  }

  #largest(): T | undefined {
    let largest: T | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#held) {
      if (bytes <= most) continue;
      largest = holder;
      most = bytes;
    }
    return largest;
  }
}
