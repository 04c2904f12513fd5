import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Numbered } from '../../../src/async/numbered.ts';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;

describe('numbered items', () => {
  it('are a map, whatever the numbers are', () => {
    const number = fc.oneof(fc.nat(700), fc.integer({ min: 2 ** 32 - 300, max: 2 ** 32 + 300 }));
    const command = fc.oneof(
      { weight: 4, arbitrary: fc.record({ set: number }) },
      { weight: 3, arbitrary: fc.record({ delete: number }) },
      { weight: 1, arbitrary: fc.record({ run: number, length: fc.nat(600) }) },
      { weight: 1, arbitrary: fc.record({ clear: fc.nat(9) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30, size: 'max' }), (commands) => {
        const numbered = new Numbered<string>();
        const model = new Map<number, string>();
        let next = 0;
        const set = (at: number) => {
          model.set(at, `item ${next}`);
          numbered.set(at, `item ${next++}`);
        };
        for (const one of commands) {
          if ('set' in one) set(one.set);
          else if ('run' in one) for (let i = 0; i < one.length; i++) set(one.run + i);
          else if ('delete' in one) expect(numbered.delete(one.delete)).toBe(model.delete(one.delete));
          else if (one.clear === 0) {
            numbered.clear();
            model.clear();
          }
          expect(numbered.size).toBe(model.size);
        }
        expect(Array.from(model.keys(), (at) => numbered.get(at))).toEqual([...model.values()]);
        expect([...numbered].sort()).toEqual([...model.values()].sort());
        expect(numbered.get(2_000)).toBe(undefined);
      }),
      { numRuns: 100 },
    );
  });

  it('are there again in a page that was empty, or cleared', () => {
    const numbered = new Numbered<string>();
    numbered.set(7, 'first');
    numbered.delete(7);
    numbered.set(8, 'second');
    expect([[...numbered], numbered.get(7), numbered.get(8)]).toEqual([['second'], undefined, 'second']);
    numbered.clear();
    expect([[...numbered], numbered.get(8), numbered.delete(8), numbered.size]).toEqual([
      [],
      undefined,
      false,
      0,
    ]);
    numbered.set(9, 'third');
    expect([[...numbered], numbered.size]).toEqual([['third'], 1]);
  });

  it('come in the order of their numbers, and may be deleted meanwhile', () => {
    const numbered = new Numbered<number>();
    for (let i = 100; i < 1_000; i++) numbered.set(i, i);
    const seen: number[] = [];
    for (const item of numbered) {
      seen.push(item);
      numbered.delete(item);
      numbered.delete(item + 1);
    }
    expect(seen).toEqual(Array.from({ length: 450 }, (_, i) => 100 + 2 * i));
    expect(numbered.size).toBe(0);
  });

  it('take no room once they went, replaced or not', () => {
    const numbered = new Numbered<string>();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 2_000_000; i++) {
      numbered.set(i, 'item');
      if (i % 100 === 0) numbered.set(i, 'another');
      numbered.delete(i - 10);
    }
    collect();
    expect(numbered.size).toBe(10);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
  });

  it('that came and went do not live on in the old generation', () => {
    const numbered = new Numbered<string>();
    const [rounds, many, held, size] = [40, 500, 128, 1_000];
    const text = Buffer.alloc(size, 'x');
    const old = () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0;
    let next = 0;
    const pass = (count: number) => {
      for (const end = next + count; next < end; next++) {
        numbered.set(next, text.toString('latin1'));
        numbered.delete(next - held);
      }
    };
    pass(held);
    // What is there is old now, and so is the structure itself.
    collect();
    const before = old();
    for (let round = 0; round < rounds; round++) {
      pass(many);
      collect({ type: 'minor' });
    }
    expect(old() - before).toBeLessThan((size * many * rounds) / 8);
  });
});
