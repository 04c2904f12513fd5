/** Judges results of numbered inputs: whether each was seen once, and in its place. */

export interface Verdict {
  /** Inputs without a result. */
  readonly lost: number;
  /** Results of inputs that had one. */
  readonly duplicated: number;
  /** Results that came behind one of a later input, or in another input's name. */
  readonly misordered: number;
  /** Inputs that ended with an error, by its code and remote name. */
  readonly failed: Readonly<Record<string, number>>;
}

export class Checker {
  readonly #count: number;
  readonly #seen: Uint8Array;
  readonly #failed: Record<string, number> = {};
  #duplicated = 0;
  #misordered = 0;
  #latest = -1;

  constructor(count: number) {
    this.#count = count;
    this.#seen = new Uint8Array(count);
  }

  /** @param number - what the result says it belongs to. @param index - which input it was given for. */
  took(number: number, index: number, isOrdered: boolean): void {
    if (number !== index || (isOrdered && index < this.#latest)) this.#misordered++;
    this.#latest = Math.max(this.#latest, index);
    this.#mark(number);
  }

  failed(index: number, reason: string): void {
    this.#failed[reason] = (this.#failed[reason] ?? 0) + 1;
    this.#mark(index);
  }

  get verdict(): Verdict {
    let lost = 0;
    for (const times of this.#seen) if (times === 0) lost++;
    return {
      lost,
      duplicated: this.#duplicated,
      misordered: this.#misordered,
      failed: { ...this.#failed },
    };
  }

  #mark(number: number): void {
    if (number >= this.#count || this.#seen[number] === 1) this.#duplicated++;
    else this.#seen[number] = 1;
  }
}

/** What each input answered once, and in its place, comes to. */
export const FLAWLESS: Verdict = { lost: 0, duplicated: 0, misordered: 0, failed: {} };
