/** The part of Jazzer.js that hands out coverage counters, one for each branch of an instrumented module. */
export interface CoverageTracker {
  createModuleCounters(size: number): Uint8Array;
}

/** All coverage counters of the process. */
export class Counters {
  readonly #all: Uint8Array[] = [];

  /** Sees the counters of every module that is loaded after this. */
  constructor(tracker: CoverageTracker) {
    const create = tracker.createModuleCounters.bind(tracker);
    tracker.createModuleCounters = (size) => {
      const counters = create(size);
      this.#all.push(counters);
      return counters;
    };
  }

  /** Number of branches. */
  get size(): number {
    return this.#all.reduce((sum, { length }) => sum + length, 0);
  }

  clear(): void {
    for (const counters of this.#all) counters.fill(0);
  }

  /** Numbers of the branches that were taken since the last {@link clear}. */
  taken(): number[] {
    const branches: number[] = [];
    let first = 0;
    for (const counters of this.#all) {
      for (const [at, count] of counters.entries()) if (count !== 0) branches.push(first + at);
      first += counters.length;
    }
    return branches;
  }
}
