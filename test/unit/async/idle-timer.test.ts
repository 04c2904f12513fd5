import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdleTimer } from '../../../src/async/idle-timer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function ground(owes = true) {
  const own = { owes, expired: [] as { timeout: number; after: number }[] };
  const start = performance.now();
  const timer = new IdleTimer(
    () => own.owes,
    (timeout) => own.expired.push({ timeout, after: performance.now() - start }),
  );
  return Object.assign(own, { timer });
}

describe('an IdleTimer', () => {
  it('expires once, after its time without a sign', () => {
    const { timer, expired } = ground();
    timer.watch(100);
    vi.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(expired).toEqual([{ timeout: 100, after: 100 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts from the last sign, with one timer', async () => {
    const { timer, expired } = ground();
    timer.watch(100);
    for (let i = 0; i < 5; i++) {
      await Promise.resolve();
      vi.advanceTimersByTime(60);
      timer.sign();
      // Signs of one run of code, as of a batch of answers, are one.
      timer.sign();
      expect(vi.getTimerCount()).toBe(1);
    }
    vi.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    vi.advanceTimersByTime(2);
    expect(expired).toEqual([{ timeout: 100, after: 401 }]);
  });

  it('waits on while nothing is owed, and its whole time again after that', () => {
    const own = ground(false);
    own.timer.watch(100);
    vi.advanceTimersByTime(250);
    own.owes = true;
    expect(own.expired).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(own.expired).toEqual([{ timeout: 100, after: 300 }]);
  });

  it('that is stopped or watched anew leaves no timer', () => {
    const { timer, expired } = ground();
    timer.watch(100);
    timer.watch(200);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(150);
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    timer.stop();
  });
});
