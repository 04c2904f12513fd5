import { type Deferred, deferred } from './deferred.ts';

/**
 * Items between writers and one reader, handed over by the pile: each `next` gives all that came since the last.
 * Writers that await {@link room} are held up while `highWaterMark` items or more lie unread, or `maxBytes` of them.
 */
export class BatchQueue<T> implements AsyncIterator<T[], undefined> {
  readonly #highWaterMark: number;
  readonly #maxBytes: number;
  /** Made anew for each pile: one that waits to be filled grows old, and what an old array holds is garbage for long. */
  #items: T[] | undefined;
  #reader: Deferred<IteratorResult<T[], undefined>> | undefined;
  #writers: Deferred<void>[] = [];
  #bytes = 0;
  #closed = false;

  constructor(highWaterMark: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.#highWaterMark = highWaterMark;
    this.#maxBytes = maxBytes;
  }

  /** Items written and not read. */
  get size(): number {
    return this.#items?.length ?? 0;
  }

  get isEnded(): boolean {
    return this.#closed;
  }

  get isFull(): boolean {
    return this.size >= this.#highWaterMark || this.#bytes >= this.#maxBytes;
  }

  /** Adds items of `bytes` in all; without effect once closed. */
  push(items: readonly T[], bytes = 0): void {
    if (this.#closed || items.length === 0) return;
    this.#bytes += bytes;
    this.#items ??= [];
    for (const item of items) this.#items.push(item);
    if (this.#reader !== undefined) this.#give({ done: false, value: this.#takeAll() });
  }

  /** Resolves when there is room again, or when the queue is closed. */
  room(): Promise<void> {
    if (!this.isFull || this.#closed) return Promise.resolve();
    const writer = deferred<void>();
    this.#writers.push(writer);
    return writer.promise;
  }

  next(): Promise<IteratorResult<T[], undefined>> {
    if (this.#items !== undefined) return Promise.resolve({ done: false, value: this.#takeAll() });
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    this.#reader ??= deferred();
    return this.#reader.promise;
  }

  /** Ends the reader after what is there. */
  end(): void {
    this.#closed = true;
    this.#letIn();
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
    this.#letIn();
    return items;
  }

  #letIn(): void {
    const writers = this.#writers;
    this.#writers = [];
    for (const writer of writers) writer.resolve();
  }
}
