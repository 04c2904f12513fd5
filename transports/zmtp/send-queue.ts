import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo } from '../../src/async/fifo.ts';
import type { PalmError } from '../../src/protocol/errors.ts';

/** Frames that wait for a link that takes them, and the sends that they are of. */
export class SendQueue<T> {
  readonly #items = new Fifo<T>();
  /** Items ever accepted, and ever taken: a send is done when all up to its mark are. */
  #accepted = 0;
  #taken = 0;
  readonly #sends = new Fifo<{
    readonly from: number;
    readonly mark: number;
    readonly sent: Deferred<void>;
  }>();
  #idle: Deferred<void> | undefined;

  get size(): number {
    return this.#items.size;
  }

  /** Resolves when all of them were taken. `isBegun` says that others of the same send were taken already. */
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

  /** Takes the first away. Call {@link settle} when done for now. */
  shift(): T | undefined {
    if (this.#items.size > 0) this.#taken++;
    return this.#items.shift();
  }

  /** Resolves the sends of which everything was taken. */
  settle(): void {
    for (let send = this.#sends.peek(); send !== undefined; send = this.#sends.peek()) {
      if (send.mark > this.#taken) return;
      this.#sends.skip(1);
      send.sent.resolve();
    }
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Gives up what waits: it is never taken. `make` is told whether some of a send was taken. */
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
