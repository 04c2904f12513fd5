/** The progress of a job, and numbers and times as text. */
import type { CallProgress } from '../../src/client/call-progress.ts';
import { escaped } from '../../src/protocol/printable.ts';
import { type Screen, showStatus } from './screen.ts';

/** Milliseconds between two updates. */
const REFRESH = 100;

/** The figures of a progress line. */
export interface Counts {
  readonly results: number;
  /** How many results there will be, when that is known. */
  readonly total: number | undefined;
  readonly failed: number;
  /** How many of the results are from an earlier run. */
  readonly before?: number;
  /** Estimated milliseconds for the rest, when that is known. */
  readonly remaining?: number;
  /** What a function said last. */
  readonly told?: Told | undefined;
}

/** What a function says of how far it is. */
export type Told = Pick<CallProgress, 'done' | 'total' | 'note'>;

/** A line for what a function says of how far it is: `[####----] 2 of 5 · 40 % · a note`. */
export function toldLine({ done, total, note }: Told): string {
  const parts = [total === undefined ? amount(done) : `${amount(done)} of ${amount(total)}`];
  const share = total === undefined ? undefined : total === 0 ? 1 : done / total;
  if (share !== undefined) parts.push(`${Math.floor(share * 100)} %`);
  // A stranger's text, on a terminal.
  if (note !== undefined && note !== '') parts.push(escaped(note));
  const line = parts.join(' · ');
  return share === undefined ? line : `${bar(share)} ${line}`;
}

/** Whole numbers with separators, others with two digits. */
function amount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** Characters of the bar. */
const BAR = 20;

/** Shows progress on the status line, if there is one, until the returned function is called. */
export function showProgress(screen: Screen, counts: () => Counts): () => void {
  const started = performance.now();
  return showStatus(screen, () => progressLine(counts(), performance.now() - started), REFRESH);
}

/** A progress line. @param elapsed - milliseconds. */
export function progressLine(counts: Counts, elapsed: number): string {
  const { results, total, failed, before = 0, remaining, told } = counts;
  const parts = [
    `${grouped(results)}${total === undefined ? '' : ` of ${grouped(total)}`} results`,
    ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
    perSecond(results - before, elapsed),
    duration(elapsed),
    ...(remaining === undefined ? [] : [`${duration(remaining)} left`]),
    ...(told === undefined ? [] : [toldLine(told)]),
  ];
  const line = parts.join(' · ');
  return remaining === undefined || total === undefined
    ? line
    : `${bar(results / Math.max(1, total))} ${line}`;
}

/** @param share - the part that is done, from 0 to 1. */
function bar(share: number): string {
  const filled = Math.round(Math.min(1, share) * BAR);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`;
}

/** A whole number with separators: `12,345`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A rate: `24,690/s`. @param elapsed - milliseconds. */
export function perSecond(count: number, elapsed: number): string {
  return `${grouped(elapsed > 0 ? (count * 1_000) / elapsed : 0)}/s`;
}

/** Milliseconds as text: `0.8 ms`, `12 ms`, `4.2 s`, `3:07`. */
export function duration(elapsed: number): string {
  if (elapsed < 10) return `${elapsed.toFixed(1)} ms`;
  if (elapsed < 1_000) return `${Math.round(elapsed)} ms`;
  if (elapsed < 60_000) return `${(elapsed / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(elapsed / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
