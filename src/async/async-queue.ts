import { type Deferred, deferred } from './deferred.ts';
import { Fifo } from './fifo.ts';

/**
 * Passes values from one writer to one reader, in order. The writer never waits: it watches {@link size} to keep the
 * queue bounded. After {@link end} or {@link fail} the reader still gets the values that were written before.
 */
export class AsyncQueue<T> implements AsyncIterator<T, undefined> {
  readonly #items = new Fifo<T>();
  readonly #readers = new Fifo<Deferred<IteratorResult<T, undefined>>>();
  #isClosed = false;
  #failure: { readonly reason: unknown } | undefined;

  /** Number of values that were written and not read. */
  get size(): number {
    return this.#items.size;
  }

  /** Adds a value. Does nothing once the queue is closed. */
  push(value: T): void {
    if (this.#isClosed) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(value);
    else reader.resolve({ done: false, value });
  }

  /** The next value, if one is waiting. */
  take(): T | undefined {
    return this.#items.shift();
  }

  /** Closes the queue: the reader gets the values that are left, and then the end. */
  end(): void {
    this.#close(undefined);
  }

  /** Closes the queue: the reader gets the values that are left, then this error once, and then the end. */
  fail(reason: unknown): void {
    this.#close({ reason });
  }

  /** Closes the queue and drops the values that are left. */
  clear(): void {
    this.drop();
    this.#failure = undefined;
    this.#close(undefined);
  }

  /** Drops the values that are left. The queue stays open. */
  drop(): void {
    this.#items.clear();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.size > 0) return Promise.resolve({ done: false, value: this.#items.shift() as T });
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#isClosed) return Promise.resolve({ done: true, value: undefined });
    const reader = deferred<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  #close(failure: { readonly reason: unknown } | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure = failure;
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      reader.resolve(this.next());
    }
  }
}
