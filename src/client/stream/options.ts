/** The options of jobs and maps. They are checked when a job or map is first read, before anything is sent. */
import { checkCount, checkTimeout } from '../../checks.ts';
import { invalidCall, mustBe, type PalmError } from '../../protocol/errors.ts';
import type { Metadata } from '../../protocol/metadata.ts';
import type { CallProgress } from '../call-progress.ts';

/** Options of `job`. */
export interface JobOptions {
  /** Goes along in each message's `cache` field, for the functions to read. */
  readonly cache?: string | undefined;
  /** Goes with each message through all of its stages, on top of the client's. */
  readonly metadata?: Metadata | undefined;
  /**
   * How urgent its messages are: a whole number from -9 to 9. Of this client's calls that wait at a frond server, those with more go first; between
   * clients it counts within bounds. A relay lets clients give more than 0 whose grants say so. Servers of stock pylm do not know it. Default 0.
   */
  readonly priority?: number | undefined;
  /**
   * Hears how far the functions are that say so (`context.progress`), for each message 20 times a second at most. An error that it throws is
   * logged, and it hears no more.
   */
  readonly onProgress?: ((progress: CallProgress) => unknown) | undefined;
  /** Ends it at once: reading throws the signal's reason, and the signals of the functions abort. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Lets the functions run to their end when nobody reads the results any more: after `signal` or a time-out, when the loop is left, and when
   * the client is closed or gone. Default false: they are cancelled. With 0 `messages` they always run to their end.
   */
  readonly detached?: boolean | undefined;
  /**
   * Results the job ends after; with 0 it gives none, and ends when its input has left. Left out, it stays open until it is
   * left, aborted or its client closed.
   */
  readonly messages?: number | undefined;
  /**
   * How far the input may run ahead of what was read: while so many results are unread, no more input is taken. Inputs
   * without a result do not count, because a pipeline may drop them. Default 1024.
   */
  readonly window?: number | undefined;
  /**
   * Milliseconds without a result that is owed before the job fails with `TIMEOUT`. Default: the client's `timeout`
   * when `messages` is given, else `Infinity`.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Ends the job when the function says that it has given all its results: for a job of one input whose function gives several.
   * Servers of stock pylm do not say it. Default false.
   */
  readonly untilEnd?: boolean | undefined;
  /**
   * Takes each `REMOTE` error, which counts as a result, and the job goes on. Left out, the first ends the job, as
   * does what it throws.
   */
  readonly onRemoteError?: ((error: PalmError) => void) | undefined;
}

/** Options of `map` and `mapSettled`. */
export interface MapOptions
  extends Pick<JobOptions, 'cache' | 'metadata' | 'priority' | 'onProgress' | 'signal' | 'detached'> {
  /** Results in the order of the inputs. Default true; false gives them as they arrive. */
  readonly ordered?: boolean | undefined;
  /**
   * How far the input may run ahead of what was read: while the results of so many inputs are unread, no more input is
   * taken. Those under way count, and those that wait for the result of an earlier one. Default 2048.
   */
  readonly window?: number | undefined;
  /**
   * Milliseconds that an attempt waits for its answer, from when it is ready to be sent; what it waits for in the cluster
   * counts. `Infinity` for no limit. Default: as long as any input is answered within the client's `timeout`.
   */
  readonly timeout?: number | undefined;
  /** Milliseconds for all of it. Default `Infinity`. */
  readonly deadline?: number | undefined;
  /**
   * How often an input is sent again that has no answer within `timeout`, or whose link broke. The function may run more
   * than once; the first answer counts, and is seen once. A function that fails is not called again. Default 0.
   */
  readonly retries?: number | undefined;
  /**
   * Milliseconds before an input is sent again, at most; each further time waits up to twice as long, until 50 times as
   * long. Default 100.
   */
  readonly retryDelay?: number | undefined;
  /** Inputs there are, for `progress.remaining`. Default: what the `length` or `size` of the payloads says. */
  readonly total?: number | undefined;
}

/** The options of a map, with the defaults of those that were left out. */
export interface MapLimits extends MapOptions {
  readonly ordered: boolean;
  readonly window: number;
  readonly timeout: number;
  /** Whether any answer begins the time-out anew, because the caller gave none. */
  readonly isPatient: boolean;
  readonly deadline: number;
  readonly retries: number;
  readonly retryDelay: number;
}

function checkFlag(what: string, flag: unknown): void {
  if (typeof flag !== 'boolean') throw mustBe(what, 'true or false', flag);
}

const checkFromZero = (what: string, count: unknown) => checkCount(what, count, 0);

/** How each option is checked that is given. */
const CHECKS: Readonly<Record<string, (what: string, value: unknown) => unknown>> = {
  window: checkCount,
  messages: checkFromZero,
  total: checkFromZero,
  retries: (what, retries) => retries === Number.POSITIVE_INFINITY || checkFromZero(what, retries),
  timeout: checkTimeout,
  deadline: checkTimeout,
  retryDelay: checkTimeout,
  idleTimeout: checkTimeout,
  ordered: checkFlag,
  detached: checkFlag,
  concurrency: (what) => {
    throw invalidCall(`${what} belongs to roles: give window`);
  },
};

/**
 * Checks the options of a job or map.
 * @throws PalmError `INVALID_CALL` naming the option that is not acceptable.
 */
export function checkOptions<O extends JobOptions | MapOptions>(options: O): void {
  for (const [what, check] of Object.entries(CHECKS)) {
    const value = options[what as keyof O];
    if (value !== undefined) check(what, value);
  }
}
