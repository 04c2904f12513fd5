/** Channels of a page's connection: what the relay says of each, what it is sent, and what is told of it. */
import { describe, expect, it, vi } from 'vitest';
import { BATCH_BYTES, FIRST_PUSH_WINDOW, RELAYED_DELIVERIES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import type { ChannelStatus } from '../../../../src/transport.ts';
import { ChannelKind, type Frame, Type } from '../../../../transports/relay-protocol/frames.ts';
import { SendWindow } from '../../../../transports/relay-protocol/window.ts';
import {
  type ChannelContext,
  type RelayedChannel,
  RelayedPuller,
  RelayedSubscription,
  relayedError,
} from '../../../../transports/websocket/channel.ts';
import { RelayedPusher } from '../../../../transports/websocket/pusher.ts';
import { bytes } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

const TERMS = {
  client: 'relay/1',
  maxFrame: 1_000_000,
  window: 1_000_000,
  heaviest: 500_000,
  keyPrefix: '',
};
const lost = new PalmError('LOST', 'gone', { sent: 'unknown' });
/** So that what is resolved is heard of. */
const settle = () => new Promise(setImmediate);

function ground<C extends RelayedChannel>(make: (context: ChannelContext) => C, terms: object = {}) {
  const posted: Frame[] = [];
  const flows: (string | undefined)[] = [];
  const statuses: ChannelStatus[] = [];
  const released: unknown[] = [];
  const context: ChannelContext = {
    host: {
      report: (status) => statuses.push(status),
      release: (own) => released.push(own),
    },
    number: 7,
    address: 'demo',
    post: (frame, flow) => {
      posted.push(frame);
      flows.push(flow?.());
    },
  };
  const channel = make(context);
  channel.open({ ...TERMS, ...terms });
  const ready = (generation = 1, isProved = true) => channel.said([Type.ready, 7, generation, isProved]);
  const sent = () => posted.filter((frame) => frame[0] === Type.send);
  return { channel, posted, flows, statuses, released, ready, sent };
}

const subscribing = (onFull: (room: Promise<void>) => void = () => {}) =>
  ground((context) => new RelayedSubscription(context, () => 'relay/1/', onFull));
const pulling = () => ground((context) => new RelayedPuller(context));
const pushing = (terms: object = {}, shared = new SendWindow()) => ({
  shared,
  ...ground((context) => new RelayedPusher(context, shared), terms),
});

describe('the error that a relay reports', () => {
  it.each([
    ['LOST', 'LOST'],
    ['FORBIDDEN', 'FORBIDDEN'],
    ['TOO_LARGE', 'TOO_LARGE'],
    ['A_LATER_CODE', 'A_LATER_CODE'],
    ['X'.repeat(32), 'X'.repeat(32)],
    ['X'.repeat(33), 'PROTOCOL'],
    ['', 'PROTOCOL'],
    ['lost', 'PROTOCOL'],
    ['LOST ', 'PROTOCOL'],
    [' LOST', 'PROTOCOL'],
  ])('with the code %j has %j', (code, known) => {
    expect(relayedError(code, 'why')).toMatchObject({ code: known, message: 'why', sent: 'unknown' });
  });
});

describe.each([
  ['subscription', subscribing, ChannelKind.subscribe, 'relay/1/'],
  ['puller', pulling, ChannelKind.pull, ''],
  ['pusher', pushing, ChannelKind.push, ''],
] as const)('a %s', (_, make, kind, topic) => {
  it('is opened in each session', () => {
    const { channel, posted, statuses } = make();
    channel.open(TERMS);
    expect(posted).toEqual([0, 1].map(() => [Type.open, 7, kind, 'demo', topic]));
    expect(statuses).toEqual([0, 1].map(() => ({ type: 'connecting', address: 'demo' })));
    expect([channel.isReady, channel.isClosed, channel.number]).toEqual([false, false, 7]);
  });

  it('is ready, breaks and is ready again as the relay says', async () => {
    const { channel, statuses, ready } = make();
    const broke: PalmError[] = [];
    channel.onBreak((error) => broke.push(error));
    const waiting = channel.ready();
    ready();
    await waiting;
    channel.said([Type.broken, 7, 'DISCONNECTED', 'the server is gone']);
    expect(channel.isReady).toBe(false);
    expect(broke).toMatchObject([{ code: 'DISCONNECTED', message: 'the server is gone', sent: 'unknown' }]);
    expect(statuses.at(-1)).toEqual({
      type: 'disconnected',
      address: 'demo',
      reason: 'the server is gone',
    });
    ready(2);
    expect(channel.isReady).toBe(true);
    expect(statuses.map((status) => ('reason' in status ? status.reason : status.type))).toEqual([
      'connecting',
      'connected',
      'the server is gone',
      'connected',
    ]);
    expect(statuses.map(({ address }) => address)).toEqual(['demo', 'demo', 'demo', 'demo']);
  });

  it('fails when the relay refuses it', async () => {
    const { channel } = make();
    const waiting = channel.ready();
    channel.said([Type.refused, 7, 'FORBIDDEN', 'no']);
    await expect(waiting).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'no' });
    await expect(channel.ready()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is closed once, at the relay too, and forgotten', async () => {
    const { channel, posted, released, ready } = make();
    ready();
    await channel.close();
    await channel.close();
    expect(posted.filter((frame) => frame[0] === Type.close)).toEqual([[Type.close, 7]]);
    expect(released).toEqual([channel]);
    expect(channel.isClosed).toBe(true);
    await expect(channel.ready()).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the connection to demo is closed',
      sent: false,
    });
  });

  it('takes no frame of another kind of channel', () => {
    const { channel } = make();
    const others: Frame[] = [[Type.pong]];
    if (kind !== ChannelKind.subscribe) others.push([Type.results, 7, []]);
    if (kind !== ChannelKind.pull) others.push([Type.work, 7, []]);
    if (kind !== ChannelKind.push) others.push([Type.taken, 7, 1]);
    for (const frame of others)
      expect(() => channel.said(frame)).toThrow(
        expect.objectContaining({
          code: 'PROTOCOL',
          message: expect.stringContaining(`frame ${frame[0]} is out of place`),
        }),
      );
  });
});

