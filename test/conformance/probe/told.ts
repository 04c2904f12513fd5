/** What came of the suite on one mutant. */
export interface Told {
  readonly count: number;
  /** The tests that failed, and what they said. */
  readonly failed: readonly string[];
  readonly said: readonly string[];
  /** Errors outside of tests. */
  readonly errors: readonly string[];
}
