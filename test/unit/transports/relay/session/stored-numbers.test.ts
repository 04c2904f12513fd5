/** Which frames of a channel are stored: all before a number, and ranges behind gaps. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoredNumbers } from '../../../../../transports/relay/session/stored-numbers.ts';

/** What is next after each of these ranges. */
function nextAfter(first: number, ...ranges: readonly (readonly [first: number, count: number])[]) {
  const stored = new StoredNumbers(first);
  return ranges.map(([number, count]) => {
    stored.add(number, count);
    return stored.next;
  });
}

/** The most ranges behind a gap. */
const MOST_EARLY = 4_096;
const tooMany = expect.objectContaining({
  code: 'PROTOCOL',
  message: 'the client leaves out numbers of frames',
});

describe('the first number that is not stored', () => {
  it('is the first that is to come, before any has', () => {
    expect([0, 7, 2 ** 52].map((first) => new StoredNumbers(first).next)).toEqual([0, 7, 2 ** 52]);
  });

  it('goes on with what comes in order', () => {
    expect(nextAfter(5, [5, 1], [6, 3], [9, 1])).toEqual([6, 9, 10]);
  });

  it('stays before a gap, and passes what is behind it once it is closed', () => {
    expect(nextAfter(0, [1, 1], [4, 2], [2, 1], [0, 1], [3, 1])).toEqual([0, 0, 0, 3, 6]);
  });

  it('is the same when something comes again, or lies before the first', () => {
    expect(nextAfter(5, [5, 2], [5, 1], [6, 1], [5, 2], [0, 3], [4, 1])).toEqual([7, 7, 7, 7, 7, 7]);
    expect(nextAfter(0, [2, 1], [2, 1], [0, 1], [1, 1])).toEqual([0, 0, 1, 3]);
  });

  it('passes the new part of a range of which some is stored', () => {
    expect(nextAfter(5, [3, 4], [6, 3])).toEqual([7, 9]);
    // Shorter and longer ones that begin alike, one within another, and one over two.
    expect(nextAfter(0, [2, 3], [2, 1], [0, 2])).toEqual([0, 0, 5]);
    expect(nextAfter(0, [2, 1], [2, 3], [0, 2])).toEqual([0, 0, 5]);
    expect(nextAfter(0, [2, 5], [3, 2], [0, 2])).toEqual([0, 0, 7]);
    expect(nextAfter(0, [2, 2], [6, 2], [3, 4], [0, 2])).toEqual([0, 0, 0, 8]);
  });

  it('is that of a plain set, in whatever order frames come, and however often', () => {
    const range = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(fc.nat(10), fc.array(range, { maxLength: 60, size: 'max' }), (first, ranges) => {
        const stored = new StoredNumbers(first);
        const model = new Set<number>();
        for (const [number, count] of ranges) {
          stored.add(number, count);
          for (let i = 0; i < count; i++) model.add(number + i);
          let next = first;
          while (model.has(next)) next++;
          expect(stored.next).toBe(next);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('ranges behind a gap', () => {
  it('are as many as the limit, and one above it breaks the protocol', () => {
    const stored = new StoredNumbers(0);
    for (let i = 1; i <= MOST_EARLY; i++) stored.add(2 * i, 1);
    // Once more is not one more.
    stored.add(2 * MOST_EARLY, 1);
    stored.add(2, 1);
    expect(() => stored.add(2 * MOST_EARLY + 2, 1)).toThrow(tooMany);
  });

  it('are one where they meet: small frames that pass a large one are without end', () => {
    const stored = new StoredNumbers(0);
    for (let i = 1; i <= 3 * MOST_EARLY; i++) stored.add(i, 1);
    for (let i = 6 * MOST_EARLY; i > 4 * MOST_EARLY; i--) stored.add(i, 1);
    expect(stored.next).toBe(0);
    stored.add(0, 1);
    expect(stored.next).toBe(3 * MOST_EARLY + 1);
  });

  it('make room for others when they are reached', () => {
    const stored = new StoredNumbers(0);
    for (let i = 1; i <= MOST_EARLY; i++) stored.add(2 * i, 1);
    stored.add(0, 2);
    expect(stored.next).toBe(3);
    stored.add(2 * MOST_EARLY + 2, 1);
    expect(() => stored.add(2 * MOST_EARLY + 4, 1)).toThrow(tooMany);
  });
});
