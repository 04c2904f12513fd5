import { TURN } from '../flow-control.ts';
import { Fifo } from './fifo.ts';

interface Lane<T> {
  readonly owner: string;
  readonly items: Fifo<T>;
  /** Whether it is in the ring of those that wait for their turn. */
  isWaiting: boolean;
}

/**
 * A queue that takes turns between the owners of its items, and keeps each owner's items in order: an owner with many
 * items does not delay one with few. A turn is measured in time and not in items, because quick work is cheaper in batches.
 */
export class Turns<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  /** The lanes with items. The first one has its turn. */
  readonly #ring = new Fifo<Lane<T>>();
  /** The lane of the last item: the next item mostly has the same owner. */
  #last: Lane<T> | undefined;
  #size = 0;
  #turnSince = 0;

  /** Number of items that wait. */
  get size(): number {
    return this.#size;
  }

  /** Number of owners whose items wait. */
  get owners(): number {
    return this.#ring.size;
  }

  push(owner: string, item: T): void {
    const lane = this.#last?.owner === owner ? this.#last : this.#laneOf(owner);
    lane.items.push(item);
    this.#size++;
    if (lane.isWaiting) return;
    lane.isWaiting = true;
    this.#ring.push(lane);
  }

  shift(): T | undefined {
    const lane = this.#ring.peek();
    if (lane === undefined) return undefined;
    const item = lane.items.shift();
    this.#size--;
    if (lane.items.size === 0) this.#leave(lane);
    else if (this.#ring.size > 1 && performance.now() - this.#turnSince >= TURN) {
      this.#ring.skip(1);
      this.#ring.push(lane);
      this.#turnSince = performance.now();
    }
    return item;
  }

  /**
   * Takes out items that wait.
   * @param isOwner - whether any of the owner's items are to be taken out.
   * @param isPicked - called with each of these: whether to take it out.
   */
  remove(isOwner: (owner: string) => boolean, isPicked: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (let left = this.#ring.size; left > 0; left--) {
      const lane = this.#ring.shift();
      if (lane === undefined) break;
      for (let items = isOwner(lane.owner) ? lane.items.size : 0; items > 0; items--) {
        const item = lane.items.shift() as T;
        if (isPicked(item)) removed.push(item);
        else lane.items.push(item);
      }
      if (lane.items.size > 0) this.#ring.push(lane);
      else {
        lane.isWaiting = false;
        if (lane !== this.#last) this.#lanes.delete(lane.owner);
      }
    }
    this.#size -= removed.length;
    return removed;
  }

  #laneOf(owner: string): Lane<T> {
    const before = this.#last;
    if (before?.isWaiting === false) this.#lanes.delete(before.owner);
    const lane = this.#lanes.get(owner) ?? { owner, items: new Fifo<T>(), isWaiting: false };
    this.#lanes.set(owner, lane);
    this.#last = lane;
    return lane;
  }

  #leave(lane: Lane<T>): void {
    lane.isWaiting = false;
    this.#ring.skip(1);
    this.#turnSince = performance.now();
    if (lane !== this.#last) this.#lanes.delete(lane.owner);
  }
}
