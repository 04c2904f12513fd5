import type { Look } from '../../../cli/inspect/look.ts';

/** What a server did in a second, between two looks. */
export interface Rates {
  readonly received: number;
  readonly answered: number;
  readonly failed: number;
}

/**
 * Null when there is nothing to compare: no counters, or the server was started anew.
 * @param elapsed - milliseconds between the two looks.
 */
export function ratesOf(before: Look, now: Look, elapsed: number): Rates | null {
  const { counters: from, uptime: start } = before;
  const { counters: to, uptime: end } = now;
  if (from === null || to === null || start === null || end === null) return null;
  // One that is up for less time than has passed was not there before.
  if (end < elapsed || end <= start) return null;
  const rate = (key: keyof Rates) => ((to[key] - from[key]) * 1_000) / (end - start);
  return { received: rate('received'), answered: rate('answered'), failed: rate('failed') };
}
