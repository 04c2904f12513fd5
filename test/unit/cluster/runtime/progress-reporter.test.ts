/** How often the caller of a function hears how far it is. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ProgressReporter } from '../../../../src/cluster/runtime/progress-reporter.ts';
import { PROGRESS_PAUSE } from '../../../../src/flow-control.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function ground() {
  const told: unknown[] = [];
  const reporter = new ProgressReporter(({ done, total, note }) =>
    told.push([done, total, note].filter((own) => own !== undefined).join(' ')),
  );
  return { reporter, told };
}

it('tells the first value at once, and then the newest one after each pause', () => {
  const { reporter, told } = ground();
  reporter.take(1, 10, 'reads');
  expect(told).toEqual(['1 10 reads']);
  for (let i = 2; i < 5; i++) reporter.take(i);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(PROGRESS_PAUSE - 1);
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(['1 10 reads', '4']);
  expect(vi.getTimerCount()).toBe(0);
  // The pause counts from what was told last.
  reporter.take(5);
  vi.advanceTimersByTime(PROGRESS_PAUSE - 1);
  expect(told).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(['1 10 reads', '4', '5']);
});

it('tells a value at once when the last one was told a pause ago, and waits when it was told later', () => {
  const { reporter, told } = ground();
  reporter.take(1);
  vi.advanceTimersByTime(PROGRESS_PAUSE);
  reporter.take(2);
  expect(told).toEqual(['1', '2']);
  vi.advanceTimersByTime(PROGRESS_PAUSE - 10);
  reporter.take(3);
  expect(told).toHaveLength(2);
  vi.advanceTimersByTime(10);
  expect(told).toEqual(['1', '2', '3']);
});

it.each([
  ['is not a number', 'x'],
  ['is below 0', -1],
  ['is not finite', Number.NaN],
])('passes a value over that %s, and leaves no timer', (_what, value) => {
  const { reporter, told } = ground();
  reporter.take(value);
  reporter.take(1);
  reporter.take(value);
  vi.advanceTimersByTime(PROGRESS_PAUSE);
  expect([told, vi.getTimerCount()]).toEqual([['1'], 0]);
  // It does not take the place of one that waits.
  for (const one of [2, 3, value]) reporter.take(one);
  vi.advanceTimersByTime(PROGRESS_PAUSE);
  expect(told.at(-1)).toBe('3');
});

it('tells the last value when the function is over, once, and none after that', () => {
  const { reporter, told } = ground();
  reporter.take(1);
  reporter.take(2);
  reporter.finish();
  expect([told, vi.getTimerCount()]).toEqual([['1', '2'], 0]);
  reporter.take(3);
  reporter.finish();
  vi.advanceTimersByTime(2 * PROGRESS_PAUSE);
  expect(told).toEqual(['1', '2']);
});

it('tells nothing when the function is over and has said nothing new', () => {
  const { reporter, told } = ground();
  reporter.finish();
  expect(told).toEqual([]);
  const other = ground();
  other.reporter.take(1);
  other.reporter.finish();
  expect(other.told).toEqual(['1']);
});

it('forgets the newest value, and its timer, when nobody wants to know any more', () => {
  const { reporter, told } = ground();
  reporter.take(1);
  reporter.take(2);
  reporter.drop();
  expect(vi.getTimerCount()).toBe(0);
  reporter.finish();
  reporter.take(3);
  vi.advanceTimersByTime(2 * PROGRESS_PAUSE);
  expect(told).toEqual(['1']);
});
