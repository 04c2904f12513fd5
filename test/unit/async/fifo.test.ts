import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Fifo, retain } from '../../../src/async/fifo.ts';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** In a function of its own, so that no variable holds the item. */
function fill(fifo: Fifo<object>): WeakRef<object> {
  const first = {};
  fifo.push(first);
  fifo.push({});
  return new WeakRef(first);
}

describe('a Fifo', () => {
  it('is a list from whose front items are taken, however many there are', () => {
    const command = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ skip: fc.nat(3_000) }),
      fc.constant('shift' as const),
      fc.record({ peek: fc.nat(20) }),
      fc.record({ clear: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30, size: 'max' }), (commands) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        let next = 0;
        for (const one of commands) {
          if (one === 'shift') expect(fifo.shift()).toBe(model.shift());
          else if ('push' in one)
            for (let i = 0; i < one.push; i++) {
              model.push(next);
              fifo.push(next++);
            }
          else if ('skip' in one) {
            fifo.skip(one.skip);
            model = model.slice(one.skip);
          } else if ('peek' in one) expect(fifo.peek(one.peek)).toBe(model[one.peek]);
          else if (one.clear) {
            fifo.clear();
            model = [];
          }
          expect(fifo.size).toBe(model.length);
          expect(fifo.peek()).toBe(model[0]);
        }
        expect(Array.from(model, () => fifo.shift())).toEqual(model);
        expect(fifo.shift()).toBeUndefined();
      }),
      { numRuns: 40 },
    );
  });

  it('lets go of what was taken while others wait behind it', async () => {
    const fifo = new Fifo<object>();
    const held = fill(fifo);
    fifo.shift();
    await new Promise(setImmediate);
    collectGarbage();
    expect(held.deref()).toBeUndefined();
    expect(fifo.size).toBe(1);
  });

  it.each([0, 1, 5_000])('stays small when its reader is always %i behind', (behind) => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < behind; i++) fifo.push(i);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 200_000; i++) {
      fifo.push(i);
      fifo.shift();
    }
    collectGarbage();
    // A place that is kept takes 8 bytes.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(600_000);
    expect(fifo.size).toBe(behind);
  });

  it('moves each of many items once or so, not at every shift', () => {
    const slice = vi.spyOn(Array.prototype, 'slice');
    const fifo = new Fifo<number>();
    for (let i = 0; i < 20_000; i++) fifo.push(i);
    for (let i = 0; i < 20_000; i++) fifo.shift();
    const moved = slice.mock.results.reduce((sum, { value }) => sum + (value as unknown[]).length, 0);
    slice.mockRestore();
    expect(moved).toBeLessThanOrEqual(20_000);
    expect(fifo.size).toBe(0);
  });

  it('keeps what is wanted, in order', () => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < 10; i++) fifo.push(i);
    retain(fifo, (item) => item % 3 === 0);
    expect(fifo.size).toBe(4);
    expect(Array.from({ length: 4 }, () => fifo.shift())).toEqual([0, 3, 6, 9]);
  });
});
