import { afterEach, describe, expect, it, vi } from 'vitest';
import { BATCH } from '../../../../src/flow-control.ts';
import type { Delivery } from '../../../../src/transport.ts';
import { OwedDeliveries, type OwedState } from '../../../../transports/zeromq/owed.ts';
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

describe('the bytes that are owed', () => {
  /** A delivery counts 256 bytes, its topic and its frames: here as many as said. */
  const sized = (size: number, topic = 'a/1'): Delivery => ({
    topic,
    frames: [new Uint8Array(size - 256 - topic.length - 10), new Uint8Array(10)],
  });

  function full(budget: number, total: number) {
    const onLost = vi.fn();
    const owed = new OwedDeliveries({ send: async () => false, budget, total, onLost });
    return { owed, onLost };
  }

  it('are at most the budget of one subscriber', () => {
    const { owed, onLost } = full(1_000, 10_000);
    owed.add('a', sized(500));
    owed.add('a', sized(500));
    expect(onLost).not.toHaveBeenCalled();
    owed.add('a', sized(300));
    expect(onLost.mock.calls).toEqual([['a', 1]]);
    owed.add('b', sized(5_000));
    expect(onLost).toHaveBeenCalledTimes(1);
    owed.add('b', sized(300));
    expect(onLost.mock.calls.at(-1)).toEqual(['b', 1]);
    owed.close();
  });

  it('are at most the total of all, and the one that is owed most loses its newest', () => {
    const { owed, onLost } = full(10_000, 3_000);
    owed.add('a', sized(1_000));
    owed.add('b', sized(600));
    owed.add('b', sized(600));
    owed.add('c', sized(800));
    expect(onLost).not.toHaveBeenCalled();
    owed.add('c', sized(300));
    expect(onLost.mock.calls).toEqual([['b', 1]]);
    // 2,700 are left: so much has room, and no more.
    owed.add('d', sized(300));
    expect(onLost).toHaveBeenCalledTimes(1);
    owed.add('d', sized(300));
    expect(onLost.mock.calls.at(-1)).toEqual(['c', 1]);
    owed.close();
  });

  it('are more than the total where one delivery alone is', () => {
    const { owed, onLost } = full(1_000, 2_000);
    owed.add('a', sized(5_000));
    expect([onLost.mock.calls.length, owed.has('a')]).toEqual([0, true]);
    owed.add('b', sized(300));
    expect(onLost.mock.calls).toEqual([['a', 1]]);
    owed.add('b', sized(300));
    expect(onLost).toHaveBeenCalledTimes(1);
    owed.close();
  });

  it('of one that was dropped for others are no longer there, which its subscriber is told by the state', async () => {
    let last: OwedState | undefined;
    const owed = new OwedDeliveries({
      send: async ({ topic }, state) => {
        if (topic === 'a') last = { ...state };
        return false;
      },
      budget: 1_000,
      total: 1_000,
      onLost: () => {},
    });
    owed.add('a', sized(300, 'a'));
    owed.add('a', sized(500, 'a'));
    await within(
      1_000,
      until(() => last !== undefined),
    );
    expect(last?.isOver).toBe(false);
    owed.add('b', sized(300, 'b'));
    await within(
      1_000,
      until(() => last?.isOver === true),
    );
    owed.close();
  });

  it('of several in a queue are there again one by one', async () => {
    let left = 1;
    const onLost = vi.fn();
    const owed = new OwedDeliveries({ send: async () => left-- > 0, budget: 2_000, total: 1_500, onLost });
    for (let i = 0; i < 3; i++) owed.add('a', sized(500));
    await within(
      1_000,
      until(() => left < 0),
    );
    owed.add('a', sized(500));
    expect(onLost).not.toHaveBeenCalled();
    owed.add('a', sized(300));
    expect(onLost).toHaveBeenCalledTimes(1);
    owed.close();
  });

  it('are there again once they are taken', async () => {
    let hasRoom = true;
    const onLost = vi.fn();
    const owed = new OwedDeliveries({ send: async () => hasRoom, budget: 1_000, total: 1_000, onLost });
    for (let i = 0; i < 3; i++) {
      owed.add('a', sized(1_000));
      await within(1_000, owed.idle());
    }
    hasRoom = false;
    owed.add('a', sized(500));
    owed.add('b', sized(500));
    expect(onLost).not.toHaveBeenCalled();
    owed.add('b', sized(300));
    expect(onLost).toHaveBeenCalledTimes(1);
    owed.close();
  });

  it('are those of a copy where a frame is a small part of a buffer', async () => {
    const sent: Delivery[] = [];
    const owed = new OwedDeliveries({
      send: async (delivery) => sent.push(delivery) > 0,
      budget: 1_000,
      total: 1_000,
      onLost: () => {},
    });
    const frame = new Uint8Array(1_000).subarray(0, 10).fill(7);
    owed.add('a', { topic: 'a/1', frames: [frame], mayWait: true });
    owed.add('a', { topic: 'a/1', frames: [frame] });
    frame.fill(8);
    await within(1_000, owed.idle());
    const copy = new Uint8Array(10).fill(7);
    expect(sent).toEqual([
      { topic: 'a/1', frames: [copy], mayWait: true },
      { topic: 'a/1', frames: [copy] },
    ]);
    expect(sent[0]?.frames[0]?.buffer.byteLength).toBe(10);
  });
});

