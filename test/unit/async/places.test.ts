import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Places } from '../../../src/async/places.ts';

const DELAY = 1_000;

class Seats extends Places {
  total: number;
  looks = 0;

  constructor(total: number, shift = 1) {
    super(shift);
    this.total = total;
  }

  protected watch(): void {
    this.lookIn(DELAY, () => {
      this.looks++;
      this.watch();
    });
  }

  more(total: number): void {
    this.total = total;
    this.admit();
  }

  end(): void {
    this.dismiss(({ turn, most }) => turn.resolve(most));
  }
}

/** Waits, and notes who was let in with how many places. */
function waiters(seats: Seats) {
  const letIn: [who: string, count: number][] = [];
  return {
    letIn,
    wait: (who: string, most: number) => {
      seats.wait(most).then((count) => letIn.push([who, count]));
    },
  };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

describe('Places', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('are taken up to their total, and not while others wait', async () => {
    const seats = new Seats(10);
    expect([seats.take(4), seats.take(9), seats.take()]).toEqual([4, 6, 0]);
    const { wait, letIn } = waiters(seats);
    wait('a', 8);
    seats.release(2);
    expect(seats.take()).toBe(0);
    await settled();
    expect(letIn).toEqual([]);
    expect(seats.taken).toBe(8);
  });

  it('are given to those who wait in their order, once enough of them are free', async () => {
    const seats = new Seats(16, 2);
    seats.take(16);
    const { wait, letIn } = waiters(seats);
    wait('a', 3);
    wait('b', 9);
    wait('c', 1);
    seats.release(3);
    await settled();
    expect(letIn).toEqual([]);
    seats.release(1);
    await settled();
    // One is left: half of a batch for b would cost twice.
    expect(letIn).toEqual([['a', 3]]);
    seats.release(3);
    await settled();
    expect(letIn).toEqual([
      ['a', 3],
      ['b', 4],
    ]);
    expect(seats.taken).toBe(16);
    seats.release(16);
    await settled();
    expect(letIn.at(-1)).toEqual(['c', 1]);
    expect(seats.taken).toBe(1);
  });

  it('are never fewer than none, and more can be made', async () => {
    const seats = new Seats(1);
    seats.release(5);
    expect([seats.taken, seats.take(2)]).toEqual([0, 1]);
    const { wait, letIn } = waiters(seats);
    wait('a', 2);
    seats.more(3);
    await settled();
    expect(letIn).toEqual([['a', 2]]);
  });

  it('are looked after while somebody waits, and leave no timer', async () => {
    const seats = new Seats(1);
    seats.take();
    expect(vi.getTimerCount()).toBe(0);
    const { wait, letIn } = waiters(seats);
    wait('a', 1);
    wait('b', 1);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(3 * DELAY);
    expect(seats.looks).toBe(3);
    seats.release(1);
    expect(vi.getTimerCount()).toBe(1);
    seats.end();
    await settled();
    expect(letIn).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
