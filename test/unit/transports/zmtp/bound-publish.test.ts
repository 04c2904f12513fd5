/** A publisher and subscribers that do what a test says: who gets what, who is confirmed, what counts, and who is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ZmtpPublish } from '../../../../transports/zmtp/bound-publish.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { bytes } from '../../../support/bytes.ts';
import { subscriptionTo } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a subscription costs beside its topic. */
const OVERHEAD = 128;

function ground(options: ZmtpOptions = {}) {
  const context = endContext(options);
  const publish = new ZmtpPublish(context);
  const subscriber = async (...topics: readonly string[]) => {
    const peer = await MemoryPeer.of(publish, false, 'SUB');
    for (const topic of topics) await peer.command('SUBSCRIBE', topic);
    peer.heard();
    return peer;
  };
  const tell = async (topic: string, frame: Uint8Array<ArrayBuffer> = bytes(`to ${topic}`), times = 1) => {
    await publish.publish(Array.from({ length: times }, () => ({ topic, frames: [frame] })));
    await turn();
  };
  return { context, publish, subscriber, tell };
}

describe('a publication', () => {
  it('reaches whoever subscribed to a beginning of its topic, once, and nobody else', async () => {
    const { subscriber, tell } = ground();
    const [both, none] = [await subscriber('a', 'ab'), await subscriber('b')];
    await tell('abc');
    expect([both.texts(), none.texts()]).toEqual([['abc', 'to abc'], []]);
  });

  it('reaches nobody who has cancelled as often as subscribed, and nobody who is gone', async () => {
    const { subscriber, tell } = ground();
    const [peer, other] = [await subscriber('a', 'a'), await subscriber('a')];
    await peer.command('CANCEL', 'a');
    await tell('a');
    expect(peer.texts()).toEqual(['a', 'to a']);
    await peer.command('CANCEL', 'a');
    await other.hangUp();
    await tell('a');
    expect([peer.texts(), other.texts().length]).toEqual([[], 2]);
  });

  it('is lost for a subscriber with too much waiting, which is counted under its topic', async () => {
    const { subscriber, tell, context } = ground({ sendHighWaterBytes: 100_000 });
    const peer = await subscriber('a');
    peer.goDeaf();
    for (let i = 0; i < 4; i++) await tell('abc', new Uint8Array(30_000));
    expect(context.reported).toEqual([]);
    await tell('abc', new Uint8Array(30_000), 3);
    expect(context.reported).toMatchObject([{ type: 'lost', topic: 'a', count: 3 }]);
    await peer.hearAgain();
    await tell('abc');
    expect(peer.texts().filter((text) => text === 'abc')).toHaveLength(5);
  });
});

describe('a subscription', () => {
  it.each([
    ['a command', (peer: MemoryPeer, topic: string) => peer.command('SUBSCRIBE', topic)],
    ['a message, as in ZMTP 3.0', (peer: MemoryPeer, topic: string) => peer.say(subscriptionTo(topic))],
  ])('that is %s is confirmed when its topic ends in a slash, and only then', async (_, subscribe) => {
    const { publish } = ground();
    const peer = await MemoryPeer.of(publish, false, 'SUB');
    await subscribe(peer, 'client');
    expect(peer.texts()).toEqual([]);
    await subscribe(peer, 'client/');
    expect(peer.texts()).toEqual(['client/', '']);
  });

  it('counts its topic and some bytes more until it is cancelled, up to the limit of one peer', async () => {
    const { subscriber } = ground({ maxTopicBytes: 2 * (OVERHEAD + 2) });
    const peer = await subscriber('aa', 'bb');
    // The same topic again costs nothing.
    await peer.command('SUBSCRIBE', 'aa');
    await peer.command('CANCEL', 'aa');
    for (let i = 0; i < 10; i++) {
      await peer.command('CANCEL', 'bb');
      await peer.command('SUBSCRIBE', 'bb');
    }
    expect(peer.end).toBeUndefined();
    await peer.command('SUBSCRIBE', 'c');
    expect(peer.end).toMatchObject({
      reason: expect.stringContaining('of topics'),
      violation: { code: 'TOO_LARGE' },
    });
  });

  it('of the peer with the most ends when all together are over their limit, and gives its bytes back', async () => {
    const { subscriber } = ground({ maxTopicBytesTotal: 4 * (OVERHEAD + 2) });
    const [many, few] = [await subscriber('aa', 'bb', 'cc'), await subscriber('dd')];
    expect(many.end).toBeUndefined();
    await few.command('SUBSCRIBE', 'ee');
    expect([many.end?.violation?.code, few.end]).toEqual(['TOO_LARGE', undefined]);
    const other = await subscriber('ff', 'gg');
    await few.command('CANCEL', 'ee');
    await other.command('SUBSCRIBE', 'hh');
    expect([few.end, other.end]).toEqual([undefined, undefined]);
  });
});

describe('what waits for all subscribers', () => {
  it('is bounded: the one with the most is refused, and what waited for one that is gone counts no more', async () => {
    const { subscriber, tell, context } = ground({ sendHighWaterBytesTotal: 150_000 });
    const [most, less] = [await subscriber('a'), await subscriber('b')];
    for (const peer of [most, less]) peer.goDeaf();
    await tell('a', new Uint8Array(80_000));
    await tell('b', new Uint8Array(75_000));
    expect([most.end?.violation?.code, less.end]).toEqual(['TOO_LARGE', undefined]);
    expect(context.reported).toMatchObject([{ type: 'refused', count: 1 }]);
    await less.hangUp();
    const last = await subscriber('c');
    last.goDeaf();
    await tell('c', new Uint8Array(80_000));
    expect(last.end).toBeUndefined();
  });
});

it('a refusal is reported at the 1st, 2nd, 4th, 8th…', async () => {
  const { subscriber, context } = ground();
  for (let i = 0; i < 9; i++) await (await subscriber()).command('READY');
  expect(context.reported.map((status) => 'count' in status && status.count)).toEqual([1, 2, 4, 8]);
});

it('a message to a publisher is refused, unless it is a subscription', async () => {
  const { subscriber } = ground();
  const peer = await subscriber();
  await peer.say(Buffer.from([0, 2, 2, 2]));
  expect(peer.end?.reason).toContain('only sends');
});
