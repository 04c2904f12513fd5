import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import type { PalmError } from '../../src/protocol/errors.ts';

/** A send of which items are still in the queue. */
interface PendingSend {
  /** Count of accepted items before its first; -1 when some of its items never were in the queue. */
  readonly from: number;
  /** Count of accepted items up to its last. */
  readonly mark: number;
  readonly sent: Deferred<void>;
}

/** Frames that wait for a link with room, and the sends that they belong to. */
export class SendQueue<T> {
  readonly #items = new Fifo<T>();
  /** Items that were ever accepted and ever taken. A send is done when all items up to its mark are taken. */
  #accepted = 0;
  #taken = 0;
  readonly #sends = new Fifo<PendingSend>();
  #idle: Deferred<void> | undefined;

  get size(): number {
    return this.#items.size;
  }

  /**
   * Resolves when all items were taken.
   * @param isBegun - whether other items of the same send were taken already.
   */
  add(items: readonly T[], isBegun = false): Promise<void> {
    const from = isBegun ? -1 : this.#accepted;
    for (const item of items) this.#items.push(item);
    this.#accepted += items.length;
    const sent = deferred<void>();
    this.#sends.push({ from, mark: this.#accepted, sent });
    return sent.promise;
  }

  peek(): T | undefined {
    return this.#items.peek();
  }

  /** Takes the first item. Call {@link settle} afterwards, once for all that were taken. */
  shift(): T | undefined {
    if (this.#items.size > 0) this.#taken++;
    return this.#items.shift();
  }

  /** Resolves the sends whose items were all taken. */
  settle(): void {
    for (let send = this.#sends.peek(); send !== undefined; send = this.#sends.peek()) {
      if (send.mark > this.#taken) return;
      this.#sends.skip(1);
      send.sent.resolve();
    }
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /**
   * Drops all items and rejects their sends.
   * @param make - makes the error of a send, given whether some of its items were taken.
   */
  drop(make: (isBegun: boolean) => PalmError): void {
    const taken = this.#taken;
    this.#items.clear();
    this.#taken = this.#accepted;
    for (let send = this.#sends.shift(); send !== undefined; send = this.#sends.shift()) {
      send.sent.reject(make(send.from < taken));
    }
    this.settle();
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.#items.size === 0) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }
}
