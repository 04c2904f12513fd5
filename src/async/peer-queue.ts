import type { ByteMark } from './batch-queue.ts';
import { type Deferred, deferred } from './deferred.ts';

/** What one peer sent and nobody has read. */
interface PeerLane<T> {
  items: T[];
  room: Deferred<void> | undefined;
}

/**
 * Passes items from several peers to one reader in batches, and holds up those peers alone of which some items are unread while much is. So
 * a peer that sends much does not keep another's few items out. A reader that has little room takes a few of each.
 */
export class PeerQueue<T> implements AsyncIterator<T[], undefined, number | undefined> {
  readonly #highWaterMark: number;
  readonly #byteMark: ByteMark<T>;
  readonly #lanes = new Map<object, PeerLane<T>>();
  #size = 0;
  #bytes = 0;
  #reader: { readonly result: Deferred<IteratorResult<T[], undefined>>; readonly most: number } | undefined;
  #isEnded = false;

  /** An empty queue that holds peers up from `highWaterMark` items on, or from as many bytes as `byteMark` says. */
  constructor(highWaterMark: number, byteMark: ByteMark<T>) {
    this.#highWaterMark = highWaterMark;
    this.#byteMark = byteMark;
  }

  /** Number of items that were written and not read. */
  get size(): number {
    return this.#size;
  }

  /** Whether it was ended: nothing more can be added. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether a peer is held up. */
  isFullFor(peer: object): boolean {
    return this.#isFull && this.#lanes.has(peer);
  }

  get #isFull(): boolean {
    return this.#size >= this.#highWaterMark || this.#bytes >= this.#byteMark.bytes;
  }

  /** Adds items of a peer. Does nothing once the queue is ended. */
  push(peer: object, items: readonly T[]): void {
    if (this.#isEnded || items.length === 0) return;
    let lane = this.#lanes.get(peer);
    if (lane === undefined) {
      lane = { items: [], room: undefined };
      this.#lanes.set(peer, lane);
    }
    for (const item of items) {
      lane.items.push(item);
      this.#bytes += this.#byteMark.sizeOf(item);
    }
    this.#size += items.length;
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    reader.result.resolve({ done: false, value: this.#take(reader.most) });
  }

  /** Resolves when a peer is not held up any more, or when the queue is ended. */
  room(peer: object): Promise<void> {
    const lane = this.#lanes.get(peer);
    if (lane === undefined || this.#isEnded || !this.#isFull) return Promise.resolve();
    lane.room ??= deferred();
    return lane.room.promise;
  }

  /**
   * Gives what is there, or waits for the next; done once the queue was ended and is empty. For one reader.
   * @param most - items of each peer, at most.
   */
  next(most: number = Number.POSITIVE_INFINITY): Promise<IteratorResult<T[], undefined>> {
    if (this.#size > 0) return Promise.resolve({ done: false, value: this.#take(most) });
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    this.#reader ??= { result: deferred(), most };
    return this.#reader.result.promise;
  }

  /** Ends the queue: the reader gets the items that are left, and then the end. */
  end(): void {
    this.#isEnded = true;
    for (const lane of this.#lanes.values()) this.#letOn(lane);
    this.#reader?.result.resolve({ done: true, value: undefined });
    this.#reader = undefined;
  }

  #take(most: number): T[] {
    const [first] = this.#lanes.values();
    let taken: T[] = [];
    // Mostly one peer sends at a time, and all is taken: its array is passed on.
    if (this.#lanes.size === 1 && first !== undefined && first.items.length <= most) taken = first.items;
    else
      for (const { items } of this.#lanes.values()) {
        const count = Math.min(items.length, most);
        for (let i = 0; i < count; i++) taken.push(items[i] as T);
      }
    this.#size -= taken.length;
    for (const item of taken) this.#bytes -= this.#byteMark.sizeOf(item);
    const lanes = [...this.#lanes];
    for (const [peer, lane] of lanes) {
      if (lane.items.length > most) lane.items = lane.items.slice(most);
      else this.#lanes.delete(peer);
    }
    for (const [peer, lane] of lanes) if (!this.isFullFor(peer)) this.#letOn(lane);
    return taken;
  }

  #letOn(lane: PeerLane<T>): void {
    lane.room?.resolve();
    lane.room = undefined;
  }
}
