import { PalmError } from '../../protocol/errors.ts';
import type { Attempt } from './attempts.ts';

/** The result of one input. `index` is the input's number, counted from 0. */
export type MapOutcome<T> =
  | { readonly index: number; readonly status: 'fulfilled'; readonly value: T }
  | { readonly index: number; readonly status: 'rejected'; readonly reason: PalmError };

/** The progress of a map. */
export interface MapProgress {
  /** Number of inputs taken. */
  readonly taken: number;
  /** Number of inputs that have a result, read or not. Failures are results too. */
  readonly answered: number;
  /** Number of results that are failures. */
  readonly failed: number;
  /** Number of times that an input was sent again. */
  readonly retried: number;
  /** Number of answers to inputs that had a result. They were dropped. */
  readonly duplicates: number;
  /** Number of inputs taken that have no result yet. */
  readonly inFlight: number;
  /** When it was first read from, as `Date.now()` gives it; undefined before. */
  readonly started: number | undefined;
  /** Results a second since then. */
  readonly rate: number;
  /** Milliseconds that the rest will take at this rate; undefined when the number of inputs is not known, and before the first result. */
  readonly remaining: number | undefined;
}

/** The results of a map. The map begins when it is first read from. */
export interface MapResults<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  /** Undefined before it is first read from. */
  readonly progress: MapProgress | undefined;
  /** Ends the map: no more input is taken, and results that still arrive are dropped. Leaving a `for await` calls it. */
  return(): Promise<IteratorResult<T, undefined>>;
}

type Counts = Omit<MapProgress, 'rate' | 'remaining'>;

/**
 * @param elapsed - milliseconds since the map began.
 * @param total - number of inputs, if it is known.
 */
export function progressOf(counts: Counts, elapsed: number, total: number | undefined): MapProgress {
  const { answered } = counts;
  // The first results may come within the millisecond in which it began, and the clock may be set back.
  const rate = (answered * 1_000) / Math.max(1, elapsed);
  const remaining =
    total === undefined || rate === 0 ? undefined : (Math.max(0, total - answered) * 1_000) / rate;
  return { ...counts, rate, remaining };
}

/** The failure of an input, as its reader gets it. */
export function failureOf({ index, count }: Attempt, error: PalmError): PalmError {
  const { code, sent, remoteName, data } = error;
  const tries = count > 1 ? ` (tried ${count} times)` : '';
  return new PalmError(code, `input ${index}${tries}: ${error.message}`, {
    index,
    cause: error,
    sent,
    remoteName,
    data,
  });
}
