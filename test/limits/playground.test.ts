/** What the page keeps in its address, and draws: each bound at its value, one below and one above. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clipped } from '../../playground/src/parts/clipped.ts';
import { Link, type LinkState } from '../../playground/src/state/link.ts';

/** Characters of a field as it is written in the address, with its name and the sign between. */
const ofLength = (key: keyof LinkState, characters: number) => 'x'.repeat(characters - key.length - 1);

describe('the page’s address', () => {
  beforeEach(() => {
    vi.stubGlobal('location', { hash: '', href: 'http://localhost/' });
    vi.stubGlobal('history', { replaceState: () => {}, pushState: () => {} });
    vi.stubGlobal('addEventListener', () => {});
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('has 2,000 characters at most for a field, and 8,000 for all', () => {
    const link = new Link(() => {});
    for (const length of [1_999, 2_000, 2_001]) {
      link.set({ payload: ofLength('payload', length) });
      expect(link.leftOut, `${length}`).toEqual(length > 2_000 ? ['payload'] : []);
    }
    for (const last of [1_999, 2_000, 2_001]) {
      // Three of 1,999 and a sign between them and the next, and one that is as long as a field may be.
      link.set({
        fn: ofLength('fn', 1_999),
        payload: ofLength('payload', last - 1),
        cache: ofLength('cache', 1_999),
        key: ofLength('key', 2_000),
      });
      expect(link.leftOut, `${last + 6_000}`).toEqual(last > 2_000 ? ['key'] : []);
      if (last === 2_000) expect(link.href(true)).toHaveLength('http://localhost/#'.length + 8_000);
    }
  });
});

it('a text that is drawn is cut behind as many characters as it may have, and says how many more there are', () => {
  for (const length of [19_999, 20_000]) expect(clipped('x'.repeat(length), 20_000)).toHaveLength(length);
  expect(clipped('x'.repeat(20_001), 20_000)).toBe(`${'x'.repeat(20_000)}… and 1 characters more`);
});
