import type { PalmError } from 'frond';

/** Where a job is in its life. */
export type JobPhase = 'idle' | 'running' | 'paused' | 'done' | 'stopped' | 'failed';

/** The figures of a job that the page shows. */
export interface JobView {
  readonly phase: JobPhase;
  readonly path: string;
  readonly wanted: number | undefined;
  readonly sent: number;
  readonly received: number;
  /** Results that were failures. */
  readonly failures: number;
  readonly lastFailure: PalmError | undefined;
  /** Seconds. */
  readonly elapsed: number;
  /** Results a second, over all of it. */
  readonly rate: number;
  readonly frames: { readonly frames: number; readonly longest: number; readonly long: number };
  readonly error: unknown;
}

/** One result, as a line of the list. */
export interface ResultLine {
  readonly number: number;
  readonly shown: string;
}
