/** The rows of the bench: ratios, their goals, and how both are shown. */

/** How many times as much, milliseconds, or as many more, in the median, kibibytes, or thousands a second. */
export type Unit = '×' | 'ms' | 'ms more' | 'KiB' | 'k/s';

export interface Row {
  readonly what: string;
  readonly against: string;
  readonly value: number;
  readonly unit: Unit;
  readonly goal: string;
  readonly reached: boolean;
  /** The figures behind the value, with their units: `12.3 k/s / 4.5 k/s`. */
  readonly detail: string;
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export interface Goal {
  readonly goal: string;
  readonly unit: Unit;
  readonly met: (value: number) => boolean;
}

const SIGNS: Readonly<Record<Unit, string>> = {
  '×': '×',
  ms: ' ms',
  'ms more': ' ms',
  KiB: ' KiB',
  'k/s': ' k/s',
};

export const atLeast = (goal: number, unit: Unit = '×'): Goal => ({
  goal: `≥ ${goal}${SIGNS[unit]}`,
  unit,
  met: (value) => value >= goal,
});
export const atMost = (goal: number, unit: Unit = '×'): Goal => ({
  goal: `≤ ${goal}${SIGNS[unit]}`,
  unit,
  met: (value) => value <= goal,
});
/** For a value that is stated and has no goal. */
export const stated: Goal = { goal: '—', unit: '×', met: () => true };

export function shown({ value, unit }: Row): string {
  if (unit === 'ms more') return `p50 + ${value.toFixed(2)} ms`;
  if (unit === 'ms') return `p50 ${value.toFixed(1)} ms`;
  if (unit === 'KiB' || unit === 'k/s') return `${value.toFixed(1)} ${unit}`;
  return `${value < 1 ? value.toFixed(3) : value.toFixed(2)}×`;
}

export const k = (value: number) => `${(value / 1_000).toFixed(1)} k/s`;
export const ms = (value: number) => `${(value * 1_000).toFixed(0)} ms`;
export const us = (value: number) => `${value.toFixed(1)} µs`;
