/** An end that is there, as one of those that are watched. */
export interface WatchedEnd {
  /** Whether it is the end of one process, and not any of those that share an address. */
  readonly isOne: boolean;
  /** Has it asked at once whether it is there. */
  look(): void;
}

/**
 * The ends that one connection watches, by address. Each process of a server has all of its ends, so the one of a single process tells of the
 * others: with thousands of clients, questions are most of what NATS has to do while nobody calls.
 */
export class WatchedEnds {
  readonly #ends = new Map<string, Set<WatchedEnd>>();

  /** Adds an end. Returns the function that removes it. */
  add(address: string, end: WatchedEnd): () => void {
    const ends = this.#ends.get(address) ?? new Set();
    this.#ends.set(address, ends.add(end));
    return () => {
      ends.delete(end);
      if (ends.size === 0 && this.#ends.get(address) === ends) this.#ends.delete(address);
    };
  }

  /** Whether the end of a single process is watched at an address. */
  hasOne(address: string): boolean {
    for (const { isOne } of this.#ends.get(address) ?? []) if (isOne) return true;
    return false;
  }

  /** One at an address is gone: the others may be, too. */
  lost(address: string): void {
    for (const end of [...(this.#ends.get(address) ?? [])]) end.look();
  }
}
