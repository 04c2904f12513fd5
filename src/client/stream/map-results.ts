import { PalmError } from '../../protocol/errors.ts';
import type { Attempt } from './attempts.ts';

/** What became of one input. `index` is its place, counted from 0. */
export type MapOutcome<T> =
  | { readonly index: number; readonly status: 'fulfilled'; readonly value: T }
  | { readonly index: number; readonly status: 'rejected'; readonly reason: PalmError };

/** How far a map is. */
export interface MapProgress {
  /** Inputs taken. */
  readonly taken: number;
  /** Inputs that have their result, read or not; failures are results too. */
  readonly answered: number;
  /** Of these, how many are failures. */
  readonly failed: number;
  /** How often an input was sent again. */
  readonly retried: number;
  /** Answers that came to an input that had its result, and were dropped. */
  readonly duplicates: number;
  /** Inputs taken that have no result yet. */
  readonly inFlight: number;
  /** When it was first read from, as `Date.now()` gives it; undefined before. */
  readonly started: number | undefined;
  /** Results for each second since then. */
  readonly rate: number;
  /** Milliseconds that the rest will take at this rate; undefined where it is not known how many inputs there are. */
  readonly remaining: number | undefined;
}

/** The results of a map. It begins when it is first read from. */
export interface MapResults<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  /** Undefined before it is first read from. */
  readonly progress: MapProgress | undefined;
  /** Ends the map: no more input is taken, and results that still arrive are dropped. Leaving a `for await` calls it. */
  return(): Promise<IteratorResult<T, undefined>>;
}

type Counts = Omit<MapProgress, 'rate' | 'remaining'>;

/**
 * @param elapsed - milliseconds since it began.
 * @param total - inputs there are, where that is known.
 */
export function progressOf(counts: Counts, elapsed: number, total: number | undefined): MapProgress {
  const { answered } = counts;
  const rate = elapsed > 0 ? (answered * 1_000) / elapsed : 0;
  const remaining =
    total === undefined || rate === 0 ? undefined : (Math.max(0, total - answered) * 1_000) / rate;
  return { ...counts, rate, remaining };
}

/** The failure of an input as its reader sees it. */
export function failureOf({ index, count }: Attempt, error: PalmError): PalmError {
  const { code, sent, remoteName } = error;
  const tries = count > 1 ? ` (tried ${count} times)` : '';
  return new PalmError(code, `input ${index}${tries}: ${error.message}`, {
    index,
    cause: error,
    ...(sent !== undefined && { sent }),
    ...(remoteName !== undefined && { remoteName }),
  });
}
