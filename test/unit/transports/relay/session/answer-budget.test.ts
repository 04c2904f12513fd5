import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AnswerBudget } from '../../../../../transports/relay/session/answer-budget.ts';

const BYTES = 1_000;

/** @param size - bytes of the answers that have come, of which there were many; none without. */
function openRoom(size?: number) {
  const taker = { held: 0 };
  const room = new AnswerBudget(BYTES, taker);
  if (size !== undefined) {
    room.take(1);
    room.answered(1_000, 1_000 * size);
  }
  return { taker, room };
}

/** What a promise has come to by now. */
async function stateOf(promise: Promise<number>): Promise<number | undefined> {
  return Promise.race([promise, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
}

describe('AnswerBudget', () => {
  it('begins with few, as long as nothing is known of the answers', () => {
    const { room } = openRoom();
    expect(room.take(100)).toBe(8);
    expect(room.take(1)).toBe(0);
  });

  it('has four times as many out each time, however small the answers are', () => {
    const { room } = openRoom();
    room.take(2);
    room.answered(2, 2);
    for (const count of [16, 64, 256]) {
      expect(room.take(1_000)).toBe(count);
      room.answered(count, count);
    }
  });

  it('begins with few again after a rest', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { room } = openRoom(1);
      vi.advanceTimersByTime(900);
      expect(room.take(1_000)).toBe(1_000);
      room.answered(1_000, 1_000);
      vi.advanceTimersByTime(1_000);
      expect(room.take(1_000)).toBe(1_000);
      // One answer, and nobody waits for the others any more: what counts is when the answer came.
      room.answered(1, 1);
      room.release(999);
      vi.advanceTimersByTime(999);
      expect(room.take(1_000)).toBe(1_000);
      room.release(1_000);
      vi.advanceTimersByTime(2);
      expect(room.take(1_000)).toBe(16);
    } finally {
      vi.useRealTimers();
    }
  });

  it('has as many out as there is room for their answers', () => {
    const { room, taker } = openRoom(10);
    expect(room.take(1_000)).toBe(100);
    room.release(100);
    taker.held = 600;
    expect(room.take(1_000)).toBe(40);
  });

  it('takes larger answers for the usual at once, and smaller ones slowly', () => {
    const { room } = openRoom(1);
    room.take(1);
    room.answered(1, 100);
    expect(room.take(100)).toBe(10);
    room.release(10);
    room.take(1);
    room.answered(1, 20);
    expect(room.take(100)).toBe(11);
  });

  it('lets one through whose answer is larger than all room, once little waits', () => {
    const { room, taker } = openRoom(5_000);
    taker.held = 501;
    expect(room.take(9)).toBe(0);
    taker.held = 500;
    expect(room.take(9)).toBe(1);
    expect(room.take(9)).toBe(0);
  });

  it('gives places in turn', async () => {
    const { room } = openRoom(200);
    room.take(5);
    const first = room.wait(3);
    const second = room.wait(3);
    expect(room.take(1)).toBe(0);
    expect(await stateOf(first)).toBeUndefined();
    room.answered(5, 1_000);
    expect(await Promise.all([first, second])).toEqual([3, 2]);
  });

  it('goes on when the client takes what waited for it', async () => {
    const { room, taker } = openRoom(100);
    taker.held = BYTES;
    const turn = room.wait(5);
    expect(await stateOf(turn)).toBeUndefined();
    taker.held = 0;
    room.moved();
    expect(await stateOf(turn)).toBe(5);
  });

  it('lets everybody go when it is closed', async () => {
    const { room } = openRoom();
    room.take(8);
    const turn = room.wait(7);
    room.close();
    expect(await stateOf(turn)).toBe(7);
    expect(room.take(9)).toBe(9);
  });

  describe('where answers never come', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('lets four times as many through each quarter of a second', async () => {
      const { room } = openRoom();
      room.take(8);
      for (const count of [32, 128, 512]) {
        const turn = room.wait(1_000);
        await vi.advanceTimersByTimeAsync(250);
        expect(await turn).toBe(count);
      }
      expect(vi.getTimerCount()).toBe(0);
    });

    it('lets no more through for a client that only does not take what it has', async () => {
      const { room, taker } = openRoom();
      room.take(1);
      room.answered(1, 1);
      taker.held = BYTES;
      const turn = room.wait(1_000);
      await vi.advanceTimersByTimeAsync(750);
      taker.held = 0;
      room.moved();
      expect([await turn, room.take(1_000)]).toEqual([16, 0]);
    });

    it('lets no more through while some come', async () => {
      const { room, taker } = openRoom();
      room.take(1);
      room.answered(1, 1);
      expect(room.take(1_000)).toBe(16);
      taker.held = BYTES;
      const turn = room.wait(1_000);
      await vi.advanceTimersByTimeAsync(100);
      room.answered(1, 1);
      await vi.advanceTimersByTimeAsync(150);
      taker.held = 0;
      room.moved();
      expect([await turn, room.taken]).toEqual([4, 19]);
    });
  });

  it('never has more out than there is room for, and never stops while there is some', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask'), count: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constant('answer'), count: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constant('hold'), count: fc.integer({ min: 0, max: BYTES }) }),
    );
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 400 }), fc.array(step), async (size, steps) => {
        const { room, taker } = openRoom(size);
        let out = 0;
        let waiting = 0;
        const took = (count: number) => {
          out += count;
        };
        for (const { kind, count } of steps) {
          const before = out;
          if (kind === 'ask') {
            waiting++;
            room.wait(count).then((taken) => {
              waiting--;
              took(taken);
            });
          } else if (kind === 'answer' && out > 0) {
            const answers = Math.min(count, out);
            out -= answers;
            room.answered(answers, answers * size);
          } else if (kind === 'hold') {
            taker.held = count;
            room.moved();
          }
          await Promise.resolve();
          await Promise.resolve();
          const most = Math.max(1, Math.floor((BYTES - taker.held) / size));
          if (out > before) expect(out).toBeLessThanOrEqual(most);
          if (waiting > 0 && out === 0) expect(taker.held).toBeGreaterThan(Math.min(BYTES / 2, BYTES - size));
        }
        room.close();
      }),
    );
  });
});