describe('a subscription', () => {
  const delivery = { topic: 'relay/1/a', frames: [bytes('x')] };

  it('says whether nothing can have been missed', () => {
    const { channel, ready } = subscribing();
    expect(channel.isProved, 'before the relay has said anything').toBe(false);
    for (const isProved of [true, false]) {
      ready(1, isProved);
      expect(channel.isProved).toBe(isProved);
    }
  });

  it('gives what comes, and ends when it is closed', async () => {
    const { channel } = subscribing();
    const reader = channel[Symbol.asyncIterator]();
    channel.said([Type.results, 7, [delivery, delivery]]);
    expect(await reader.next()).toEqual({ done: false, value: [delivery, delivery] });
    const next = reader.next();
    await channel.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('whose reader is far behind says so, at the limit and not before, and when it has caught up', async () => {
    const rooms: Promise<void>[] = [];
    const { channel, statuses } = subscribing((room) => rooms.push(room));
    channel.said([Type.results, 7, Array.from({ length: RELAYED_DELIVERIES - 1 }, () => delivery)]);
    expect([rooms.length, statuses.length]).toEqual([0, 1]);
    channel.said([Type.results, 7, [delivery]]);
    expect(rooms).toHaveLength(1);
    expect(statuses.at(-1)).toEqual({ type: 'slow', address: 'demo', queued: RELAYED_DELIVERIES });
    await channel[Symbol.asyncIterator]().next();
    await rooms[0];
  });
});

describe('a puller', () => {
  const work = (...frames: Bytes[]): Frame => [Type.work, 7, frames];
  const taken = (posted: readonly Frame[]) =>
    posted.filter((frame) => frame[0] === Type.taken).map((frame) => frame[2]);

  it('confirms what its reader has begun: what it got before it asks for more', async () => {
    const { channel, posted } = pulling();
    const reader = channel[Symbol.asyncIterator]();
    channel.said(work(bytes('a'), bytes('b')));
    await reader.next();
    expect(taken(posted)).toEqual([]);
    channel.said(work(bytes('c')));
    await reader.next();
    expect(taken(posted)).toEqual([2]);
    const waiting = reader.next();
    expect(taken(posted)).toEqual([2, 1]);
    channel.said(work(bytes('d')));
    await waiting;
    expect(taken(posted)).toEqual([2, 1]);
  });

  it('confirms all that came when it is closed: it is still read here', async () => {
    const { channel, posted } = pulling();
    channel.said(work(bytes('a'), bytes('b')));
    await channel.close();
    expect(taken(posted)).toEqual([2]);
    const reader = channel[Symbol.asyncIterator]();
    expect((await reader.next()).value).toHaveLength(2);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('drops what was not begun when the session is lost, and not when the server is gone', async () => {
    const { channel, posted, ready } = pulling();
    ready();
    channel.said(work(bytes('a')));
    channel.said([Type.broken, 7, 'DISCONNECTED', 'gone']);
    const reader = channel[Symbol.asyncIterator]();
    expect((await reader.next()).value).toHaveLength(1);
    channel.said(work(bytes('b')));
    channel.break(lost);
    channel.said(work(bytes('c')));
    expect((await reader.next()).value).toEqual([bytes('c')]);
    // The new session knows nothing of what came before.
    void reader.next();
    expect(taken(posted)).toEqual([1]);
    channel.break(lost);
    channel.said(work(bytes('d')));
    expect(channel.isClosed).toBe(false);
  });

  it('gives what comes after a session that was lost with nothing to drop', async () => {
    const { channel, ready } = pulling();
    ready();
    channel.break(lost);
    ready(2);
    channel.said(work(bytes('a')));
    const next = channel[Symbol.asyncIterator]().next();
    expect((await within(2_000, next)).value).toEqual([bytes('a')]);
  });

  it('keeps no message for a frame', async () => {
    const { channel } = pulling();
    const message = new Uint8Array(100_000);
    channel.said(work(message.subarray(5, 8), message.subarray(1)));
    const { value } = await channel[Symbol.asyncIterator]().next();
    expect(value?.map(({ buffer }) => buffer.byteLength)).toEqual([3, 99_999]);
  });
});

describe('a pusher', () => {
  const frame = (size: number) => new Uint8Array(size);
  const done = (promise: Promise<unknown>) => {
    const state = { is: 'waiting' as unknown };
    promise.then(
      () => {
        state.is = 'done';
      },
      (error: unknown) => {
        state.is = error;
      },
    );
    return state;
  };
  const credit = (channel: RelayedChannel, count: number) => channel.said([Type.taken, 7, count]);

  it('sends in its generation, in order, and resolves when the frames have left', async () => {
    const { channel, ready, sent } = pushing();
    ready(3);
    await channel.send([bytes('a'), bytes('b')]);
    await channel.send([]);
    expect(sent()).toEqual([[Type.send, 7, 3, [bytes('a'), bytes('b')]]]);
  });

  it('before it was ever open waits until it is ready', async () => {
    const { channel, ready, sent } = pushing();
    const sending = done(channel.send([bytes('a')]));
    await settle();
    expect([sending.is, sent()]).toEqual(['waiting', []]);
    ready();
    await settle();
    expect([sending.is, sent().length]).toEqual(['done', 1]);
  });

  it('learns the limit when it is ready, also for what was to be sent before', async () => {
    const posted: Frame[] = [];
    const host = { report: () => {}, release: () => {} };
    const post = (frame: Frame) => posted.push(frame);
    const channel = new RelayedPusher({ host, number: 7, address: 'demo', post }, new SendWindow());
    const sending = channel.send([frame(11)]);
    const failing = expect(sending).rejects.toMatchObject({ code: 'TOO_LARGE', sent: false });
    channel.open({ ...TERMS, maxFrame: 10 });
    channel.said([Type.ready, 7, 1, true]);
    await failing;
    expect(posted.map(([type]) => type)).toEqual([Type.open]);
  });

  it('takes frames up to the limit, and none of a call with one above', async () => {
    const { channel, ready, sent } = pushing({ maxFrame: 10 });
    ready();
    await channel.send([frame(9), frame(10)]);
    await expect(channel.send([frame(1), frame(11)])).rejects.toMatchObject({
      code: 'TOO_LARGE',
      sent: false,
    });
    expect(sent()).toHaveLength(1);
  });

  it('has no more under way than the window, which grows with each credit', async () => {
    const { channel, ready, sent } = pushing();
    ready();
    const half = FIRST_PUSH_WINDOW / 2;
    for (let i = 0; i < 5; i++) done(channel.send([frame(half)]));
    await settle();
    expect(sent()).toHaveLength(2);
    credit(channel, half);
    await settle();
    // One that was taken, and one more for the larger window.
    expect(sent()).toHaveLength(4);
  });

  it('has no more under way than the relay allows, over all channels to an address', async () => {
    const shared = new SendWindow();
    const [one, other] = [pushing({ window: 10 }, shared), pushing({ window: 10 }, shared)];
    one.ready();
    other.ready();
    await one.channel.send([frame(9)]);
    await other.channel.send([frame(1)]);
    const waiting = done(other.channel.send([frame(1)]));
    await settle();
    expect([waiting.is, shared.outstanding]).toEqual(['waiting', 10]);
    credit(one.channel, 9);
    await settle();
    expect([waiting.is, shared.outstanding]).toEqual(['done', 2]);
    // Credit for more than is under way is not taken.
    credit(one.channel, 100);
    expect(shared.outstanding).toBe(2);
  });

  it('counts a frame for no more than the heaviest, and lets a large one hold up no small ones', async () => {
    const { channel, ready, shared, sent } = pushing({ heaviest: 20_000 });
    ready();
    await channel.send([frame(500_000)]);
    expect(shared.outstanding).toBe(20_000);
    await channel.send([frame(1)]);
    expect(sent()).toHaveLength(2);
    const whole = pushing();
    whole.ready();
    await whole.channel.send([frame(FIRST_PUSH_WINDOW)]);
    await whole.channel.send([frame(1)]);
    expect(whole.sent(), 'one that fills the window holds up none either').toHaveLength(2);
  });

  it('sends batches of limited bytes, and a larger frame alone', async () => {
    const { channel, ready, sent, shared } = pushing();
    ready();
    credit(channel, 900_000);
    const third = BATCH_BYTES / 2;
    await channel.send([frame(third), frame(third), frame(1), frame(2 * BATCH_BYTES), frame(1)]);
    expect(sent().map((own) => own[0] === Type.send && own[3].map(({ length }) => length))).toEqual([
      [third, third],
      [1],
      [2 * BATCH_BYTES],
      [1],
    ]);
    expect(shared.outstanding, 'each frame counts once').toBe(2 * third + 2 * BATCH_BYTES + 2);
  });

  it('tells when there is room', async () => {
    const { channel, ready } = pushing();
    // Not ready: nobody is to wait for room that cannot come.
    await channel.room();
    ready();
    await channel.room();
    await channel.send([frame(FIRST_PUSH_WINDOW - 1)]);
    await channel.room();
    await channel.send([frame(1)]);
    const waiting = done(channel.room());
    await settle();
    expect(waiting.is).toBe('waiting');
    credit(channel, 1);
    await settle();
    expect(waiting.is).toBe('done');
  });

  it.each([
    ['broken', (channel: RelayedChannel) => channel.break(lost), lost],
    [
      'refused',
      (channel: RelayedChannel) => channel.said([Type.refused, 7, 'FORBIDDEN', 'no']),
      expect.objectContaining({ code: 'FORBIDDEN' }),
    ],
    [
      'closed',
      (channel: RelayedChannel) => channel.close(),
      expect.objectContaining({ code: 'CLOSED', sent: false }),
    ],
  ])(
    'that is %s fails what has not left, and gives back its part of the window',
    async (_what, end, error) => {
      const shared = new SendWindow();
      const { channel, ready, sent } = pushing({}, shared);
      ready();
      const half = FIRST_PUSH_WINDOW / 2;
      await channel.send([frame(half), frame(half)]);
      const waiting = done(channel.send([frame(1)]));
      const room = done(channel.room());
      await end(channel);
      await settle();
      expect([waiting.is, room.is, shared.outstanding, sent().length]).toEqual([error, 'done', 0, 1]);
    },
  );

  it('that is closed hears no more of the shared window, and takes no more', async () => {
    const shared = new SendWindow();
    const { channel, ready, sent } = pushing({}, shared);
    ready();
    await channel.close();
    await expect(channel.send([frame(1)])).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'the channel is closed',
      sent: false,
    });
    shared.release(0);
    expect(sent()).toEqual([]);
  });

  it('hears of the shared window until it is closed, also after it was refused', async () => {
    const shared = new SendWindow();
    const stop = vi.fn();
    vi.spyOn(shared, 'onRoom').mockReturnValue(stop);
    const { channel, ready } = pushing({}, shared);
    ready();
    channel.said([Type.refused, 7, 'FORBIDDEN', 'no']);
    channel.break(lost);
    expect(stop).not.toHaveBeenCalled();
    await channel.close();
    expect(stop).toHaveBeenCalledOnce();
  });

  it('closes when what waits for others at the address has left, too', async () => {
    const shared = new SendWindow();
    const { channel, ready, sent } = pushing({ window: 10 }, shared);
    ready();
    shared.take(10);
    const sending = done(channel.send([frame(1)]));
    await settle();
    const closing = done(channel.close({ timeout: 60_000 }));
    await settle();
    expect([sending.is, closing.is]).toEqual(['waiting', 'waiting']);
    shared.release(10);
    credit(channel, 1);
    await settle();
    expect([sending.is, closing.is, sent().length]).toEqual(['done', 'done', 1]);
  });

  it('waits as long as it may to be closed, and no longer', async () => {
    const { channel, ready, released } = pushing();
    ready();
    await channel.send([frame(5)]);
    vi.useFakeTimers();
    try {
      const closing = channel.close({ timeout: 60_000 });
      await vi.advanceTimersByTimeAsync(59_999);
      expect(released).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      await closing;
      expect([released, vi.getTimerCount()]).toEqual([[channel], 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('closes when all was taken, or its time is up', async () => {
    const { channel, ready, released } = pushing();
    ready();
    await channel.send([frame(5)]);
    const closing = done(channel.close({ timeout: 60_000 }));
    await settle();
    expect([closing.is, channel.isClosed]).toEqual(['waiting', false]);
    credit(channel, 5);
    await settle();
    expect([closing.is, released]).toEqual(['done', [channel]]);
    const late = pushing();
    late.ready();
    await late.channel.send([frame(5)]);
    await late.channel.close({ timeout: 1 });
    expect(late.released).toEqual([late.channel]);
  });

  it('keeps the messages of one client and session in order, apart from others', async () => {
    const { channel, ready, flows } = pushing();
    ready();
    const codec = new EnvelopeCodec();
    const flowOf = async (pipeline: string, client: string) => {
      await channel.send([codec.encode(palmMessage({ pipeline, client, function: 's.f' }))]);
      return flows.at(-1);
    };
    const own = await flowOf('p', 'relay/1/1');
    expect(own).toMatch(/^7:/);
    expect(await flowOf('another', 'relay/1/1')).toBe(own);
    expect(await flowOf('', 'relay/1/1')).toBe(own);
    expect(await flowOf('p', 'relay/1/2')).not.toBe(own);
    await channel.send([frame(0)]);
    expect(flows.at(-1)).toMatch(/^7:/);
  });
});
