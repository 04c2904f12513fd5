import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../src/transport.ts';
import { OwedDeliveries } from '../../../../transports/zeromq/owed.ts';
import { until, within } from '../../../support/wait.ts';

const KiB = 1_024;

/** What is owed, to subscribers that take what `room` says. */
function owe(budget: number, total = 4 * budget) {
  const sent: string[] = [];
  const lost = new Map<string, number>();
  const room = new Map<string, number>();
  const owed = new OwedDeliveries({
    send: async ({ topic, frames }) => {
      const [subscription = ''] = topic.split('/');
      const left = room.get(subscription) ?? 0;
      if (left === 0) return false;
      room.set(subscription, left - 1);
      sent.push(`${topic} ${frames[0]?.[0]}`);
      return true;
    },
    budget,
    total,
    onLost: (subscription, count) => lost.set(subscription, (lost.get(subscription) ?? 0) + count),
  });
  const delivery = (topic: string, mark: number, size = KiB): Delivery => {
    const frame = new Uint8Array(size - 256 - topic.length);
    frame[0] = mark;
    return { topic, frames: [frame] };
  };
  return { owed, sent, lost, room, delivery };
}

describe('what a slow subscriber is owed', () => {
  it('leaves in order once it is taken, and holds up no other', async () => {
    const { owed, sent, room, delivery } = owe(64 * KiB);
    for (let i = 0; i < 10; i++) {
      owed.add('slow', delivery('slow/1', i));
      owed.add('other', delivery('other/1', i));
    }
    room.set('other', 10);
    await within(
      1_000,
      until(() => sent.length === 10),
    );
    expect(owed.has('other')).toBe(false);
    expect(owed.has('slow')).toBe(true);
    room.set('slow', 3);
    await within(
      1_000,
      until(() => sent.length === 13),
    );
    room.set('slow', 100);
    await within(1_000, owed.idle());
    expect(sent.filter((one) => one.startsWith('slow'))).toEqual(
      Array.from({ length: 10 }, (_, i) => `slow/1 ${i}`),
    );
  });

  it('is bounded in bytes, not in messages: the newest are dropped, counted and named', async () => {
    const { owed, sent, lost, room, delivery } = owe(64 * KiB);
    for (let i = 0; i < 70; i++) owed.add('slow', delivery('slow/1', i));
    expect(lost).toEqual(new Map([['slow', 6]]));
    room.set('slow', 100);
    await within(1_000, owed.idle());
    expect(sent).toEqual(Array.from({ length: 64 }, (_, i) => `slow/1 ${i}`));
    owed.add('slow', delivery('slow/1', 1, 200 * KiB));
    await within(1_000, owed.idle());
    expect(sent.length).toBe(65);
    expect(lost.get('slow')).toBe(6);
  });

  it('is taken from the one that is owed the most when all are owed too much', async () => {
    const { owed, lost, delivery } = owe(64 * KiB, 100 * KiB);
    for (let i = 0; i < 60; i++) owed.add('one', delivery('one/1', i));
    for (let i = 0; i < 30; i++) owed.add('two', delivery('two/1', i));
    for (let i = 0; i < 30; i++) owed.add('three', delivery('three/1', i));
    expect(lost).toEqual(new Map([['one', 20]]));
    owed.close();
    await within(1_000, owed.idle());
  });
});
