import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowLimit } from '../../../src/async/flow-limit.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

describe('messages in flight', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  const takeAll = (brake: FlowLimit) => {
    let taken = 0;
    while (brake.take()) taken++;
    return taken;
  };

  it('are no more than the limit while answers come', () => {
    const brake = new FlowLimit(() => 500);
    expect(takeAll(brake)).toBe(500);
    brake.answered(100, performance.now());
    expect(takeAll(brake)).toBe(1);
    expect(brake.taken).toBe(500);
  });

  it('are fewer where answers are large, until those are small again', () => {
    const brake = new FlowLimit(() => 8_192);
    // How large they are is not known yet.
    expect(takeAll(brake)).toBe(1_001);
    brake.answered(1_048_576, performance.now());
    brake.release(1_000);
    expect(takeAll(brake)).toBe(58);
    for (let i = 0; i < 1_000; i++) brake.answered(100, performance.now());
    expect(takeAll(brake)).toBe(8_192);
  });

  it('wait in turn, and nobody overtakes', async () => {
    const brake = new FlowLimit(() => 100);
    takeAll(brake);
    const order: number[] = [];
    const waiting = [1, 2].map((who) => brake.wait().then(() => order.push(who)));
    for (let i = 0; i < 70; i++) brake.answered(100, performance.now());
    // Places are free, but not while others wait for them.
    await Promise.all(waiting);
    expect(order).toEqual([1, 2]);
    expect(brake.taken).toBe(100 - 70 + 2);
  });

  it('are given places for a whole batch, or wait for them', async () => {
    const brake = new FlowLimit(() => 1_000);
    takeAll(brake);
    const given: number[] = [];
    const waiting = [1, 2].map(() => brake.wait(100).then((places) => given.push(places)));
    brake.release(150);
    await waiting[0];
    expect(given).toEqual([100]);
    brake.release(128);
    await waiting[1];
    expect(given).toEqual([100, 100]);
  });

  it('no longer count after a stall: a pipeline may drop them', async () => {
    const brake = new FlowLimit(() => 10);
    takeAll(brake);
    const waiting = brake.wait();
    await vi.advanceTimersByTimeAsync(1_000);
    await waiting;
    expect(brake.taken).toBeLessThan(10);
  });

  it('no longer count after 200 ms without an answer at first, and twice as many may be out each time, up to 64 times', async () => {
    const brake = new FlowLimit(() => 10);
    for (const doublings of [0, 1, 2, 3, 4, 5, 6, 6]) {
      takeAll(brake);
      expect(brake.taken).toBe(10 * 2 ** doublings);
      let isLetIn = false;
      const waiting = brake.wait().then(() => {
        isLetIn = true;
      });
      await vi.advanceTimersByTimeAsync(199);
      expect(isLetIn).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await waiting;
      expect(brake.taken).toBe(1);
    }
    brake.answered(100, performance.now());
    expect(takeAll(brake)).toBe(10);
  });

  it('count as long as answers come, however slowly', async () => {
    const brake = new FlowLimit(() => 10);
    takeAll(brake);
    let isLetIn = false;
    brake.wait(10).then(() => {
      isLetIn = true;
    });
    for (let answers = 1; answers < 5; answers++) {
      await vi.advanceTimersByTimeAsync(150);
      brake.answered(100, performance.now());
      await vi.advanceTimersByTimeAsync(0);
      expect([isLetIn, brake.taken]).toEqual([false, 10 - answers]);
    }
    brake.answered(100, performance.now());
    await vi.advanceTimersByTimeAsync(0);
    expect(isLetIn).toBe(true);
  });

  /** Milliseconds until a caller is let in for want of answers, after many that came every so many milliseconds. */
  async function stallAfter(gap: number, pause = (_brake: FlowLimit) => {}): Promise<number> {
    const brake = new FlowLimit(() => 10);
    takeAll(brake);
    for (let i = 0; i < 400; i++) {
      void brake.wait(10);
      vi.advanceTimersByTime(gap);
      brake.answered(100, performance.now());
      brake.release(10);
    }
    takeAll(brake);
    pause(brake);
    takeAll(brake);
    const start = performance.now();
    let end = Number.NaN;
    brake.wait().then(() => {
      end = performance.now() - start;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    return end;
  }

  it('no longer count after 64 times the usual time between two answers, from 50 ms on', async () => {
    expect(await stallAfter(2)).toBeCloseTo(128, -1);
    expect(await stallAfter(0.1)).toBe(50);
    expect(await stallAfter(10)).toBe(200);
  });

  it('count as before when answers came slowly that nobody waited for', async () => {
    const slowly = (brake: FlowLimit) => {
      for (let i = 0; i < 50; i++) {
        vi.advanceTimersByTime(150);
        brake.answered(100, performance.now());
        brake.take();
      }
    };
    expect(await stallAfter(2, slowly)).toBeCloseTo(128, -1);
  });

  it('are braked less and less where no answer ever comes', async () => {
    const brake = new FlowLimit(() => 10);
    let sent = 0;
    const sender = (async () => {
      for (; sent < 2_000; sent++) await brake.wait();
    })();
    await vi.advanceTimersByTimeAsync(3_000);
    await sender;
    expect(sent).toBe(2_000);
  });

  it('leave no timer when nobody waits any more', async () => {
    const brake = new FlowLimit(() => 4);
    takeAll(brake);
    const waiting = brake.wait();
    expect(vi.getTimerCount()).toBe(1);
    brake.release(4);
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end for whoever waits when all is closed', async () => {
    const brake = new FlowLimit(() => 4);
    takeAll(brake);
    const waiting = brake.wait();
    brake.close(new PalmError('CLOSED', 'over'));
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('count from nothing again when more answers come than were sent', () => {
    const brake = new FlowLimit(() => 4);
    brake.take();
    for (let i = 0; i < 3; i++) brake.answered(100, performance.now());
    expect(brake.taken).toBe(0);
    expect(takeAll(brake)).toBe(4);
  });

  it('are not taken past those that wait, though there is a place', () => {
    const brake = new FlowLimit(() => 100);
    takeAll(brake);
    brake.wait().catch(() => {});
    brake.release(1);
    expect([brake.taken, brake.take()]).toEqual([99, 0]);
    brake.close(new PalmError('CLOSED', 'over'));
  });

  it('are as many as a plain model says, in whatever order places are taken and given back', async () => {
    const LIMIT = 20;
    const aStep = fc.record({
      what: fc.constantFrom('take', 'wait', 'wait', 'release', 'answered', 'close'),
      count: fc.integer({ min: 1, max: 15 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
        const brake = new FlowLimit(() => LIMIT);
        const given: string[] = [];
        const model = {
          count: 0,
          waiting: [] as { name: number; most: number }[],
          given: [] as string[],
          isOver: false,
        };
        const admit = () => {
          let free = LIMIT - model.count;
          // Those that wait are let in once half of all places are free, so that they send together.
          const company = LIMIT / 2;
          if (free < company) return;
          for (let [next] = model.waiting; next !== undefined; [next] = model.waiting) {
            if (free < Math.min(next.most, company)) break;
            const taken = Math.min(next.most, free);
            free -= taken;
            model.count += taken;
            model.waiting.shift();
            model.given.push(`${next.name} ${taken}`);
          }
        };
        for (const [name, { what, count }] of steps.entries()) {
          if (what === 'take') {
            const taken = model.waiting.length > 0 ? 0 : Math.min(count, LIMIT - model.count);
            expect(brake.take(count)).toBe(taken);
            model.count += taken;
          } else if (what === 'wait') {
            brake.wait(count).then(
              (taken) => given.push(`${name} ${taken}`),
              () => given.push(`${name} closed`),
            );
            const taken = model.waiting.length > 0 ? 0 : Math.min(count, LIMIT - model.count);
            if (model.isOver) model.given.push(`${name} closed`);
            else if (taken > 0) {
              model.count += taken;
              model.given.push(`${name} ${taken}`);
            } else model.waiting.push({ name, most: count });
          } else if (what === 'close') {
            // Near the end, so that there is something to close.
            if (name < steps.length - 5) continue;
            brake.close(new PalmError('CLOSED', 'over'));
            for (const { name: own } of model.waiting) model.given.push(`${own} closed`);
            model.waiting = [];
            model.isOver = true;
          } else {
            const back = what === 'release' ? count : 1;
            if (what === 'release') brake.release(back);
            else brake.answered(100, performance.now());
            model.count = Math.max(0, model.count - back);
            admit();
          }
          await vi.advanceTimersByTimeAsync(0);
          expect(brake.taken).toBe(model.count);
          expect(given).toEqual(model.given);
          // A watch for stalls runs while somebody waits, and then alone.
          expect(vi.getTimerCount()).toBe(model.waiting.length > 0 ? 1 : 0);
        }
        brake.close(new PalmError('CLOSED', 'over'));
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
