/** A promise and the functions that settle it: `Promise.withResolvers`, which Node 20 lacks. */
export interface Deferred<T> {
  /** What is waited for. */
  readonly promise: Promise<T>;
  /** Resolves the promise; without effect once it is settled. */
  readonly resolve: (value: T | PromiseLike<T>) => void;
  /** Rejects the promise; without effect once it is settled. */
  readonly reject: (reason: unknown) => void;
}

/** Makes a promise and gives its two ends. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T | PromiseLike<T>) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** Requests that wait for their reply, by number. An entry is deleted when its reply came or failed. */
export class PendingReplies<T> {
  readonly #entries = new Map<number, Deferred<T>>();
  #next = 1;

  /** Takes in a request. Gives its number, 1 to 2³² - 1, and the promise of its reply. */
  add(): { readonly id: number; readonly reply: Promise<T> } {
    const id = this.#next;
    // Ids travel in four bytes.
    this.#next = (id % 0xffff_ffff) + 1;
    const entry = deferred<T>();
    this.#entries.set(id, entry);
    return { id, reply: entry.promise };
  }

  /** Whether the request still waits. */
  has(id: number): boolean {
    return this.#entries.has(id);
  }

  /** Gives a request its reply; without effect when it does not wait. */
  settle(id: number, value: T): void {
    this.#take(id)?.resolve(value);
  }

  /** Rejects a request; without effect when it does not wait. */
  fail(id: number, reason: unknown): void {
    this.#take(id)?.reject(reason);
  }

  /** Rejects all requests. */
  failAll(reason: unknown): void {
    for (const id of [...this.#entries.keys()]) this.fail(id, reason);
  }

  #take(id: number): Deferred<T> | undefined {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    return entry;
  }
}
