import { type Deferred, deferred } from './deferred.ts';

/** The size of an item in bytes, and how many unread bytes make writers wait. */
export interface ByteMark<T> {
  /** Bytes of one item. */
  readonly sizeOf: (item: T) => number;
  /** Bytes that may lie unread. */
  readonly bytes: number;
}

/**
 * Passes items from writers to one reader in batches: each `next` gives all items that came since the last one.
 * Writers that await {@link room} wait while `highWaterMark` items are unread, or as many bytes as `byteMark` says.
 */
export class BatchQueue<T> implements AsyncIterator<T[], undefined> {
  readonly #highWaterMark: number;
  readonly #byteMark: ByteMark<T> | undefined;
  #bytes = 0;
  /** A new array for each batch: an array that waits to be filled grows old, and the collector frees what it holds late. */
  #items: T[] | undefined;
  #reader: Deferred<IteratorResult<T[], undefined>> | undefined;
  #writers: Deferred<void>[] = [];
  #closed = false;

  /** An empty queue that is full from `highWaterMark` items on, or from as many bytes as `byteMark` says. */
  constructor(highWaterMark: number, byteMark?: ByteMark<T>) {
    this.#highWaterMark = highWaterMark;
    this.#byteMark = byteMark;
  }

  /** Number of items that were written and not read. */
  get size(): number {
    return this.#items?.length ?? 0;
  }

  /** Whether it was ended: nothing more can be added. */
  get isEnded(): boolean {
    return this.#closed;
  }

  /** Whether writers are held up. */
  get isFull(): boolean {
    if (this.size >= this.#highWaterMark) return true;
    return this.#byteMark !== undefined && this.#bytes >= this.#byteMark.bytes;
  }

  /** Adds items. Does nothing once the queue is ended. */
  push(items: readonly T[]): void {
    if (this.#closed || items.length === 0) return;
    this.#items ??= [];
    for (const item of items) this.#items.push(item);
    if (this.#byteMark !== undefined) for (const item of items) this.#bytes += this.#byteMark.sizeOf(item);
    if (this.#reader !== undefined) this.#give({ done: false, value: this.#takeAll() });
  }

  /** Resolves when there is room again, or when the queue is ended. */
  room(): Promise<void> {
    if (!this.isFull || this.#closed) return Promise.resolve();
    const writer = deferred<void>();
    this.#writers.push(writer);
    return writer.promise;
  }

  /** Gives all items that are there, or waits for the next; done once the queue was ended and is empty. For one reader. */
  next(): Promise<IteratorResult<T[], undefined>> {
    if (this.#items !== undefined) return Promise.resolve({ done: false, value: this.#takeAll() });
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    this.#reader ??= deferred();
    return this.#reader.promise;
  }

  /** Ends the queue: the reader gets the items that are left, and then the end. */
  end(): void {
    this.#closed = true;
    this.#wakeWriters();
    this.#give({ done: true, value: undefined });
  }

  #give(result: IteratorResult<T[], undefined>): void {
    this.#reader?.resolve(result);
    this.#reader = undefined;
  }

  #takeAll(): T[] {
    const items = this.#items ?? [];
    this.#items = undefined;
    this.#bytes = 0;
    this.#wakeWriters();
    return items;
  }

  #wakeWriters(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const writer of writers) writer.resolve();
  }
}
