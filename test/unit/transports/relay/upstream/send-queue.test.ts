import { describe, expect, it } from 'vitest';
import { SharedSendQueue } from '../../../../../transports/relay/upstream/send-queue.ts';

const MOST = 1_048_576;

/** Enters, and tells what became of it. */
function entering(turns: SharedSendQueue, bytes: number) {
  const turn = { outcome: undefined as boolean | undefined, giveUp: () => {} };
  const entered = turns.enter(bytes, (giveUp) => {
    turn.giveUp = giveUp;
  });
  if (entered === true) turn.outcome = true;
  else
    entered.then((outcome) => {
      turn.outcome = outcome;
    });
  return turn;
}

const settled = () => new Promise(setImmediate);

describe('turns to hand frames over', () => {
  it('come at once below the limit, also past it with the last, and are waited for at it', () => {
    const turns = new SharedSendQueue();
    expect(entering(turns, MOST - 1).outcome).toBe(true);
    expect(entering(turns, 10 * MOST).outcome).toBe(true);
    expect(entering(turns, 1).outcome).toBeUndefined();
    const full = new SharedSendQueue();
    expect(entering(full, MOST).outcome).toBe(true);
    expect(entering(full, 1).outcome).toBeUndefined();
  });

  it('come in their order, as many as there is room for', async () => {
    const turns = new SharedSendQueue();
    entering(turns, MOST);
    const [first, second, third] = [MOST, 5, 5].map((bytes) => entering(turns, bytes));
    turns.leave(MOST);
    await settled();
    expect([first?.outcome, second?.outcome]).toEqual([true, undefined]);
    turns.leave(MOST);
    await settled();
    expect([second?.outcome, third?.outcome]).toEqual([true, true]);
    expect(turns.waiting).toBe(0);
  });

  it('that are given up leave nothing, however many there were, and hold up nobody', async () => {
    const turns = new SharedSendQueue();
    entering(turns, MOST);
    const last = entering(turns, 1);
    for (let i = 0; i < 1_000; i++) {
      const own = entering(turns, 1);
      own.giveUp();
      own.giveUp();
      await settled();
      expect(own.outcome).toBe(false);
    }
    expect(turns.waiting).toBe(1);
    turns.leave(MOST);
    await settled();
    expect(last.outcome).toBe(true);
    last.giveUp();
    expect(entering(turns, 1).outcome).toBe(true);
  });
});