describe('what is owed', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const small = (mark = 0, topic = 'a/1'): Delivery => ({ topic, frames: [new Uint8Array([mark])] });

  function sending(send: (delivery: Delivery, state: OwedState) => Promise<boolean>, budget = 1e9) {
    return new OwedDeliveries({ send, budget, total: 4 * budget, onLost: () => {} });
  }

  it('is tried at longer and longer intervals, of 16 ms at most, and often again once some is taken', async () => {
    vi.useFakeTimers();
    const tried: number[] = [];
    let hasRoom = false;
    const owed = sending(async () => {
      tried.push(performance.now());
      return hasRoom;
    });
    const start = performance.now();
    owed.add('a', small());
    owed.add('a', small());
    await vi.advanceTimersByTimeAsync(64);
    expect(tried.map((at) => at - start)).toEqual([0, 1, 3, 7, 15, 31, 47, 63]);
    hasRoom = true;
    await vi.advanceTimersByTimeAsync(100);
    expect(tried.slice(8).map((at) => at - start)).toEqual([79, 79]);
    expect([owed.isEmpty, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('is tried again at once after some of it was taken', async () => {
    vi.useFakeTimers();
    const tried: number[] = [];
    let left = 0;
    const owed = sending(async () => {
      tried.push(performance.now());
      return left-- > 0;
    });
    const start = performance.now();
    for (let i = 0; i < 4; i++) owed.add('a', small());
    await vi.advanceTimersByTimeAsync(63);
    tried.length = 0;
    left = 1;
    await vi.advanceTimersByTimeAsync(16 + 4);
    expect(tried.map((at) => at - start)).toEqual([79, 79, 80, 81, 83]);
    owed.close();
    await vi.advanceTimersByTimeAsync(100);
  });

  it('is tried with how long its subscriber has taken nothing, and whether it lost something', async () => {
    vi.useFakeTimers();
    const states: OwedState[] = [];
    let hasRoom = false;
    const owed = sending(async (_, state) => {
      states.push({ ...state });
      return hasRoom;
    }, 600);
    owed.add('a', small());
    owed.add('a', small());
    await vi.advanceTimersByTimeAsync(3);
    owed.add('a', small());
    await vi.advanceTimersByTimeAsync(4);
    hasRoom = true;
    await vi.advanceTimersByTimeAsync(8);
    expect(states).toEqual([
      { waited: 0, isOver: false },
      { waited: 1, isOver: false },
      { waited: 3, isOver: false },
      { waited: 7, isOver: true },
      { waited: 15, isOver: true },
      { waited: 0, isOver: false },
    ]);
  });

  it('is sent by turns, so many at once, to each subscriber', async () => {
    const sent: string[] = [];
    const owed = sending(async ({ topic }) => sent.push(topic) > 0);
    for (let i = 0; i < BATCH + 1; i++) {
      owed.add('a', small(0, 'a'));
      owed.add('b', small(0, 'b'));
    }
    await within(1_000, owed.idle());
    const runs = sent.join('').match(/a+|b+/g) ?? [];
    expect(runs.map((run) => run.length)).toEqual([BATCH, BATCH, 1, 1]);
  });

  it('is in order, however much it is', async () => {
    const sent: number[] = [];
    let left = 1_500;
    const owed = sending(async ({ frames: [frame] }) => {
      if (left === 0) return false;
      left--;
      sent.push(new DataView((frame as Uint8Array).buffer).getUint16(0));
      return true;
    });
    const numbered = (i: number): Delivery => ({ topic: 'a', frames: [new Uint8Array([i >> 8, i & 255])] });
    for (let i = 0; i < 2_000; i++) owed.add('a', numbered(i));
    await within(
      1_000,
      until(() => sent.length === 1_500),
    );
    for (let i = 2_000; i < 2_300; i++) owed.add('a', numbered(i));
    left = 10_000;
    await within(2_000, owed.idle());
    expect(sent).toEqual(Array.from({ length: 2_300 }, (_, i) => i));
  });

  it('is nothing when it was dropped as the newest while it was sent', async () => {
    let isTaken: (isTaken: boolean) => void = () => {};
    const sent: string[] = [];
    const lost: string[] = [];
    const owed = new OwedDeliveries({
      send: ({ topic }) => {
        sent.push(topic);
        return new Promise((resolve) => {
          isTaken = resolve;
        });
      },
      budget: 1_000,
      total: 600,
      onLost: (subscription) => lost.push(subscription),
    });
    owed.add('a', { topic: 'a', frames: [new Uint8Array(300)] });
    await within(
      1_000,
      until(() => sent.length === 1),
    );
    owed.add('b', { topic: 'b', frames: [] });
    expect(lost).toEqual(['a']);
    isTaken(true);
    await within(
      1_000,
      until(() => sent.length === 2),
    );
    isTaken(true);
    await within(1_000, owed.idle());
    expect([sent, owed.isEmpty, owed.has('a'), owed.has('b')]).toEqual([['a', 'b'], true, false, false]);
  });

  it('is nothing once it is closed, and nothing more is taken', async () => {
    const send = vi.fn(async () => false);
    const owed = sending(send);
    owed.add('a', small());
    const idle = owed.idle();
    await within(
      1_000,
      until(() => send.mock.calls.length > 1),
    );
    owed.close();
    await within(1_000, idle);
    owed.add('b', small());
    expect([owed.isEmpty, owed.has('a'), owed.has('b')]).toEqual([true, false, false]);
    const count = send.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(send).toHaveBeenCalledTimes(count);
  });

  it('is not said to be nothing before that', async () => {
    let hasRoom = false;
    const owed = sending(async () => hasRoom);
    await within(1_000, owed.idle());
    owed.add('a', small());
    let isIdle = false;
    const both = Promise.all([owed.idle(), owed.idle()]).then(() => {
      isIdle = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([isIdle, owed.isEmpty]).toEqual([false, false]);
    hasRoom = true;
    await within(1_000, both);
    // It goes on when there is more.
    owed.add('a', small());
    await within(1_000, owed.idle());
  });

  it('is not sent on after the close that came while it was sent', async () => {
    let isTaken: (isTaken: boolean) => void = () => {};
    const send = vi.fn(
      () =>
        new Promise<boolean>((resolve) => {
          isTaken = resolve;
        }),
    );
    const owed = sending(send);
    owed.add('a', small());
    owed.add('a', small());
    await within(
      1_000,
      until(() => send.mock.calls.length === 1),
    );
    owed.close();
    isTaken(true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(send).toHaveBeenCalledTimes(1);
  });
});

it('what was dropped while it was sent takes nothing of later deliveries with it', async () => {
  const sent: string[] = [];
  let taken = (_: boolean) => {};
  const owed = new OwedDeliveries({
    send: ({ topic }) =>
      new Promise((resolve) => {
        sent.push(topic);
        taken = resolve;
      }),
    budget: 100 * KiB,
    total: 4 * KiB,
    onLost: () => {},
  });
  const frames = (size: number) => [new Uint8Array(size)];
  owed.add('slow', { topic: 'slow/1', frames: frames(3 * KiB) });
  await within(
    1_000,
    until(() => sent.length === 1),
  );
  // All together are over their limit: the one that is being sent is dropped.
  owed.add('other', { topic: 'other', frames: frames(KiB) });
  owed.add('slow', { topic: 'slow/2', frames: frames(KiB) });
  while (!owed.isEmpty) {
    taken(true);
    await new Promise(setImmediate);
  }
  expect(sent.sort()).toEqual(['other', 'slow/1', 'slow/2']);
});
