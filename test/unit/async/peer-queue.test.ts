/** What peers push and one reader takes: a peer that sends much holds up itself, and nothing is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerQueue } from '../../../src/async/peer-queue.ts';

const [A, B] = [{}, {}];
const open = (most = 4, bytes = 100) => new PeerQueue<number>(most, { sizeOf: (item) => item, bytes });
/** Whether a promise has resolved, a turn of events later. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => {
    done = true;
  });
  await new Promise(setImmediate);
  return done;
}

describe('a queue of peers', () => {
  it('gives all that came, in order for each peer', async () => {
    const queue = open();
    queue.push(A, [1, 2]);
    queue.push(B, [3]);
    queue.push(A, [4]);
    expect([queue.size, await queue.next(), queue.size]).toEqual([
      4,
      { done: false, value: [1, 2, 4, 3] },
      0,
    ]);
  });

  it('gives a reader with little room a few of each peer, and the rest later', async () => {
    const queue = open();
    queue.push(A, [1, 2, 3]);
    queue.push(B, [4]);
    const taken = [];
    while (queue.size > 0) taken.push((await queue.next(1)).value);
    expect(taken).toEqual([[1, 4], [2], [3]]);
  });

  it('gives a reader that waits no more than it asked for', async () => {
    const queue = open();
    const reading = queue.next(2);
    queue.push(A, []);
    queue.push(A, [1, 2, 3]);
    expect([await reading, (await queue.next()).value]).toEqual([{ done: false, value: [1, 2] }, [3]]);
  });

  it.each([
    ['items', 4, 100],
    ['bytes', 100, 10],
  ])('holds up whoever has %s in it while it is full, and nobody else', async (_of, most, bytes) => {
    const queue = open(most, bytes);
    queue.push(A, [1, 2, 3]);
    expect(queue.isFullFor(A)).toBe(false);
    queue.push(A, [4]);
    expect([queue.isFullFor(A), queue.isFullFor(B)]).toEqual([true, false]);
    queue.push(B, [5]);
    expect(queue.isFullFor(B)).toBe(true);
    const room = [A, B].map((peer) => queue.room(peer));
    await queue.next(1);
    // All of it is taken of the one, and the other has some left.
    expect([queue.isFullFor(B), await isDone(room[1] as Promise<void>)]).toEqual([false, true]);
    await queue.next();
    expect(await isDone(room[0] as Promise<void>)).toBe(true);
  });

  it.each([
    ['items', 6, 1_000],
    ['bytes', 1_000, 21],
  ])(
    'lets a peer go on that has none left, and holds up others while it is full of %s',
    async (_of, most, bytes) => {
      const queue = open(most, bytes);
      queue.push(A, [3, 3, 3, 3, 3, 3, 3, 3]);
      queue.push(B, [3]);
      const room = [A, B].map((peer) => queue.room(peer));
      await queue.next(1);
      expect([queue.isFullFor(A), queue.isFullFor(B)]).toEqual([true, false]);
      expect(await Promise.all(room.map(isDone))).toEqual([false, true]);
      // A peer that pushes nothing has nothing in it.
      queue.push(B, []);
      expect([queue.isFullFor(B), await isDone(queue.room(B))]).toEqual([false, true]);
      await queue.next(2);
      expect([queue.isFullFor(A), await isDone(room[0] as Promise<void>)]).toEqual([false, true]);
      expect(await isDone(queue.room(A))).toBe(true);
      // What was read counts no more.
      await queue.next();
      queue.push(A, [3]);
      expect(queue.isFullFor(A)).toBe(false);
    },
  );

  it('ends for its reader when all is read, and for all that wait', async () => {
    const queue = open();
    queue.push(A, [1, 2, 3, 4]);
    const room = queue.room(A);
    queue.end();
    queue.push(A, [5]);
    expect([await isDone(room), await isDone(queue.room(A)), queue.isEnded]).toEqual([true, true, true]);
    expect([await queue.next(3), await queue.next(3), await queue.next(3)]).toEqual([
      { done: false, value: [1, 2, 3] },
      { done: false, value: [4] },
      { done: true, value: undefined },
    ]);
    const waiting = open();
    const reading = waiting.next();
    waiting.end();
    expect(await reading).toEqual({ done: true, value: undefined });
  });

  it('loses nothing, keeps the order of each peer, and lets everybody go on in the end', async () => {
    const aStep = fc.oneof(
      fc.record({ peer: fc.nat(2), count: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ most: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 60 }), async (steps) => {
        const peers = [{}, {}, {}];
        const queue = new PeerQueue<readonly [number, number]>(5, { sizeOf: () => 1, bytes: 8 });
        const pushed = [0, 0, 0];
        const taken = [0, 0, 0];
        const rooms: Promise<void>[] = [];
        const take = async (most: number) => {
          const { value = [] } = await queue.next(most);
          const counts = [0, 0, 0];
          for (const [peer, number] of value) {
            expect(number).toBe(taken[peer]);
            taken[peer] = number + 1;
            counts[peer] = (counts[peer] ?? 0) + 1;
          }
          expect(Math.max(...counts)).toBeLessThanOrEqual(most);
        };
        for (const step of steps) {
          if ('most' in step) {
            if (queue.size > 0) await take(step.most);
            continue;
          }
          const peer = peers[step.peer] ?? A;
          if (queue.isFullFor(peer)) {
            rooms.push(queue.room(peer));
            continue;
          }
          const before = pushed[step.peer] ?? 0;
          queue.push(
            peer,
            Array.from({ length: step.count }, (_, i) => [step.peer, before + i] as const),
          );
          pushed[step.peer] = before + step.count;
        }
        while (queue.size > 0) await take(2);
        await Promise.all(rooms);
        expect(taken).toEqual(pushed);
      }),
      { numRuns: 100 },
    );
  });
});
