import { startTimer } from './timers.ts';

/** One timer for many times: it fires at the earliest of those that were set. */
export class EarliestTimer {
  readonly #ring: () => void;
  #at = Number.POSITIVE_INFINITY;
  #stop = () => {};

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** @param time - as `performance.now()` gives it; Infinity means never. */
  set(time: number): void {
    if (time >= this.#at) return;
    this.stop();
    this.#at = time;
    this.#stop = startTimer(Math.max(1, time - performance.now()), () => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }

  stop(): void {
    this.#stop();
    this.#at = Number.POSITIVE_INFINITY;
  }
}

/** A binary heap: the item with the lowest rank comes first. */
export class Heap<T> {
  readonly #rank: (item: T) => number;
  #items: T[] = [];

  constructor(rank: (item: T) => number) {
    this.#rank = rank;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    const rank = this.#rank(item);
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || this.#rank(parent) <= rank) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  shift(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    const rank = this.#rank(last);
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && this.#rank(right) < this.#rank(left);
      const least = isRight ? right : left;
      if (this.#rank(least) >= rank) break;
      items[at] = least;
      at = 2 * at + (isRight ? 2 : 1);
    }
    items[at] = last;
    return first;
  }

  clear(): void {
    this.#items = [];
  }
}
