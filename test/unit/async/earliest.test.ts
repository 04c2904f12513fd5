import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EarliestTimer, Heap } from '../../../src/async/earliest.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an EarliestTimer', () => {
  it('fires once, at the earliest of the times that were set', () => {
    const rings: number[] = [];
    const start = performance.now();
    const timer = new EarliestTimer(() => rings.push(performance.now() - start));
    expect(vi.getTimerCount()).toBe(0);
    for (const after of [50, 20, 20, 30]) timer.set(start + after);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    expect(rings).toEqual([20]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be set again by what it calls', () => {
    let rings = 0;
    const timer: EarliestTimer = new EarliestTimer(() => {
      if (++rings < 3) timer.set(performance.now() + 10);
    });
    timer.set(performance.now() + 10);
    vi.advanceTimersByTime(100);
    expect(rings).toBe(3);
  });

  it('waits at least a millisecond, also for a time that is past', () => {
    let rings = 0;
    const timer = new EarliestTimer(() => rings++);
    timer.set(performance.now() - 1_000);
    expect([rings, vi.getTimerCount()]).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(rings).toBe(1);
  });

  it('that is stopped does not fire, and can be set to a later time', () => {
    let rings = 0;
    const timer = new EarliestTimer(() => rings++);
    timer.set(performance.now() + 10);
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
    timer.set(performance.now() + 50);
    vi.advanceTimersByTime(49);
    expect(rings).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rings).toBe(1);
  });

  it('never fires at Infinity', () => {
    const timer = new EarliestTimer(() => {});
    timer.set(Number.POSITIVE_INFINITY);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a heap', () => {
  it('gives the lowest rank first, whatever comes in between', () => {
    const commands = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant('shift' as const)), {
      maxLength: 200,
      size: 'max',
    });
    fc.assert(
      fc.property(commands, (all) => {
        const heap = new Heap<{ readonly rank: number }>(({ rank }) => rank);
        const model: number[] = [];
        for (const one of all) {
          if (one === 'shift') expect(heap.shift()?.rank).toBe(model.shift());
          else {
            heap.push({ rank: one });
            model.push(one);
            model.sort((a, b) => a - b);
          }
          expect([heap.size, heap.peek()?.rank]).toEqual([model.length, model[0]]);
        }
        heap.clear();
        expect([heap.size, heap.shift()]).toEqual([0, undefined]);
      }),
    );
  });

  it('compares few items for each of many', () => {
    let ranked = 0;
    const heap = new Heap<number>((rank) => {
      ranked++;
      return rank;
    });
    for (let i = 4_096; i > 0; i--) heap.push(i);
    const shifted = Array.from({ length: 4_096 }, () => heap.shift());
    expect(shifted).toEqual(Array.from({ length: 4_096 }, (_, i) => i + 1));
    expect(ranked).toBeLessThan(4_096 * 12 * 5);
  });
});
