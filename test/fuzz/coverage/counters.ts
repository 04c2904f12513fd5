/** What gives counters to the modules that Jazzer.js instruments: one for each place where the way forks. */
export interface CoverageTracker {
  createModuleCounters(size: number): Uint8Array;
}

/** How often each place of the code that is fuzzed was passed. */
export class Counters {
  readonly #all: Uint8Array[] = [];

  /** Counts in all modules that are loaded from now on. */
  constructor(tracker: CoverageTracker) {
    const create = tracker.createModuleCounters.bind(tracker);
    tracker.createModuleCounters = (size) => {
      const counters = create(size);
      this.#all.push(counters);
      return counters;
    };
  }

  /** Places in all. */
  get size(): number {
    return this.#all.reduce((sum, { length }) => sum + length, 0);
  }

  clear(): void {
    for (const counters of this.#all) counters.fill(0);
  }

  /** Those that were passed since they were cleared, numbered through. */
  passed(): number[] {
    const places: number[] = [];
    let first = 0;
    for (const counters of this.#all) {
      for (const [at, count] of counters.entries()) if (count !== 0) places.push(first + at);
      first += counters.length;
    }
    return places;
  }
}
