import { type Deferred, deferred } from './deferred.ts';

/** Requests that wait for their reply, by number. Each entry goes when it is settled or failed. */
export class PendingReplies<T> {
  readonly #entries = new Map<number, Deferred<T>>();
  #next = 1;

  add(): { readonly id: number; readonly reply: Promise<T> } {
    const id = this.#next;
    // Ids travel in four bytes.
    this.#next = (id % 0xffff_ffff) + 1;
    const entry = deferred<T>();
    this.#entries.set(id, entry);
    return { id, reply: entry.promise };
  }

  has(id: number): boolean {
    return this.#entries.has(id);
  }

  settle(id: number, value: T): void {
    this.#take(id)?.resolve(value);
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
