import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/async/byte-budget.ts';

/** Whether a promise has resolved by now. */
async function isThere(promise: Promise<void>): Promise<boolean> {
  const none = {};
  return (await Promise.race([promise, Promise.resolve(none)])) !== none;
}

describe('a ByteBudget', () => {
  it.each([
    [99, false],
    [100, true],
    [101, true],
  ])('of 100 bytes with %i taken is full: %s', async (bytes, isFull) => {
    const budget = new ByteBudget(100);
    budget.take(bytes - 1);
    budget.take(1);
    expect([budget.limit, budget.used, budget.isFull]).toEqual([100, bytes, isFull]);
    expect(await isThere(budget.room())).toBe(!isFull);
  });

  it('has room for all that wait once fewer bytes than its limit are held', async () => {
    const budget = new ByteBudget(100);
    budget.take(120);
    const waiting = [budget.room(), budget.room()];
    budget.give(20);
    expect(await Promise.all(waiting.map(isThere))).toEqual([false, false]);
    budget.give(1);
    expect(await Promise.all(waiting.map(isThere))).toEqual([true, true]);
    expect(budget.used).toBe(99);
    budget.take(1);
    const later = budget.room();
    expect(await isThere(later)).toBe(false);
    budget.give(100);
    expect([await isThere(later), budget.used]).toEqual([true, 0]);
  });

  it('that nobody waits for takes bytes back', () => {
    const budget = new ByteBudget(100);
    budget.take(100);
    budget.give(100);
    expect([budget.used, budget.isFull]).toEqual([0, false]);
  });
});
