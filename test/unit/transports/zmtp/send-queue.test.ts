/** Sends that wait for a link with room: when they are done, and what they are told when they are dropped. */
import { describe, expect, it } from 'vitest';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { SendQueue } from '../../../../transports/zmtp/send-queue.ts';

/** The outcome of a promise so far. */
function outcomeOf(promise: Promise<void>): { now: string } {
  const outcome = { now: 'waits' };
  promise.then(
    () => {
      outcome.now = 'done';
    },
    ({ message }) => {
      outcome.now = message;
    },
  );
  return outcome;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const dropped = (isBegun: boolean) => new PalmError('DISCONNECTED', isBegun ? 'begun' : 'not begun');

describe('a queue of sends', () => {
  it('is done with a send when all of its items are taken, and not before', async () => {
    const queue = new SendQueue<number>();
    const [first, second] = [outcomeOf(queue.add([1, 2])), outcomeOf(queue.add([3]))];
    const states: string[][] = [];
    for (const expected of [1, 2, 3]) {
      expect(queue.shift()).toBe(expected);
      queue.settle();
      await settle();
      states.push([first.now, second.now]);
    }
    expect(states).toEqual([
      ['waits', 'waits'],
      ['done', 'waits'],
      ['done', 'done'],
    ]);
    expect(queue.size).toBe(0);
  });

  it('tells a send that is dropped whether something of it had left', async () => {
    const queue = new SendQueue<number>();
    const outcomes = [queue.add([1, 2]), queue.add([3]), queue.add([4], true)].map(outcomeOf);
    queue.shift();
    queue.drop(dropped);
    await settle();
    expect(outcomes.map(({ now }) => now)).toEqual(['begun', 'not begun', 'begun']);
    expect(queue.size).toBe(0);
    // A later send has nothing to do with those.
    const later = outcomeOf(queue.add([5]));
    queue.shift();
    queue.settle();
    await settle();
    expect(later.now).toBe('done');
  });

  it('says when nothing waits any more, also when that is because all was dropped', async () => {
    const queue = new SendQueue<number>();
    expect(outcomeOf(queue.idle())).toEqual({ now: 'waits' });
    queue.add([1]).catch(() => {});
    const idle = outcomeOf(queue.idle());
    await settle();
    expect(idle.now).toBe('waits');
    queue.shift();
    queue.settle();
    await settle();
    expect(idle.now).toBe('done');
    queue.add([2]).catch(() => {});
    const again = outcomeOf(queue.idle());
    queue.drop(dropped);
    await settle();
    expect(again.now).toBe('done');
  });
});
