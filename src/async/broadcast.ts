import { AsyncQueue } from './queue.ts';

/** Values that a slow reader is behind by; older ones are dropped, because the newest state is what counts. */
const BACKLOG = 256;

/** Hands every value to every reader that is there at the time. */
export class Broadcast<T> {
  readonly #readers = new Set<AsyncQueue<T>>();
  #ended = false;

  send(value: T): void {
    for (const reader of this.#readers) {
      if (reader.size >= BACKLOG) reader.take();
      reader.push(value);
    }
  }

  /** Ends every reader, now and later. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** `first`, and the values from now on. A reader that is left, by `break` or `return`, is forgotten. */
  values(first: readonly T[] = []): AsyncIterableIterator<T> {
    const queue = new AsyncQueue<T>();
    for (const value of first) queue.push(value);
    if (this.#ended) queue.end();
    else this.#readers.add(queue);
    return {
      next: () => queue.next(),
      return: async () => {
        this.#readers.delete(queue);
        queue.clear();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
