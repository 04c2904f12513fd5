import { STATUS_BACKLOG } from '../flow-control.ts';
import { deferred } from './deferred.ts';

interface Reader<T> {
  items: T[];
  isOver: boolean;
  /** Resolved when a value was added, or the reader is over. */
  change: ReturnType<typeof deferred<void>>;
}

/** Gives every value to every reader that is there when it is sent. */
export class Broadcast<T> {
  readonly #readers = new Set<Reader<T>>();
  #ended = false;

  /** Hands a value to every reader. One that has not read the last 256 loses its oldest. */
  send(value: T): void {
    for (const reader of this.#readers) {
      if (reader.items.push(value) > STATUS_BACKLOG) reader.items.shift();
      wake(reader);
    }
  }

  /** Ends all readers, and those that come later. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) this.#leave(reader);
  }

  /** Gives `first`, and then the values that are sent from now on. `break` or `return` ends the reader. */
  values(first: readonly T[] = []): AsyncIterableIterator<T> {
    const reader: Reader<T> = { items: [...first], isOver: this.#ended, change: deferred() };
    if (!this.#ended) this.#readers.add(reader);
    return {
      next: async () => {
        while (reader.items.length === 0 && !reader.isOver) await reader.change.promise;
        return reader.items.length > 0
          ? { done: false, value: reader.items.shift() as T }
          : { done: true, value: undefined };
      },
      return: async () => {
        reader.items = [];
        this.#leave(reader);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #leave(reader: Reader<T>): void {
    this.#readers.delete(reader);
    reader.isOver = true;
    wake(reader);
  }
}

function wake<T>(reader: Reader<T>): void {
  reader.change.resolve();
  reader.change = deferred();
}
