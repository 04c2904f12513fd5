/** A publisher and subscribers that do what a test says: who gets what, who is confirmed, what counts, and who is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ZmtpPublish } from '../../../../transports/zmtp/bound-publish.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { bytes } from '../../../support/bytes.ts';
import { frameOf, subscriptionTo } from '../../../support/zmtp.ts';
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
    expect(many.end?.reason).toBe(
      `all peers subscribed to more than ${4 * (OVERHEAD + 2)} bytes of topics, and it had the most`,
    );
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

const HELD_TIME = 1_000;

/** A publisher whose deliveries may wait, and who is told of its subscribers. */
function waiting(options: ZmtpOptions = {}) {
  const own = ground(options);
  const { publish } = own;
  const heard: string[] = [];
  publish.onSubscribers((topic, isThere) => heard.push(isThere ? topic : `not ${topic}`));
  /** An answer that may wait for its subscriber. */
  const answer = (topic: string, text: string) => {
    void publish.publish([{ topic, frames: [bytes(text)], mayWait: true }]);
  };
  return { ...own, heard: () => heard.splice(0), answer };
}

describe('who listens to subscriptions', () => {
  it('is told of each, though another one throws, and of its end once nobody has one to its topic', async () => {
    const { publish, subscriber, heard } = waiting();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    publish.onSubscribers(() => {
      throw new Error('mine');
    });
    const later: string[] = [];
    publish.onSubscribers((topic, isThere) => later.push(`${topic} ${isThere}`));
    const [one, other] = [await subscriber('é', 'b'), await subscriber('é')];
    expect(heard()).toEqual(['é', 'b', 'é']);
    await one.command('CANCEL', 'é');
    expect(heard()).toEqual([]);
    await other.command('CANCEL', 'é');
    expect(heard()).toEqual(['not é']);
    // As often as it was subscribed to.
    await other.command('CANCEL', 'é');
    await one.hangUp();
    expect(heard()).toEqual(['not b']);
    expect(later).toEqual(['é true', 'b true', 'é true', 'é false', 'b false']);
    expect(error).toHaveBeenCalled();
    error.mockRestore();
  });

  it('is told that a peer is gone which had subscribed to a topic twice: nothing of it is left', async () => {
    const { subscriber, heard, tell } = waiting();
    const peer = await subscriber('a', 'a');
    await peer.hangUp();
    expect(heard()).toEqual(['a', 'a', 'not a']);
    const next = await subscriber('b');
    await tell('a');
    expect(next.texts()).toEqual([]);
  });

  it('is not told of an end that this end brought about', async () => {
    const { publish, subscriber, heard } = waiting();
    const peer = await subscriber('a');
    heard();
    const closing = publish.close();
    await peer.hangUp();
    await closing;
    expect(heard()).toEqual([]);
  });
});

