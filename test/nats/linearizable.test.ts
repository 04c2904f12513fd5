/** The judge of histories: it takes those of a register, and no others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLinearizable, type Operation } from '../support/linearizable.ts';

const op = (
  kind: Operation['kind'],
  value: string | undefined,
  start: number,
  end: number,
  isSure = true,
): Operation => ({ kind, value, start, end, isSure });

describe('a history', () => {
  it.each<[string, readonly Operation[], boolean]>([
    ['of nothing', [], true],
    ['in which what was set is read', [op('set', 'a', 0, 1), op('get', 'a', 2, 3)], true],
    ['in which what was not set is read', [op('set', 'a', 0, 1), op('get', 'b', 2, 3)], false],
    [
      'in which what was replaced is read',
      [op('set', 'a', 0, 1), op('set', 'b', 2, 3), op('get', 'a', 4, 5)],
      false,
    ],
    [
      'in which the one of two at the same time is last',
      [op('set', 'a', 0, 9), op('set', 'b', 1, 8), op('get', 'a', 10, 11)],
      true,
    ],
    [
      'in which both are last',
      [op('set', 'a', 0, 9), op('set', 'b', 1, 8), op('get', 'a', 10, 11), op('get', 'b', 12, 13)],
      false,
    ],
    ['in which a value is read before it was asked for', [op('get', 'a', 0, 1), op('set', 'a', 2, 3)], false],
    ['in which what is being set is read', [op('set', 'a', 0, 9), op('get', 'a', 1, 2)], true],
    [
      'in which it is gone again meanwhile',
      [op('set', 'a', 0, 9), op('get', 'a', 1, 2), op('get', undefined, 3, 4)],
      false,
    ],
    [
      'in which what was deleted is there',
      [op('set', 'a', 0, 1), op('delete', 'x', 2, 3), op('get', 'a', 4, 5)],
      false,
    ],
    ['in which nothing was there to delete', [op('set', 'a', 0, 1), op('delete', undefined, 2, 3)], false],
    [
      'in which two delete the same',
      [op('set', 'a', 0, 1), op('delete', 'x', 2, 5), op('delete', 'x', 3, 4)],
      false,
    ],
    ['in which what nobody was told of is read', [op('set', 'a', 0, 1, false), op('get', 'a', 5, 6)], true],
    [
      'in which it is read late',
      [op('set', 'a', 0, 1, false), op('set', 'b', 2, 3), op('get', 'b', 4, 5), op('get', 'a', 6, 7)],
      true,
    ],
    [
      'in which it is read, and then is not there',
      [op('set', 'a', 0, 1, false), op('get', 'a', 2, 3), op('get', undefined, 4, 5)],
      false,
    ],
    [
      'in which it is read twice with another between',
      [op('set', 'a', 0, 1, false), op('get', 'a', 2, 3), op('set', 'b', 4, 5), op('get', 'a', 6, 7)],
      false,
    ],
    [
      'in which it was deleted by whom nobody was told of',
      [op('set', 'a', 0, 1), op('delete', 'x', 2, 3, false), op('get', undefined, 4, 5)],
      true,
    ],
  ])('%s', (_, history, expected) => {
    expect(isLinearizable(history)).toBe(expected);
  });

  it('in which one takes much longer than many others is judged whole', () => {
    const others = Array.from({ length: 300 }, (_, number) =>
      op('set', `v${number}`, 10 * number, 10 * number + 5),
    );
    const slow = (value: string) => op('get', value, 1, 2_996);
    expect(isLinearizable([...others, slow('v299')])).toBe(true);
    expect(isLinearizable([...others, slow('v0')])).toBe(true);
    expect(isLinearizable([...others, slow('other')])).toBe(false);
  });

  const step = fc.record({
    kind: fc.constantFrom('set', 'get', 'delete'),
    at: fc.nat(1_000),
    before: fc.nat(20),
    after: fc.nat(20),
    isSure: fc.boolean(),
  });

  /** What clients are told of a register that does each at one moment of its time. */
  function played(
    steps: readonly { kind: string; at: number; before: number; after: number; isSure: boolean }[],
  ) {
    let value: string | undefined;
    return [...steps]
      .sort((a, b) => a.at - b.at)
      .map(({ kind, at, before, after, isSure }, number): Operation => {
        const [start, end] = [at - before, at + after];
        const had = value;
        if (kind === 'set') value = String(number);
        if (kind === 'delete') value = undefined;
        return op(
          kind as Operation['kind'],
          kind === 'set' ? value : had,
          start,
          end,
          isSure || kind === 'get',
        );
      });
  }

  it('of a register is one, also where not all were told', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        expect(isLinearizable(played(steps))).toBe(true);
      }),
    );
  });

  it('with a read of what was replaced long before is none', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const history = played(steps);
        const late = [
          op('set', 'old', 2_000, 2_001),
          op('set', 'new', 2_002, 2_003),
          op('get', 'old', 2_004, 2_005),
        ];
        expect(isLinearizable([...history, ...late])).toBe(false);
      }),
    );
  });
});
