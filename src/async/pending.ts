import { type Deferred, deferred } from './deferred.ts';

/** Requests that wait for their reply, by number. Each entry goes when it is settled, failed or aborted. */
export class PendingReplies<T> {
  readonly #entries = new Map<number, Deferred<T>>();
  #next = 1;

  get size(): number {
    return this.#entries.size;
  }

  /** A new entry. When the signal aborts it is dropped and its promise rejects with the signal's reason. */
  add(signal: AbortSignal | undefined): { readonly id: number; readonly promise: Promise<T> } {
    signal?.throwIfAborted();
    const id = this.#next++;
    const entry = deferred<T>();
    this.#entries.set(id, entry);
    if (signal === undefined) return { id, promise: entry.promise };
    const onAbort = () => this.fail(id, signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const promise = entry.promise.finally(() => signal.removeEventListener('abort', onAbort));
    return { id, promise };
  }

  has(id: number): boolean {
    return this.#entries.has(id);
  }

  /** @returns false when nobody waits for this reply any more. */
  settle(id: number, value: T): boolean {
    const entry = this.#take(id);
    entry?.resolve(value);
    return entry !== undefined;
  }

  fail(id: number, reason: unknown): void {
    this.#take(id)?.reject(reason);
  }

  failAll(reason: unknown): void {
    for (const id of [...this.#entries.keys()]) this.fail(id, reason);
  }

  #take(id: number): Deferred<T> | undefined {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    return entry;
  }
}
