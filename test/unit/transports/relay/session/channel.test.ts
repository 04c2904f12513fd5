/** A client's channel that forwards over one of the relay's: what the client hears of it, and how answers are split. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ANSWER_PART_BYTES } from '../../../../../src/flow-control.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import type { Delivery } from '../../../../../src/transport.ts';
import {
  type ChannelContext,
  PlacedSubscription,
  SessionSubscription,
} from '../../../../../transports/relay/session/channel.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { type Frame, MessageWriter, Type } from '../../../../../transports/relay-protocol/frames.ts';

/** @param takes - whether the client's connection takes so many bytes at once. */
function ground(
  takes: (bytes: number) => boolean = () => true,
  topic = 'relay/1/',
  Kind: typeof SessionSubscription = SessionSubscription,
) {
  const posted: { readonly frame: Frame; readonly flow: string | undefined }[] = [];
  const users = new Set<unknown>();
  const context = {
    takes,
    post: (frame: Frame, flow?: () => string) => posted.push({ frame, flow: flow?.() }),
  } as unknown as ChannelContext;
  const upstream = {
    errorForClients: ({ code }: PalmError) => new PalmError(code, 'as clients see it'),
  } as unknown as Upstream;
  const channel = new Kind(5, context, upstream, topic);
  channel.attach({
    add: (user: unknown) => users.add(user),
    remove: (user: unknown) => users.delete(user),
  } as never);
  const frames = () => posted.map(({ frame }) => frame);
  return { channel, posted, frames, users };
}

const GONE = new PalmError('DISCONNECTED', 'tcp://inner:1 is gone');

describe('a channel', () => {
  it('is ready once at a time, and counts how often it became so', () => {
    const { channel, frames } = ground();
    channel.becameReady();
    channel.becameReady();
    channel.broke(GONE);
    channel.broke(GONE);
    channel.becameReady();
    expect(frames()).toEqual([
      [Type.ready, 5, 1, false],
      [Type.broken, 5, 'DISCONNECTED', 'as clients see it'],
      [Type.ready, 5, 2, false],
    ]);
  });

  it('is proved where the one of the relay is', () => {
    for (const isProved of [true, false]) {
      const { channel, frames } = ground();
      channel.joined({ channel: { isProved } } as never);
      channel.becameReady();
      expect(frames()).toEqual([[Type.ready, 5, 1, isProved]]);
    }
  });

  it('that was refused is not ready, so its break is not told', () => {
    const { channel, frames } = ground();
    channel.becameReady();
    channel.wasRefused(GONE);
    channel.broke(GONE);
    expect(frames().slice(1)).toEqual([[Type.refused, 5, 'DISCONNECTED', 'as clients see it']]);
  });

  it('that is closed has left the one of the relay, and tells no break', () => {
    const { channel, frames, users } = ground();
    expect(users.size).toBe(1);
    channel.becameReady();
    channel.close();
    channel.broke(GONE);
    expect([users.size, frames().length]).toEqual([0, 1]);
  });

  it('that answers come over is for no worker, and counts for its topic', () => {
    const { channel } = ground(() => true, 'relay/1/abc');
    expect([channel.isForWork, channel.size]).toEqual([false, 22]);
  });
});

