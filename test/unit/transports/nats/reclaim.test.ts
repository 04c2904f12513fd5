/** What an end of a shared queue says that it has. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placesIn, writePlaces } from '../../../../transports/nats/reclaim.ts';

const places = fc.uniqueArray(fc.integer({ min: 1, max: 60 }));

describe('places', () => {
  it.each([
    [[], ''],
    [[7], '7'],
    [[7, 5, 6, 9, 1, 2], '1-2 5-7 9'],
  ])('%j are written as "%s"', (given, text) => {
    expect(writePlaces(given)).toBe(text);
  });

  it('are read as they were written, those between two bounds', () => {
    fc.assert(
      fc.property(
        places,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        (given, from, to) => {
          const inside = given.filter((place) => place >= from && place <= to).sort((a, b) => a - b);
          expect([...placesIn(writePlaces(given), from, to)]).toEqual(inside);
        },
      ),
    );
  });

  it.each([
    '',
    ' ',
    'x',
    '-',
    '1-',
    '-1',
    '9-1',
    'NaN',
    '0-1e308',
    '-Infinity-Infinity',
    '1-9 1-9 3 1-9',
    '1.5-3',
  ])('of the text "%s" are some of those that there are, each once', (text) => {
    const read = [...placesIn(text, 1, 9)];
    expect(read.length).toBeLessThanOrEqual(9);
    expect(new Set(read).size).toBe(read.length);
  });

  it('that stand behind something else are read', () => {
    expect([...placesIn('x 3', 1, 9)]).toEqual([3]);
  });
});
