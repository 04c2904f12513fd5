import { Numbered } from '../../async/numbered.ts';

/** Puts numbered items in order, counted from 0: gives each item when all before it were given. */
export class InOrder<T> {
  readonly #give: (item: T) => void;
  /** Items that wait for one before them. */
  readonly #early = new Numbered<T>();
  #next = 0;

  constructor(give: (item: T) => void) {
    this.#give = give;
  }

  add(number: number, item: T): void {
    if (number !== this.#next) {
      this.#early.set(number, item);
      return;
    }
    this.#next++;
    this.#give(item);
    while (this.#early.size > 0) {
      const next = this.#early.get(this.#next);
      if (next === undefined) return;
      this.#early.delete(this.#next++);
      this.#give(next);
    }
  }

  clear(): void {
    this.#early.clear();
  }
}
