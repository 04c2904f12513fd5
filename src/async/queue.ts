import { type Deferred, deferred } from './deferred.ts';

/**
 * Values between one writer and one reader, in order. The writer is never held up; whoever writes watches
 * {@link size} to keep it bounded. After {@link end} or {@link fail} the reader still gets what was there.
 */
export class AsyncQueue<T> implements AsyncIterator<T, undefined> {
  #items: T[] = [];
  #at = 0;
  #waiting: Deferred<IteratorResult<T, undefined>>[] = [];
  #closed = false;
  #failure: { readonly reason: unknown } | undefined;

  /** Values written and not read. */
  get size(): number {
    return this.#items.length - this.#at;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Adds a value; without effect once closed. */
  push(value: T): void {
    if (this.#closed) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(value);
    else waiting.resolve({ done: false, value });
  }

  /** The next value, if there is one at once. */
  take(): T | undefined {
    if (this.size === 0) return undefined;
    const value = this.#items[this.#at];
    this.#at++;
    if (this.#at === this.#items.length) {
      this.#items = [];
      this.#at = 0;
    } else if (this.#at >= 1024 && this.#at * 2 >= this.#items.length) {
      // What was read must not stay reachable while the reader never quite catches up.
      this.#items = this.#items.slice(this.#at);
      this.#at = 0;
    }
    return value;
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
    this.#items = [];
    this.#at = 0;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.size > 0) return Promise.resolve({ done: false, value: this.take() as T });
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    const waiting = deferred<IteratorResult<T, undefined>>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #close(failure: { readonly reason: unknown } | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    if (first === undefined || failure === undefined) {
      this.#failure = failure;
      first?.resolve({ done: true, value: undefined });
    } else {
      first.reject(failure.reason);
    }
    for (const waiting of others) waiting.resolve({ done: true, value: undefined });
  }
}