describe('an answer that may wait', () => {
  it('goes to its subscriber at the end of the turn, and before what is published later', async () => {
    const { publish, subscriber, answer } = waiting();
    const peer = await subscriber('me');
    answer('me', 'first');
    void publish.publish([{ topic: 'me', frames: [bytes('second')] }]);
    await turn();
    expect(peer.texts()).toEqual(['me', 'first', 'me', 'second']);
  });

  it('is held until somebody subscribes, for a second, and goes before what that is confirmed with', async () => {
    const { subscriber, answer, publish } = waiting();
    answer('me/1', 'held');
    await turn();
    await publish.publish([{ topic: 'me/2', frames: [bytes('lost')] }]);
    const peer = await MemoryPeer.of(publish, false, 'SUB');
    await peer.command('SUBSCRIBE', 'me/');
    expect(peer.texts()).toEqual(['me/1', 'held', 'me/', '']);
    answer('other', 'late');
    await turn();
    await vi.advanceTimersByTimeAsync(HELD_TIME + 10);
    expect((await subscriber('other')).texts()).toEqual([]);
    const late = await MemoryPeer.of(publish, false, 'SUB');
    await late.command('SUBSCRIBE', 'other');
    expect([late.texts(), vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('is held when its subscriber has just hung up, and not sent to nobody', async () => {
    const { publish, subscriber, answer } = waiting();
    const gone = await subscriber('me');
    gone.socket.readableEnded = true;
    answer('me', 'x');
    await turn();
    expect(gone.texts()).toEqual([]);
    const next = await MemoryPeer.of(publish, false, 'SUB');
    await next.command('SUBSCRIBE', 'me');
    expect(next.texts()).toEqual(['me', 'x']);
  });

  it('waits a moment for the next subscription of a client that had an answer: stock ones open a link for each call', async () => {
    const { publish, answer } = waiting();
    const first = await MemoryPeer.of(publish, false, 'SUB');
    await first.command('SUBSCRIBE', 'me');
    answer('me', 'one');
    await turn();
    expect(first.texts()).toEqual(['me', 'one']);
    answer('me', 'two');
    answer('me', 'three');
    await vi.advanceTimersByTimeAsync(0);
    expect(first.texts()).toEqual([]);
    // What may not wait is lost with the link.
    void publish.publish([{ topic: 'me', frames: [bytes('four')] }]);
    await first.hangUp();
    const second = await MemoryPeer.of(publish, false, 'SUB');
    await second.command('SUBSCRIBE', 'me');
    expect([first.texts(), second.texts()]).toEqual([[], ['me', 'two', 'me', 'three']]);
    await vi.advanceTimersByTimeAsync(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes to the same link when that is still there a moment later', async () => {
    const { subscriber, answer } = waiting();
    const peer = await subscriber('me');
    answer('me', 'one');
    await turn();
    peer.heard();
    answer('me', 'two');
    await vi.advanceTimersByTimeAsync(0);
    expect(peer.texts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(3);
    expect(peer.texts()).toEqual(['me', 'two']);
  });

  it.each([
    ['of several topics', ['me', 'too']],
    ['whose topic ends in a slash', ['me/']],
  ])('does not wait for a client %s, which is none of pylm', async (_, topics) => {
    const { subscriber, answer } = waiting();
    const peer = await subscriber(...topics);
    const topic = topics[0] ?? '';
    answer(topic, 'one');
    await turn();
    await vi.advanceTimersByTimeAsync(0);
    peer.heard();
    answer(topic, 'two');
    await vi.advanceTimersByTimeAsync(0);
    expect(peer.texts()).toEqual([topic, 'two']);
  });

  it('does not wait for a client that had no answer yet, whatever else it was sent', async () => {
    const { subscriber, answer, tell } = waiting();
    const peer = await subscriber('me');
    await tell('me');
    peer.heard();
    answer('me', 'one');
    await vi.advanceTimersByTimeAsync(0);
    expect(peer.texts()).toEqual(['me', 'one']);
  });

  it('counts as published: 256 KiB of them wait for the next turn', async () => {
    const { publish, subscriber } = waiting();
    await subscriber('me');
    let isDone = false;
    publish
      .publish([{ topic: 'me', frames: [new Uint8Array(200_000), new Uint8Array(100_000)], mayWait: true }])
      .then(() => {
        isDone = true;
      });
    await Promise.resolve();
    expect(isDone).toBe(false);
    await turn();
    expect(isDone).toBe(true);
  });
});

describe('a publisher that is closed', () => {
  it('sends what waits a moment for its subscriber, and takes nothing more', async () => {
    const { publish, subscriber, answer } = waiting();
    const peer = await subscriber('me');
    answer('me', 'one');
    await turn();
    peer.heard();
    answer('me', 'two');
    await vi.advanceTimersByTimeAsync(0);
    answer('me', 'three');
    const closing = publish.close({ timeout: 10 });
    await expect(publish.publish([])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    await vi.advanceTimersByTimeAsync(20);
    await closing;
    expect(peer.texts()).toEqual(['me', 'two', 'me', 'three']);
    await expect(publish.publish([])).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['a second, and no more', 5_000, HELD_TIME],
    ['as long as it may', 300, 300],
    ['not at all without a time', undefined, 0],
  ])('waits for those who have an answer but no subscription: %s', async (_, timeout, most) => {
    const { publish, answer } = waiting();
    answer('me', 'x');
    await turn();
    let isClosed = false;
    publish.close(timeout === undefined ? {} : { timeout }).then(() => {
      isClosed = true;
    });
    await vi.advanceTimersByTimeAsync(Math.max(0, most - 20));
    if (most > 0) expect(isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(40);
    // The server itself closes in real time.
    vi.useRealTimers();
    for (let i = 0; i < 100 && !isClosed; i++) await new Promise(setImmediate);
    expect(isClosed).toBe(true);
    await publish.close();
  });
});

describe('a delivery', () => {
  it('is one message of its topic and its frames, of the topic alone without any', async () => {
    const { publish, subscriber } = ground();
    const peer = await subscriber('a');
    await publish.publish([
      { topic: 'a', frames: [] },
      { topic: 'ab', frames: [bytes('1'), bytes('2')] },
    ]);
    await turn();
    expect(peer.heard().map(({ flags, text }) => [flags, text])).toEqual([
      [0, 'a'],
      [1, 'ab'],
      [1, '1'],
      [0, '2'],
    ]);
  });

  it('under an empty topic reaches those who take everything', async () => {
    const { subscriber, tell } = ground();
    const [all, some] = [await subscriber(''), await subscriber('a')];
    await tell('');
    expect([all.texts(), some.texts()]).toEqual([['', 'to '], []]);
  });

  it('confirms a subscription as a message of two parts', async () => {
    const { subscriber } = ground();
    const peer = await subscriber();
    await peer.command('SUBSCRIBE', 'me/');
    expect(peer.heard()).toEqual([
      { flags: 1, text: 'me/' },
      { flags: 0, text: '' },
    ]);
  });

  it('is not for one who has hung up, and is not counted as lost', async () => {
    const { subscriber, tell, context } = ground();
    const peer = await subscriber('a');
    peer.socket.readableEnded = true;
    await tell('a');
    expect([peer.texts(), context.reported]).toEqual([[], []]);
  });
});

it('a subscription that is the beginning of a longer message is none', async () => {
  const { subscriber } = ground();
  const peer = await subscriber();
  await peer.say(frameOf(Buffer.from('\u0001topic'), true));
  expect(peer.end?.reason).toContain('only sends');
});
