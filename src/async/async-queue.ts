import { type Deferred, deferred } from './deferred.ts';
import { Fifo } from './fifo.ts';

/**
 * Values between one writer and one reader, in order. The writer is never held up; whoever writes watches
 * {@link size} to keep it bounded. After {@link end} or {@link fail} the reader still gets what was there.
 */
export class AsyncQueue<T> implements AsyncIterator<T, undefined> {
  readonly #items = new Fifo<T>();
  readonly #readers = new Fifo<Deferred<IteratorResult<T, undefined>>>();
  #isClosed = false;
  #failure: { readonly reason: unknown } | undefined;

  /** Values written and not read. */
  get size(): number {
    return this.#items.size;
  }

  /** Adds a value; without effect once closed. */
  push(value: T): void {
    if (this.#isClosed) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(value);
    else reader.resolve({ done: false, value });
  }

  /** The next value, if there is one at once. */
  take(): T | undefined {
    return this.#items.shift();
  }

  /** No more values come: the reader ends after what is there. */
  end(): void {
    this.#close(undefined);
  }

  /** No more values come: after what is there the reader gets this error, once. */
  fail(reason: unknown): void {
    this.#close({ reason });
  }

  /** Ends at once, dropping what is there. */
  clear(): void {
    this.drop();
    this.#failure = undefined;
    this.#close(undefined);
  }

  /** Forgets what is there and goes on. */
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
