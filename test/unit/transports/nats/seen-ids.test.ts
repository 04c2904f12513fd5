/** The names of results, by which a subscription knows those that come again. */
import { describe, expect, it } from 'vitest';
import { SeenIds } from '../../../../transports/nats/seen-ids.ts';

describe('a name', () => {
  it('is new once, whatever part and number it has, and no name always', () => {
    const seen = new SeenIds();
    const ids = ['a@1/7/0', 'a@1/7/1', 'a@1/7/0/0', 'a@1/8/0', 'a@2/7/0', 'b@1/7/0', 'a@1/4103/0'];
    expect(ids.filter((id) => seen.isNew(id))).toEqual(ids);
    expect(ids.filter((id) => seen.isNew(id))).toEqual([]);
    expect([seen.isNew(''), seen.isNew('')]).toEqual([true, true]);
  });

  it('is forgotten when 4,096 blocks of 4,096 have come after its own', () => {
    const seen = new SeenIds();
    const place = (block: number) => `a/${block * 4_096}/0`;
    for (let block = 0; block < 4_096; block++) seen.isNew(place(block));
    expect(seen.isNew(place(0))).toBe(false);
    seen.isNew(place(4_096));
    expect(seen.isNew(place(1))).toBe(false);
    expect(seen.isNew(place(0))).toBe(true);
  });
});
