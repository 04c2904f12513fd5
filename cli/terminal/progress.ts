/** How far a job is, for people. */
import type { Screen } from './screen.ts';

/** Milliseconds between two looks at a job. */
const REFRESH = 100;

/** What a progress line tells. */
export interface Counts {
  readonly results: number;
  /** Results there will be, when that is known. */
  readonly total: number | undefined;
  readonly failed: number;
  /** Of the results, how many were there before it began. */
  readonly before?: number;
  /** Milliseconds that the rest may take, when that is known. */
  readonly remaining?: number;
}

/** Characters of the bar. */
const BAR = 20;

/** Redraws the status line until the function that it gives is called. Nothing at all where there is no status line. */
export function showProgress(screen: Screen, counts: () => Counts): () => void {
  if (!screen.canRedraw) return () => {};
  const started = performance.now();
  const draw = () => screen.status(progressLine(counts(), performance.now() - started));
  draw();
  const timer = setInterval(draw, REFRESH);
  return () => {
    clearInterval(timer);
    screen.status(undefined);
  };
}

/** @param elapsed - milliseconds. */
export function progressLine(counts: Counts, elapsed: number): string {
  const { results, total, failed, before = 0, remaining } = counts;
  const parts = [
    `${grouped(results)}${total === undefined ? '' : ` of ${grouped(total)}`} results`,
    ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
    perSecond(results - before, elapsed),
    duration(elapsed),
    ...(remaining === undefined ? [] : [`${duration(remaining)} left`]),
  ];
  const line = parts.join(' · ');
  return remaining === undefined || total === undefined
    ? line
    : `${bar(results / Math.max(1, total))} ${line}`;
}

/** @param share - how much is done, from 0 to 1. */
function bar(share: number): string {
  const filled = Math.round(Math.min(1, share) * BAR);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`;
}

/** A number with its thousands apart: `12,345`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** @param elapsed - milliseconds. */
export function perSecond(count: number, elapsed: number): string {
  return `${grouped(elapsed > 0 ? (count * 1_000) / elapsed : 0)}/s`;
}

/** Milliseconds as people read them: `0.8 ms`, `12 ms`, `4.2 s`, `3:07`. */
export function duration(elapsed: number): string {
  if (elapsed < 10) return `${elapsed.toFixed(1)} ms`;
  if (elapsed < 1_000) return `${Math.round(elapsed)} ms`;
  if (elapsed < 60_000) return `${(elapsed / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(elapsed / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
