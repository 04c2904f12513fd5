import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/protocol/nearest.ts';

describe('the nearest word', () => {
  it.each([
    ['servr', ['server', 'sink'], 'server'],
    ['SERVER', ['server'], 'server'],
    ['sevrer', ['server'], 'server'],
    ['xserver', ['server'], 'server'],
    ['serverx', ['server'], 'server'],
    ['ab', ['ba'], 'ba'],
    ['ab', ['cd'], undefined],
    ['ab', ['ca'], undefined],
    ['ab', ['bc'], undefined],
    ['ab', ['bax'], undefined],
    ['a', ['b'], 'b'],
    ['', ['a'], 'a'],
    ['abc', ['xyc'], undefined],
    ['abcdef', ['abcdxy'], 'abcdxy'],
    ['abcdef', ['abcxyz'], undefined],
    ['abcdef', ['badcef'], 'badcef'],
    ['', ['ab'], undefined],
    ['x', [], undefined],
  ])('to %j of %j is %j', (word, candidates, found) => {
    expect(nearest(word, candidates)).toBe(found);
  });

  it('is the first of the nearest', () => {
    expect(nearest('cat', ['cats', 'cat', 'bat'])).toBe('cat');
    expect(nearest('cat', ['bat', 'hat'])).toBe('bat');
  });

  it('is the only one that begins so, where none is near', () => {
    expect(nearest('ti', ['timeout', 'title-page-of-all', 'other'])).toBeUndefined();
    expect(nearest('tim', ['timeout', 'title-page-of-all', 'other'])).toBe('timeout');
    expect(nearest('co', ['concurrency', 'other'])).toBe('concurrency');
    expect(nearest('c', ['concurrency', 'other'])).toBeUndefined();
    expect(nearest('xy', ['concurrency', 'other'])).toBeUndefined();
  });

  it('is not looked for when the word has more than 64 characters', () => {
    const word = (length: number) => 'a'.repeat(length);
    for (const length of [63, 64]) expect(nearest(word(length), [word(length)])).toBe(word(length));
    expect(nearest(word(65), [word(65)])).toBeUndefined();
  });

  it('is found after one letter was inserted, removed, replaced or swapped with its neighbour', () => {
    const letters = (length: number) =>
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: length, maxLength: 8 });
    fc.assert(
      fc.property(letters(3), fc.nat(), fc.constantFrom('x', 'y'), (word, place, letter) => {
        const at = place % (word.length - 1);
        const faulty = [
          word.slice(0, at) + letter + word.slice(at),
          word.slice(0, at) + letter + word.slice(at + 1),
          word.slice(0, at) + word.slice(at + 1, at + 2) + word.slice(at, at + 1) + word.slice(at + 2),
        ];
        for (const one of faulty) expect(nearest(one, [word])).toBe(word);
      }),
    );
  });
});