describe('answers', () => {
  const delivery = (topic: string, ...sizes: number[]) => ({
    topic,
    frames: sizes.map((size) => new Uint8Array(size)),
  });

  it('go together where the connection takes all of them', () => {
    const { channel, posted } = ground();
    const deliveries = [delivery('relay/1/a', 10, 20), delivery('relay/1/b', 5)];
    channel.deliver(deliveries);
    expect(posted).toEqual([{ frame: [Type.results, 5, deliveries], flow: '5 relay/1/a' }]);
  });

  it('go together only where the connection takes all that is written, and little is missing to that', () => {
    const aDelivery = fc.record({
      topic: fc.string({ unit: 'binary', maxLength: 400, size: 'max' }),
      frames: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }),
      position: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    });
    fc.assert(
      fc.property(
        fc.array(aDelivery, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (deliveries, isPlaced) => {
          let asked = 0;
          const takes = (bytes: number) => {
            asked = bytes;
            return true;
          };
          const Kind = isPlaced ? PlacedSubscription : SessionSubscription;
          const { channel, posted } = ground(takes, 'relay/1/', Kind);
          channel.deliver(deliveries as Delivery[]);
          const writer = new MessageWriter();
          for (const { frame } of posted) writer.add(frame);
          expect(writer.length).toBeLessThanOrEqual(asked);
          const pieces = deliveries.flatMap(({ topic, frames }) => [topic.length, ...frames]).length;
          const topics = deliveries.reduce((sum, { topic }) => sum + topic.length, 0);
          expect(asked - writer.length).toBeLessThan(100 + 32 * pieces + 3 * topics);
        },
      ),
    );
  });

  it('stay in order with the progress of their call', () => {
    const { channel, posted } = ground(() => false);
    channel.deliver([delivery('relay/1/a~', 10), delivery('relay/1/b', 5), delivery('relay/1/a', 10)]);
    expect(posted.map(({ flow }) => flow)).toEqual(['5 relay/1/a', '5 relay/1/b', '5 relay/1/a']);
  });

  it('go in parts where it does not, each of one topic and in order with that topic', () => {
    const { channel, posted } = ground(() => false);
    const half = ANSWER_PART_BYTES / 2;
    channel.deliver([
      delivery('relay/1/a', half, half, 1),
      delivery('relay/1/b', 1, ANSWER_PART_BYTES, 2 * ANSWER_PART_BYTES, 1),
      delivery('relay/1/c'),
    ]);
    const parts = posted.map(({ frame, flow }) => {
      const [, , deliveries] = frame as readonly [number, number, readonly ReturnType<typeof delivery>[]];
      expect(deliveries).toHaveLength(1);
      return [flow, deliveries[0]?.topic, deliveries[0]?.frames.map(({ length }) => length)];
    });
    expect(parts).toEqual([
      ['5 relay/1/a', 'relay/1/a', [half, half]],
      ['5 relay/1/a', 'relay/1/a', [1]],
      ['5 relay/1/b', 'relay/1/b', [1]],
      ['5 relay/1/b', 'relay/1/b', [ANSWER_PART_BYTES]],
      ['5 relay/1/b', 'relay/1/b', [2 * ANSWER_PART_BYTES]],
      ['5 relay/1/b', 'relay/1/b', [1]],
    ]);
  });
});

/** A subscription that begins, with what its server has for it. */
function beginning<S extends SessionSubscription>(
  Kind: new (...args: ConstructorParameters<typeof SessionSubscription>) => S,
  { isAdopted = false, takes = true } = {},
) {
  const posted: Frame[] = [];
  const channel = () => ({ add: vi.fn(), remove: vi.fn() });
  const [shared, own] = [channel(), channel()];
  const came = vi.fn();
  const adopt = vi.fn(
    (_topic: string, _from: number | undefined, _deliver: (deliveries: readonly Delivery[]) => void) => own,
  );
  const release = vi.fn();
  const upstream = {
    adopt,
    release,
    answers: shared,
    errorForClients: ({ code }: PalmError) => new PalmError(code, 'as clients see it'),
  } as unknown as Upstream;
  const context = { isAdopted, came, takes: () => takes, post: (frame: Frame) => posted.push(frame) };
  const subscription = new Kind(5, context as unknown as ChannelContext, upstream, 'relay/1/');
  /** What the relay reads has been read up to here. */
  const source = { isProved: true, position: undefined as number | undefined };
  subscription.joined({ channel: source } as never);
  return { subscription, posted, shared, own, adopt, release, came, source };
}

const KINDS = [SessionSubscription, PlacedSubscription] as const;

describe('a subscription', () => {
  it.each([
    [false, undefined, true],
    [true, undefined, false],
    [true, 0, false],
    [true, 7, false],
  ])(
    'of a session that was adopted (%s), from %s, shares what the relay reads: %s',
    (isAdopted, from, isShared) => {
      for (const Kind of KINDS) {
        const { subscription, shared, own, adopt, release, came } = beginning(Kind, { isAdopted });
        subscription.begin(from);
        expect(subscription.isShared).toBe(isShared);
        const used = isShared ? shared : own;
        expect([shared, own].map(({ add }) => add.mock.calls)).toEqual(
          [shared, own].map((channel) => (channel === used ? [[subscription]] : [])),
        );
        expect(adopt.mock.calls.map((call) => call.slice(0, 2))).toEqual(
          isShared ? [] : [['relay/1/', from]],
        );
        const deliveries = [{ topic: 'relay/1/a', frames: [], position: 3 }];
        adopt.mock.calls[0]?.[2](deliveries);
        expect(came.mock.calls).toEqual(isShared ? [] : [[deliveries, subscription]]);
        expect(release).not.toHaveBeenCalled();
        subscription.close();
        expect(used.remove).toHaveBeenCalledExactlyOnceWith(subscription);
        expect(release.mock.calls).toEqual(isShared ? [] : [[own]]);
      }
    },
  );
});

