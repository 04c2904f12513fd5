/** A first-in, first-out queue. `shift` takes constant time however many items wait; `Array.shift` moves them all. */
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

  /** Removes the first `count` items. */
  skip(count: number): void {
    // Removed items must not stay reachable when the reader never quite catches up.
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

/** Keeps only the items for which `isWanted` is true, in order. A function, because few users of queues need it. */
export function retain<T>(queue: Fifo<T>, isWanted: (item: T) => boolean): void {
  for (let left = queue.size; left > 0; left--) {
    const item = queue.shift() as T;
    if (isWanted(item)) queue.push(item);
  }
}
