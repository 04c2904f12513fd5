/** Checks of numbers that callers give as options. */
import { mustBe } from './protocol/errors.ts';

/**
 * Checks a time-out in milliseconds: a number above 0; `Infinity` means none.
 * @param what - the option's name.
 * @throws PalmError `INVALID_CALL` naming `what`.
 */
export function checkTimeout(what: string, timeout: unknown): number {
  if (typeof timeout !== 'number' || !(timeout > 0)) {
    throw mustBe(what, 'milliseconds above 0, or Infinity', timeout);
  }
  return timeout;
}

/**
 * Checks a number of things: a whole number that is at least `least`.
 * @param what - the option's name.
 * @throws PalmError `INVALID_CALL` naming `what`.
 */
export function checkCount(what: string, count: unknown, least = 1): number {
  if (Number.isSafeInteger(count) && (count as number) >= least) return count as number;
  throw mustBe(what, `a whole number from ${least} on`, count);
}

/**
 * Checks a limit: a whole number from 1 on; `Infinity` means no limit.
 * @param what - the option's name, and its unit where the name does not say it.
 * @throws PalmError `INVALID_CALL` naming `what`.
 */
export function checkLimit(what: string, limit: unknown): number {
  if (
    typeof limit === 'number' &&
    limit > 0 &&
    (Number.isSafeInteger(limit) || limit === Number.POSITIVE_INFINITY)
  )
    return limit;
  throw mustBe(what, 'a whole number from 1 on, or Infinity', limit);
}
