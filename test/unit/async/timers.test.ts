import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SignalHub } from '../../../src/async/signals.ts';
import { atMost, startTimer, watchLimits, withinLimits } from '../../../src/async/timers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const LONGEST = 2 ** 31 - 1;

describe('a timer', () => {
  it('fires after its time, unless it is stopped', () => {
    const [run, stopped] = [vi.fn(), vi.fn()];
    startTimer(100, run);
    startTimer(100, stopped)();
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect([run.mock.calls.length, stopped.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0, 0]);
  });

  it('of more than 2^31 - 1 ms never fires: platforms would fire it at once', () => {
    startTimer(LONGEST + 1, () => {})();
    startTimer(Number.POSITIVE_INFINITY, () => {});
    expect(vi.getTimerCount()).toBe(0);
    startTimer(LONGEST, () => {});
    expect(vi.getTimerCount()).toBe(1);
  });
});

function limited(timeout = 100, signal?: AbortSignal) {
  const signals = new SignalHub();
  const removed = signal && vi.spyOn(signal, 'removeEventListener');
  return { limits: { signal, signals, timeout }, isLeft: () => (removed?.mock.calls.length ?? 0) > 0 };
}

describe('limits of a call', () => {
  it('end it when its time is up, and leave the signal', () => {
    const { signal } = new AbortController();
    const { limits, isLeft } = limited(100, signal);
    const end = vi.fn();
    watchLimits(limits, () => 'late', end);
    expect(isLeft()).toBe(false);
    vi.advanceTimersByTime(100);
    expect(end.mock.calls).toEqual([['late']]);
    expect(isLeft()).toBe(true);
  });

  it('end it when it is aborted, with the reason, and stop the timer', () => {
    const controller = new AbortController();
    const { limits } = limited(100, controller.signal);
    const end = vi.fn();
    watchLimits(limits, () => 'late', end);
    controller.abort('enough');
    expect(end.mock.calls).toEqual([['enough']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are released, and then end nothing', () => {
    const controller = new AbortController();
    const { limits, isLeft } = limited(100, controller.signal);
    const end = vi.fn();
    watchLimits(limits, () => 'late', end)();
    expect([isLeft(), vi.getTimerCount()]).toEqual([true, 0]);
    controller.abort();
    vi.advanceTimersByTime(1_000);
    expect(end).not.toHaveBeenCalled();
  });
});

describe('a promise within limits', () => {
  it.each(['resolves', 'rejects'])('%s as the promise does, and leaves nothing', async (way) => {
    const { signal } = new AbortController();
    const { limits, isLeft } = limited(100, signal);
    const outcome = withinLimits(
      limits,
      () => 'late',
      way === 'resolves' ? Promise.resolve(7) : Promise.reject(7),
    );
    if (way === 'resolves') expect(await outcome).toBe(7);
    else await expect(outcome).rejects.toBe(7);
    expect([isLeft(), vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('rejects when a limit is reached', async () => {
    const never = new Promise<number>(() => {});
    const late = withinLimits(limited().limits, () => 'late', never);
    vi.advanceTimersByTime(100);
    await expect(late).rejects.toBe('late');
    const controller = new AbortController();
    const aborted = withinLimits(limited(100, controller.signal).limits, () => 'late', never);
    controller.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for for a time at most', async () => {
    let isOver = false;
    const late = atMost(100, new Promise(() => {})).then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(99);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await late;
    await atMost(100, Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
    await expect(atMost(100, Promise.reject(new Error('why')))).rejects.toThrow('why');
    expect(vi.getTimerCount()).toBe(0);
  });
});
