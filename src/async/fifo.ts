/** Items in, items out in the same order, each in constant time however many wait: `Array.shift` moves them all. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #at = 0;

  get size(): number {
    return this.#items.length - this.#at;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item `offset` places from the front, if there is one. */
  peek(offset = 0): T | undefined {
    return this.#items[this.#at + offset];
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#at];
    this.skip(1);
    return item;
  }

  /** Takes away the first `count`. */
  skip(count: number): void {
    // What is gone must not stay reachable while the reader never quite catches up.
    const end = Math.min(this.#at + count, this.#items.length);
    while (this.#at < end) this.#items[this.#at++] = undefined;
    if (this.#at >= this.#items.length) {
      this.clear();
    } else if (this.#at >= 1_024 && this.#at * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
  }

  clear(): void {
    this.#items = [];
    this.#at = 0;
  }
}

/** Leaves in a queue only what `isWanted` says, in order. Not a method: most that have queues never need it. */
export function retain<T>(queue: Fifo<T>, isWanted: (item: T) => boolean): void {
  for (let left = queue.size; left > 0; left--) {
    const item = queue.shift() as T;
    if (isWanted(item)) queue.push(item);
  }
}