describe('answers with their places', () => {
  const at = (position: number | undefined, topic = 'relay/1/a', ...sizes: readonly number[]) => ({
    topic,
    frames: sizes.map((size) => new Uint8Array(size)),
    position,
  });
  /** Count, place and positions of the frames that were posted. */
  const places = (posted: readonly Frame[]) =>
    posted.flatMap((frame) => (frame[0] === Type.placed ? [frame.slice(2, 5)] : []));

  function placed(from?: number, options: { readonly isAdopted?: boolean; readonly takes?: boolean } = {}) {
    const own = beginning(PlacedSubscription, options);
    own.subscription.begin(from);
    return own;
  }

  it('are counted from 1 on, and say up to where the client has all', () => {
    const { subscription, posted } = placed(3);
    const first = [at(4, 'relay/1/a', 1), at(6, 'relay/1/b', 2)];
    const second = [at(9, 'relay/1/a', 3)];
    subscription.deliver(first);
    subscription.deliver(second);
    expect(posted).toEqual([
      [Type.placed, 5, 1, 6, [4, 6], first],
      [Type.placed, 5, 2, 9, [9], second],
    ]);
  });

  it('are results as before where the client did not ask for places', () => {
    const { subscription, posted } = beginning(SessionSubscription);
    subscription.begin();
    subscription.deliver([at(4, 'relay/1/a', 1)]);
    expect(posted).toEqual([[Type.results, 5, [at(4, 'relay/1/a', 1)]]]);
  });

  it('that are split are all there only with their last part', () => {
    const { subscription, posted } = placed(3, { takes: false });
    const half = ANSWER_PART_BYTES / 2;
    subscription.deliver([
      at(4, 'relay/1/a', half, half, 1, half, half),
      at(5, 'relay/1/b', 1),
      at(7, 'relay/1/b', ANSWER_PART_BYTES, 1),
    ]);
    expect(places(posted)).toEqual([
      [1, 3, [4]],
      [2, 3, [4]],
      [3, 4, [4]],
      [4, 5, [5]],
      [5, 5, [7]],
      [6, 7, [7]],
    ]);
  });

  it('of the relay itself have no place, and move none', () => {
    for (const takes of [true, false]) {
      const { subscription, posted } = placed(undefined, { takes });
      subscription.deliver([{ topic: 'relay/1/a', frames: [new Uint8Array(1)] }]);
      subscription.deliver([at(8, 'relay/1/a', 1)]);
      subscription.deliver([{ topic: 'relay/1/a', frames: [new Uint8Array(1)] }]);
      expect(places(posted)).toEqual([
        [1, 0, [0]],
        [2, 8, [8]],
        [3, 8, [0]],
      ]);
    }
  });

  it('never lead back', () => {
    const { subscription, posted, source } = placed();
    subscription.becameReady();
    source.position = 9;
    subscription.tellReached();
    subscription.deliver([at(7, 'relay/1/a', 1)]);
    expect(places(posted)).toEqual([
      [1, 9, []],
      [2, 9, [7]],
    ]);
  });

  it('lead on without any, once for each new place, before it is told ready', () => {
    const { subscription, posted, source } = placed();
    source.position = 4;
    subscription.becameReady();
    expect(posted).toEqual([
      [Type.placed, 5, 1, 4, [], []],
      [Type.ready, 5, 1, true],
    ]);
    subscription.tellReached();
    source.position = 6;
    subscription.tellReached();
    subscription.tellReached();
    subscription.deliver([at(8, 'relay/1/a', 1)]);
    source.position = 8;
    subscription.tellReached();
    expect(places(posted)).toEqual([
      [1, 4, []],
      [2, 6, []],
      [3, 8, [8]],
    ]);
  });

  it('lead on from nowhere to the very beginning, and not from where the client asked', () => {
    for (const [from, told] of [
      [undefined, [[1, 0, []]]],
      [0, []],
      [5, []],
    ] as const) {
      const { subscription, posted, source } = placed(from);
      subscription.becameReady();
      source.position = 0;
      subscription.tellReached();
      expect(places(posted)).toEqual(told);
    }
  });

  it('have no place that is known before the relay has joined its server', () => {
    const { posted } = placed();
    const early = new PlacedSubscription(
      6,
      { post: (frame: Frame) => posted.push(frame) } as unknown as ChannelContext,
      {} as Upstream,
      'relay/1/',
    );
    early.tellReached();
    expect(posted).toEqual([]);
  });
});
