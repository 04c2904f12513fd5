/** A client or socket that bytes are kept for. */
export interface BudgetHolder {
  /** When too much is kept, holders of the group with the most bytes are ended first. */
  readonly group: string;
  /** Too much is kept for all together, and this holder must end. */
  overBudget(reason: string): void;
}

/**
 * Bounds the bytes that a relay keeps for all of its clients together, in both directions, so that any number of clients cannot
 * fill its memory.
 */
export class MemoryBudget {
  readonly #most: number;
  /** Bytes of each holder that has any. */
  readonly #kept = new Map<BudgetHolder, number>();
  readonly #byGroup = new Map<string, number>();
  #total = 0;

  /** @param most - the most bytes for all together. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes kept for all together. */
  get total(): number {
    return this.#total;
  }

  /**
   * Sets the bytes of one holder, to the next whole number. When all together are over the limit, the largest holder of the group with the most bytes ends. So
   * an attacker with many connections is cut before a client with one.
   */
  set(holder: BudgetHolder, bytes: number): void {
    // Some are counted by averages, whose sums drift away from whole numbers.
    this.#put(holder, Math.round(bytes));
    while (this.#total > this.#most) {
      const largest = this.#largest();
      if (largest === undefined) return;
      this.#put(largest, 0);
      largest.overBudget(`more than ${this.#most} bytes are kept for all clients, and this one has the most`);
    }
  }

  #put(holder: BudgetHolder, bytes: number): void {
    const before = this.#kept.get(holder) ?? 0;
    if (bytes === before) return;
    this.#total += bytes - before;
    if (bytes > 0) this.#kept.set(holder, bytes);
    else this.#kept.delete(holder);
    const ofGroup = (this.#byGroup.get(holder.group) ?? 0) + bytes - before;
    if (ofGroup > 0) this.#byGroup.set(holder.group, ofGroup);
    else this.#byGroup.delete(holder.group);
  }

  #largest(): BudgetHolder | undefined {
    const group = largestOf(this.#byGroup);
    let largest: BudgetHolder | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#kept) {
      if (holder.group !== group || bytes <= most) continue;
      largest = holder;
      most = bytes;
    }
    return largest;
  }
}

function largestOf(sizes: ReadonlyMap<string, number>): string | undefined {
  let largest: string | undefined;
  let most = 0;
  for (const [name, size] of sizes) {
    if (size <= most) continue;
    largest = name;
    most = size;
  }
  return largest;
}
