/** What all measurements share: runs in turn, ratios and goals. */

/** How many times as much, milliseconds more in the median, or kibibytes. */
export type Unit = '×' | 'ms more' | 'KiB';

export interface Row {
  readonly what: string;
  readonly against: string;
  readonly value: number;
  readonly unit: Unit;
  readonly goal: string;
  readonly reached: boolean;
  /** The figures behind the value, with their unit. */
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

export interface Pair {
  readonly ours: number;
  readonly theirs: number;
}

/**
 * Runs two sides in turn, `rounds` times, and gives the pair whose ratio is the middle one. For runs that take as long as a
 * machine's speed holds: two of them that follow each other have more in common than the best of all.
 */
export async function inPairs(sides: {
  readonly ours: () => Promise<number>;
  readonly theirs: () => Promise<number>;
}): Promise<Pair> {
  const pairs: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    pairs.push({ ours: await sides.ours(), theirs: await sides.theirs() });
  }
  const middle = pairs.toSorted((a, b) => a.ours / a.theirs - b.ours / b.theirs)[rounds >> 1];
  return middle ?? { ours: Number.NaN, theirs: Number.NaN };
}

export interface Goal {
  readonly goal: string;
  readonly unit: Unit;
  readonly met: (value: number) => boolean;
}

const SIGNS: Readonly<Record<Unit, string>> = { '×': '×', 'ms more': ' ms', KiB: ' KiB' };

export const atLeast = (goal: number): Goal => ({
  goal: `≥ ${goal}×`,
  unit: '×',
  met: (value) => value >= goal,
});
export const atMost = (goal: number, unit: Unit = '×'): Goal => ({
  goal: `≤ ${goal}${SIGNS[unit]}`,
  unit,
  met: (value) => value <= goal,
});
/** For what is stated, and has no goal. */
export const stated: Goal = { goal: '—', unit: '×', met: () => true };

export function row(
  what: string,
  against: string,
  value: number,
  { goal, unit, met }: Goal,
  detail: string,
): Row {
  return { what, against, value, unit, goal, reached: met(value), detail };
}

function shown({ value, unit }: Row): string {
  if (unit === 'ms more') return `p50 + ${value.toFixed(2)} ms`;
  if (unit === 'KiB') return `${value.toFixed(1)} KiB`;
  return `${value < 1 ? value.toFixed(3) : value.toFixed(2)}×`;
}

export function table(rows: readonly Row[]): string {
  const cells = rows.map((own) => [
    own.what,
    own.against,
    shown(own),
    own.goal,
    own.reached ? 'yes' : 'NO',
    own.detail,
  ]);
  const all = [['what', 'against', 'ratio', 'goal', 'reached', 'figures'], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0))) ?? [];
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const k = (value: number) => `${(value / 1_000).toFixed(1)} k/s`;
export const ms = (value: number) => `${(value * 1_000).toFixed(0)} ms`;
export const us = (value: number) => `${value.toFixed(1)} µs`;
