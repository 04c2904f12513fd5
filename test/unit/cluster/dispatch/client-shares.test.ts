import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ClientShares } from '../../../../src/cluster/dispatch/client-shares.ts';
import { WORKER_QUEUE } from '../../../../src/flow-control.ts';

function open(bytes = Number.POSITIVE_INFINITY) {
  const onRoom = vi.fn();
  const shares = new ClientShares({ bytes, onRoom });
  const came = (client: string, count = 1, size = 1) => {
    for (let i = 0; i < count; i++) shares.came(client, size);
  };
  const went = (client: string, count = 1, size = 1) => {
    for (let i = 0; i < count; i++) shares.went(client, size);
  };
  return { shares, came, went, onRoom };
}

describe('the shares of clients in a queue', () => {
  it('are all of it for the only client, which goes on when half is left', () => {
    const { shares, came, went, onRoom } = open();
    // One that is gone has no share any more.
    came('b');
    went('b');
    came('a', WORKER_QUEUE - 1);
    expect([shares.isFull, shares.holdsUp('a')]).toEqual([false, false]);
    came('a');
    expect([shares.isFull, shares.holdsUp('a')]).toEqual([true, true]);
    went('a', WORKER_QUEUE / 2);
    expect([shares.holdsUp('a'), onRoom.mock.calls.length]).toEqual([true, 0]);
    went('a');
    expect([shares.holdsUp('a'), onRoom.mock.calls.length]).toEqual([false, 1]);
  });

  it('are there for another client when one has filled the queue, and as large for both', () => {
    const { shares, came } = open();
    came('a', WORKER_QUEUE);
    expect(shares.holdsUp('a')).toBe(true);
    for (let i = 0; i < WORKER_QUEUE / 2; i++) {
      expect(shares.holdsUp('b')).toBe(false);
      came('b');
    }
    expect(shares.holdsUp('b')).toBe(true);
  });

  it('let each client have one message, however many there are', () => {
    const { shares, came } = open();
    for (let i = 0; i < 2 * WORKER_QUEUE; i++) {
      expect(shares.holdsUp(`c${i}`)).toBe(false);
      came(`c${i}`);
    }
    expect(shares.holdsUp('c0')).toBe(true);
  });

  it('are of bytes, too, beyond one message', () => {
    const { shares, came } = open(100);
    came('a', 1, 200);
    expect([shares.isFull, shares.holdsUp('a')]).toEqual([true, false]);
    came('a', 1, 1);
    expect([shares.holdsUp('a'), shares.holdsUp('b')]).toEqual([true, false]);
  });

  it('are bounded by bytes from the last one on, until half of them are left', () => {
    const { shares, came, went, onRoom } = open(100);
    came('a', 3, 33);
    expect([shares.isFull, shares.holdsUp('a')]).toEqual([false, false]);
    came('a', 1, 1);
    expect([shares.isFull, shares.holdsUp('a')]).toEqual([true, true]);
    went('a', 1, 33);
    expect([shares.holdsUp('a'), onRoom.mock.calls.length]).toEqual([true, 0]);
    went('a', 1, 33);
    expect([shares.bytes, shares.holdsUp('a'), onRoom.mock.calls.length]).toEqual([34, false, 1]);
  });

  it('say nothing of clients that were not held up', () => {
    const { shares, came, went, onRoom } = open();
    came('b', 2);
    came('a', WORKER_QUEUE);
    expect(shares.holdsUp('a')).toBe(true);
    went('b', 2);
    expect(onRoom).not.toHaveBeenCalled();
    expect(shares.holdsUp('a')).toBe(true);
  });

  it('hold nobody up once they are closed', () => {
    const { shares, came, onRoom } = open();
    came('a', WORKER_QUEUE);
    expect(shares.holdsUp('a')).toBe(true);
    shares.close();
    expect([shares.isFull, shares.holdsUp('a'), onRoom.mock.calls.length]).toEqual([false, false, 1]);
  });

  it('say of each client that was held up when it may go on, and never forget one', () => {
    const step = fc.record({ client: fc.nat(4), count: fc.integer({ min: -900, max: 900 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const held = new Set<string>();
        const waiting = new Map<string, number>();
        const onRoom = () => {
          for (const client of [...held]) if (!shares.holdsUp(client)) held.delete(client);
        };
        const shares = new ClientShares({ bytes: Number.POSITIVE_INFINITY, onRoom });
        const go = (client: string, count: number) => {
          for (let left = Math.min(count, waiting.get(client) ?? 0); left > 0; left--) {
            waiting.set(client, (waiting.get(client) ?? 0) - 1);
            shares.went(client, 1);
          }
        };
        for (const { client: number, count } of steps) {
          const client = `c${number}`;
          if (count < 0) go(client, -count);
          for (let left = count; left > 0 && !held.has(client); left--) {
            if (shares.holdsUp(client)) held.add(client);
            else {
              waiting.set(client, (waiting.get(client) ?? 0) + 1);
              shares.came(client, 1);
            }
          }
          // Whoever is held up has messages here, whose end lets it go on.
          for (const own of held) expect(waiting.get(own) ?? 0).toBeGreaterThan(0);
        }
        for (const [client, count] of waiting) go(client, count);
        expect([...held]).toEqual([]);
        expect([shares.bytes, shares.isFull]).toEqual([0, false]);
      }),
      { numRuns: 50 },
    );
  });
});
