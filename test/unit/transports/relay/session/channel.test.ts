/** A client's channel that forwards over one of the relay's: what the client hears of it, and how answers are split. */
import { describe, expect, it } from 'vitest';
import { ANSWER_PART_BYTES } from '../../../../../src/flow-control.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { type ChannelContext, SessionSubscription } from '../../../../../transports/relay/session/channel.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import { type Frame, Type } from '../../../../../transports/relay-protocol/frames.ts';

/** @param takes - whether the client's connection takes so many bytes at once. */
function ground(takes: (bytes: number) => boolean = () => true, topic = 'relay/1/') {
  const posted: { readonly frame: Frame; readonly flow: string | undefined }[] = [];
  const users = new Set<unknown>();
  const context = {
    takes,
    post: (frame: Frame, flow?: () => string) => posted.push({ frame, flow: flow?.() }),
  } as unknown as ChannelContext;
  const upstream = {
    errorForClients: ({ code }: PalmError) => new PalmError(code, 'as clients see it'),
  } as unknown as Upstream;
  const channel = new SessionSubscription(5, context, upstream, topic);
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
    const asked: number[] = [];
    const { channel, posted } = ground((size) => {
      asked.push(size);
      return true;
    });
    const deliveries = [delivery('relay/1/a', 10, 20), delivery('relay/1/b', 5)];
    channel.deliver(deliveries);
    expect(asked).toEqual([35]);
    expect(posted).toEqual([{ frame: [Type.results, 5, deliveries], flow: '5 relay/1/a' }]);
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
