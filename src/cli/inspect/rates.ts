import type { Look } from './look.ts';

/** What a server did in a second, between two looks. */
export interface Rates {
  readonly received: number;
  readonly answered: number;
  readonly failed: number;
}

/** Null when there is nothing to compare: no counters, or the server was started anew. */
export function ratesOf(before: Look | undefined, now: Look): Rates | null {
  if (!before?.counters || !now.counters || before.uptime === null || now.uptime === null) return null;
  const elapsed = now.uptime - before.uptime;
  if (elapsed <= 0) return null;
  const { counters: from } = before;
  const { counters: to } = now;
  const rate = (key: keyof Rates) => ((to[key] - from[key]) * 1_000) / elapsed;
  return { received: rate('received'), answered: rate('answered'), failed: rate('failed') };
}
