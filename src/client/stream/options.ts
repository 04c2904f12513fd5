import { checkCount, checkTimeout } from '../../checks.ts';
import { inspectValue, invalidCall } from '../../protocol/errors.ts';

/** Options of `map` and `mapSettled`. */
export interface MapOptions {
  /** Results in the order of the inputs. Default true; false gives them as they arrive. */
  readonly ordered?: boolean | undefined;
  /**
   * Inputs taken whose results are not read: those under way, and those that wait for an earlier one. No more are taken
   * from the input before results are read. Default 2048.
   */
  readonly concurrency?: number | undefined;
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
  /** Goes along in each message's `cache` field, for the functions to read. */
  readonly cache?: string | undefined;
  /** Ends it at once: reading throws the signal's reason. What was sent may still run. */
  readonly signal?: AbortSignal | undefined;
}

/** Options checked, and every value settled. */
export interface MapLimits {
  readonly ordered: boolean;
  readonly concurrency: number;
  readonly timeout: number;
  /** Whether any answer begins the time-out anew, because none was asked for. */
  readonly isPatient: boolean;
  readonly deadline: number;
  readonly retries: number;
  readonly retryDelay: number;
  readonly total: number | undefined;
}

const DEFAULT_CONCURRENCY = 2_048;
const DEFAULT_RETRY_DELAY = 100;

/**
 * @param patience - the client's time-out.
 * @throws PalmError `INVALID_CALL` naming the option that is not acceptable.
 */
export function resolveMapOptions(options: MapOptions, payloads: object, patience: number): MapLimits {
  const { ordered = true, timeout, retries = 0, total = sizeOf(payloads) } = options;
  if (typeof ordered !== 'boolean')
    throw invalidCall(`ordered must be true or false, not ${inspectValue(ordered)}`);
  return {
    ordered,
    concurrency: checkCount('concurrency', options.concurrency ?? DEFAULT_CONCURRENCY),
    timeout: checkTimeout('timeout', timeout ?? patience),
    isPatient: timeout === undefined,
    deadline: checkTimeout('deadline', options.deadline ?? Number.POSITIVE_INFINITY),
    retries: retries === Number.POSITIVE_INFINITY ? retries : checkCount('retries', retries, 0),
    retryDelay: checkTimeout('retryDelay', options.retryDelay ?? DEFAULT_RETRY_DELAY),
    total: total === undefined ? undefined : checkCount('total', total, 0),
  };
}

/** How many there are in an array, a typed list of any kind, or a Set or Map. */
function sizeOf(payloads: object): number | undefined {
  const { length, size } = payloads as { readonly length?: unknown; readonly size?: unknown };
  return [length, size].find((count): count is number => Number.isSafeInteger(count) && Number(count) >= 0);
}
