/** What all measurements share: runs in turn, ratios and goals. */
export interface Row {
  readonly what: string;
  readonly against: string;
  readonly ratio: number;
  readonly goal: string;
  readonly reached: boolean;
  /** The figures behind the ratio, with their unit. */
  readonly detail: string;
}

export const flags = new Set(process.argv.slice(2));
export const rounds = flags.has('--quick') ? 1 : 5;
export const scale = flags.has('--quick') ? 0.1 : 1;
// Stock pylm is what pip installs: protobuf in pure Python. With --upb it gets the C implementation, its best speed.
export const protobuf = flags.has('--upb') ? 'upb' : 'shipped';

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/**
 * Runs all sides in turn, `rounds` times, and gives the best run of each: what makes another run of the same work slower
 * is the machine.
 */
export async function inTurn<K extends string>(
  best: (...values: number[]) => number,
  sides: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number>> {
  const names = Object.keys(sides) as K[];
  const seen = new Map<K, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) seen.get(name)?.push(await sides[name]());
  }
  return Object.fromEntries(names.map((name) => [name, best(...(seen.get(name) ?? []))])) as Record<
    K,
    number
  >;
}

export interface Goal {
  readonly goal: string;
  readonly met: (ratio: number) => boolean;
}

export const atLeast = (goal: number): Goal => ({ goal: `≥ ${goal}×`, met: (ratio) => ratio >= goal });
export const atMost = (goal: number): Goal => ({ goal: `≤ ${goal}×`, met: (ratio) => ratio <= goal });
/** For what is stated, and has no goal. */
export const stated: Goal = { goal: '—', met: () => true };

export function row(what: string, against: string, ratio: number, { goal, met }: Goal, detail: string): Row {
  return { what, against, ratio, goal, reached: met(ratio), detail };
}

export const k = (value: number) => `${(value / 1_000).toFixed(1)} k/s`;
export const ms = (value: number) => `${(value * 1_000).toFixed(0)} ms`;
export const us = (value: number) => `${value.toFixed(1)} µs`;
