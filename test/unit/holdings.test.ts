import { describe, expect, it } from 'vitest';
import { Holdings } from '../../transports/relay/holdings.ts';

describe('Holdings', () => {
  it('adds up what is held for all', () => {
    const holdings = new Holdings<string>(100, () => {});
    holdings.set('a', 30);
    holdings.set('b', 40);
    holdings.set('a', 10);
    expect(holdings.total).toBe(50);
    holdings.set('b', 0);
    expect(holdings.total).toBe(10);
  });

  it('lets go of those that the most is held for, until all others are within the limit', () => {
    const ended: string[] = [];
    const holdings = new Holdings<string>(100, (who) => {
      ended.push(who);
      holdings.set(who, 0);
    });
    holdings.set('small', 20);
    holdings.set('large', 50);
    holdings.set('middling', 30);
    expect(ended).toEqual([]);
    holdings.set('small', 75);
    expect(ended).toEqual(['small']);
    holdings.set('new', 100);
    expect(ended).toEqual(['small', 'new']);
    expect(holdings.total).toBe(80);
  });
});
