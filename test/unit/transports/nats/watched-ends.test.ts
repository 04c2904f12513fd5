/** Which ends a connection watches at an address, and who looks when one is gone. */
import { describe, expect, it, vi } from 'vitest';
import { WatchedEnds } from '../../../../transports/nats/watched-ends.ts';

const end = (isOne: boolean) => ({ isOne, look: vi.fn() });

describe('the ends at an address', () => {
  it('have one of a single process among them until it is removed', () => {
    const watched = new WatchedEnds();
    watched.add('nats:a', end(false));
    expect(watched.hasOne('nats:a')).toBe(false);
    const [first, second] = [watched.add('nats:a', end(true)), watched.add('nats:a', end(true))];
    expect([watched.hasOne('nats:a'), watched.hasOne('nats:b')]).toEqual([true, false]);
    first();
    first();
    expect(watched.hasOne('nats:a')).toBe(true);
    second();
    expect(watched.hasOne('nats:a')).toBe(false);
  });

  it('all look when one is gone, and no others', () => {
    const watched = new WatchedEnds();
    const [any, one, removed, other] = [end(false), end(true), end(false), end(false)];
    watched.add('nats:a', any);
    watched.add('nats:a', one);
    watched.add('nats:a', removed)();
    watched.add('nats:b', other);
    watched.lost('nats:a');
    watched.lost('nats:c');
    expect([any, one, removed, other].map(({ look }) => look.mock.calls.length)).toEqual([1, 1, 0, 0]);
  });

  it('may be added again when all had gone', () => {
    const watched = new WatchedEnds();
    const remove = watched.add('nats:a', end(true));
    remove();
    watched.add('nats:a', end(true));
    remove();
    expect(watched.hasOne('nats:a')).toBe(true);
  });
});
