/** Numbers of one page. */
const PAGE = 256;

interface Page<T> {
  readonly items: (T | undefined)[];
  count: number;
}

/**
 * Items by their numbers, which are whole, from 0 on, and mostly given in order. For items that come and go by the thousand: a `Map` or
 * `Set` makes itself a new table every few hundred of them, and V8 links each table to the next one. Once a table is old, which takes
 * one full collection, it keeps alive all that come after it, with what was in them: a worker took 40 % more CPU for that.
 */
export class Numbered<T> {
  readonly #pages = new Map<number, Page<T>>();
  /** The page that was looked for last, if it is there: the next item is mostly in the same one. */
  #key = 0;
  #recent: Page<T> | undefined;
  #size = 0;

  /** Number of items. */
  get size(): number {
    return this.#size;
  }

  get(number: number): T | undefined {
    return this.#page(number)?.items[number % PAGE];
  }

  set(number: number, item: T): void {
    let page = this.#page(number);
    if (page === undefined) {
      page = { items: new Array<T | undefined>(PAGE).fill(undefined), count: 0 };
      this.#pages.set(this.#key, page);
      this.#recent = page;
    }
    if (page.items[number % PAGE] === undefined) {
      page.count++;
      this.#size++;
    }
    page.items[number % PAGE] = item;
  }

  /** Removes an item. Returns whether it was there. */
  delete(number: number): boolean {
    const page = this.#page(number);
    if (page?.items[number % PAGE] === undefined) return false;
    page.items[number % PAGE] = undefined;
    page.count--;
    this.#size--;
    if (page.count === 0) {
      this.#pages.delete(this.#key);
      this.#recent = undefined;
    }
    return true;
  }

  /** The items, in the order of their numbers as far as those were given in order. They may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (const { items } of this.#pages.values()) {
      for (const item of items) if (item !== undefined) yield item;
    }
    return undefined;
  }

  clear(): void {
    this.#pages.clear();
    this.#recent = undefined;
    this.#size = 0;
  }

  #page(number: number): Page<T> | undefined {
    const key = Math.floor(number / PAGE);
    if (key !== this.#key) {
      this.#key = key;
      this.#recent = this.#pages.get(key);
    }
    return this.#recent;
  }
}
