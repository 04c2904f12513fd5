/** Dialling ends that only receive: what a puller and a subscription take, and when a subscription counts as arrived. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../../../src/transport.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { Views } from '../../../../transports/zmtp/own-bytes.ts';
import { ZmtpPuller, ZmtpSubscription } from '../../../../transports/zmtp/receiving.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { frameOf, GREETING, messageOf, readyOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a reader is given next: `undefined` while it waits. */
function reader<T, S>(source: AsyncIterable<T[]>, show: (item: T) => S) {
  const iterator = source[Symbol.asyncIterator]();
  return async (): Promise<S[] | 'the end' | undefined> => {
    const next = iterator.next();
    const turned = turn();
    const first = await Promise.race([next, turned]);
    // It would go on in the next test, whose clock it moves.
    await turned;
    if (first === undefined) return undefined;
    return first.done === true ? 'the end' : first.value.map(show);
  };
}

describe('a puller', () => {
  async function ground(options: ZmtpOptions = {}) {
    const context = endContext(options);
    const puller = new ZmtpPuller(context);
    const peer = await MemoryPeer.of(puller, true, 'PUSH');
    return { context, puller, peer, read: reader(puller, textOf) };
  }

  it('takes each part as a message of its own, and keeps its bytes', async () => {
    const { peer, read } = await ground();
    const piece = Buffer.concat([messageOf(bytes('a'), bytes('b')), frameOf(bytes('c'))]);
    peer.socket.emit('data', piece);
    piece.fill(0);
    expect(await read()).toEqual(['a', 'b', 'c']);
    const frame = frameOf(bytes('abc'));
    await peer.say(frame.subarray(0, 3));
    await peer.say(frame.subarray(3));
    expect(await read()).toEqual(['abc']);
  });

  it('is ready with its link, and gives what it took when it is closed, and then the end', async () => {
    const { puller, peer, read } = await ground();
    expect(puller.isReady).toBe(true);
    await peer.say(frameOf(bytes('a')));
    await puller.close();
    expect([await read(), await read()]).toEqual([['a'], 'the end']);
  });

  it('holds its peer up while its mark lies unread, and tells how much', async () => {
    const { context, peer, read } = await ground({ receiveHighWaterMark: 2 });
    await peer.say(messageOf(bytes('a'), bytes('b'), bytes('c')));
    expect(peer.socket.isPaused).toBe(true);
    expect(context.reported.filter(({ type }) => type === 'slow')).toMatchObject([{ queued: 3 }]);
    expect(await read()).toHaveLength(3);
    await turn();
    expect(peer.socket.isPaused).toBe(false);
  });
});

const MARGIN = 50;
/** What follows a subscription. It does not say how long the peer has to wait for the next one. */
const PING = { flags: 4, text: '\x04PING\0\0' };
const PONG = Buffer.from('\x04\x05\x04PONG', 'latin1');

interface Subscribing {
  readonly topic?: string;
  readonly proofTimeout?: number;
  readonly minor?: number;
}

async function subscribing({ topic = 'me/', proofTimeout = 0, minor = 1 }: Subscribing = {}) {
  const context = endContext({ subscriptionMargin: MARGIN });
  const subscription = new ZmtpSubscription(context, topic, { proofTimeout });
  const connect = async () => {
    const peer = new MemoryPeer(subscription, true);
    const greeting = Buffer.from(GREETING);
    greeting[11] = minor;
    // Its READY goes before.
    peer.heard();
    await peer.say(greeting, readyOf('PUB'));
    return peer;
  };
  const show = ({ topic: own, frames }: Delivery) => [own, ...frames.map(textOf)];
  return { context, subscription, connect, read: reader(subscription, show) };
}

const deliver = (peer: MemoryPeer, ...parts: readonly string[]) => peer.say(messageOf(...parts.map(bytes)));

describe('a subscription', () => {
  it.each([
    ['a command', 1, 4, '\x09SUBSCRIBE'],
    ['a message to a publisher of ZMTP 3.0', 0, 0, '\x01'],
  ])(
    'is %s; beside a topic that a publisher does not confirm, one that it does',
    async (_, minor, flags, begin) => {
      const known = await (await subscribing({ minor })).connect();
      expect(known.heard()).toEqual([{ flags, text: `${begin}me/` }, PING]);
      for (const topic of ['me', '']) {
        const [own, proof, ...others] = (await (await subscribing({ topic, minor })).connect()).heard();
        expect([own, others]).toEqual([{ flags, text: `${begin}${topic}` }, [PING]]);
        expect(proof?.flags).toBe(flags);
        expect(proof?.text.slice(begin.length)).toMatch(/^[\w-]{21}\/$/);
      }
    },
  );

  it('is ready at once when its publisher confirms it, which is no delivery', async () => {
    const { subscription, connect, read } = await subscribing();
    const peer = await connect();
    expect([subscription.isReady, subscription.isProved]).toEqual([false, false]);
    await deliver(peer, 'me/', '');
    expect([subscription.isReady, subscription.isProved, vi.getTimerCount()]).toEqual([true, true, 0]);
    expect(await read()).toBeUndefined();
  });

  it('is ready after its margin when nobody confirms it', async () => {
    const { subscription, connect } = await subscribing({ minor: 0 });
    await connect();
    await vi.advanceTimersByTimeAsync(MARGIN - 2);
    expect(subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    expect([subscription.isReady, subscription.isProved]).toEqual([true, false]);
  });

  it('is ready after five seconds when its publisher should answer a PING, and does not', async () => {
    const { subscription, connect } = await subscribing();
    await connect();
    await vi.advanceTimersByTimeAsync(4_980);
    expect(subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    expect([subscription.isReady, subscription.isProved]).toEqual([true, false]);
    const half = await subscribing();
    const peer = await half.connect();
    await vi.advanceTimersByTimeAsync(4_900);
    await peer.say(PONG);
    await vi.advanceTimersByTimeAsync(4_980);
    expect(half.subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    expect([half.subscription.isReady, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('is ready its margin after its publisher has read it, which its second PONG says, however long the handshake took', async () => {
    const { subscription } = await subscribing();
    const peer = new MemoryPeer(subscription, true);
    await vi.advanceTimersByTimeAsync(100);
    await peer.say(GREETING, readyOf('PUB'));
    peer.heard();
    await vi.advanceTimersByTimeAsync(10);
    await peer.say(PONG);
    expect(peer.heard()).toEqual([PING]);
    await vi.advanceTimersByTimeAsync(MARGIN + 10);
    expect(subscription.isReady).toBe(false);
    await peer.say(PONG);
    expect(peer.heard()).toEqual([]);
    await vi.advanceTimersByTimeAsync(MARGIN - 2);
    expect(subscription.isReady).toBe(false);
    // That of a heartbeat says nothing.
    await peer.say(PONG);
    await vi.advanceTimersByTimeAsync(2);
    expect([subscription.isReady, subscription.isProved, vi.getTimerCount()]).toEqual([true, false, 0]);
    await peer.say(PONG);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has to be read anew over its next link', async () => {
    const { subscription, connect } = await subscribing();
    const first = await connect();
    await first.say(PONG);
    await first.say(PONG);
    await first.hangUp();
    await vi.advanceTimersByTimeAsync(MARGIN);
    expect(subscription.isReady).toBe(false);
    const second = await connect();
    await vi.advanceTimersByTimeAsync(MARGIN - 10);
    await second.say(PONG);
    await second.say(PONG);
    await vi.advanceTimersByTimeAsync(MARGIN - 2);
    expect(subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(subscription.isReady).toBe(true);
  });

  it('waits for its publisher to confirm it, if that is known to do so, and asks for no PONG', async () => {
    const { subscription, connect } = await subscribing({ proofTimeout: 1_000 });
    const peer = await connect();
    expect(peer.texts()).toEqual(['\x09SUBSCRIBEme/']);
    await peer.say(PONG);
    await vi.advanceTimersByTimeAsync(990);
    expect(subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    expect([subscription.isReady, subscription.isProved]).toEqual([true, false]);
  });

  it('waits ten times as long as the handshake took, where that is longer', async () => {
    const { subscription } = await subscribing();
    const peer = new MemoryPeer(subscription, true);
    await vi.advanceTimersByTimeAsync(20);
    const greeting = Buffer.from(GREETING);
    greeting[11] = 0;
    await peer.say(greeting, readyOf('PUB'));
    await vi.advanceTimersByTimeAsync(180);
    expect(subscription.isReady).toBe(false);
    await vi.advanceTimersByTimeAsync(40);
    expect(subscription.isReady).toBe(true);
  });

  it('has to be confirmed anew over its next link, and its margin begins anew', async () => {
    const { subscription, connect } = await subscribing();
    const first = await connect();
    await deliver(first, 'me/', '');
    await first.hangUp();
    expect([subscription.isReady, subscription.isProved]).toEqual([false, false]);
    const second = await connect();
    expect(second.texts()).toEqual(['\x09SUBSCRIBEme/', PING.text]);
    expect([subscription.isReady, subscription.isProved]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(MARGIN - 10);
    await second.hangUp();
    await vi.advanceTimersByTimeAsync(10);
    // The margin of a link that broke says nothing.
    expect(subscription.isReady).toBe(false);
    await subscription.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer when it is closed before it is ready', async () => {
    const { subscription, connect, read } = await subscribing();
    await connect();
    await subscription.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(await read()).toBe('the end');
  });
});

describe('a delivery', () => {
  it('is its topic and its frames, whose bytes it keeps', async () => {
    const { connect, read } = await subscribing();
    const peer = await connect();
    const piece = messageOf(bytes('me/1'), bytes('a'), bytes('b'));
    peer.socket.emit('data', piece);
    piece.fill(0);
    await turn();
    expect(await read()).toEqual([['me/1', 'a', 'b']]);
    // In pieces, even within its topic.
    const other = messageOf(bytes('me/23'), bytes('c'));
    await peer.say(other.subarray(0, 4));
    await peer.say(other.subarray(4, 9));
    await peer.say(other.subarray(9));
    expect(await read()).toEqual([['me/23', 'c']]);
  });

  it('has the topic under which it was published, whatever the one before it had', async () => {
    const { connect, read } = await subscribing({ topic: '' });
    const peer = await connect();
    const topics = ['a1', 'a1', 'a2', 'b2', 'b', 'b22', 'é', 'é', '', 'b22', 'b2'];
    await peer.say(...topics.map((topic) => messageOf(bytes(topic), bytes('x'))));
    expect(await read()).toEqual(topics.map((topic) => [topic, 'x']));
    for (const topic of topics) await deliver(peer, topic, 'y');
    expect(await read()).toEqual(topics.map((topic) => [topic, 'y']));
  });

  it('may be empty, if its topic is not the one that confirms the subscription, or it has more than one frame', async () => {
    const { connect, read } = await subscribing();
    const peer = await connect();
    await deliver(peer, 'me/', '', '');
    await deliver(peer, 'me/', 'x');
    expect(await read()).toEqual([
      ['me/', '', ''],
      ['me/', 'x'],
    ]);
    await deliver(peer, 'me/1', '');
    expect(await read()).toBeUndefined();
  });

  it('of its topic alone is none, and the next one is taken', async () => {
    const { connect, read, subscription } = await subscribing();
    const peer = await connect();
    await deliver(peer, 'me/');
    await deliver(peer, 'me/1', 'a');
    expect([await read(), subscription.isProved]).toEqual([[['me/1', 'a']], false]);
  });

  it('that its publisher did not end is forgotten with the link', async () => {
    const { connect, read } = await subscribing();
    const first = await connect();
    await first.say(messageOf(bytes('me/1'), bytes('a')).subarray(0, 8));
    await first.hangUp();
    const second = await connect();
    await deliver(second, 'me/2', 'b');
    expect(await read()).toEqual([['me/2', 'b']]);
  });

  it('is a view of what was read, for a reader that keeps nothing', async () => {
    const context = { ...endContext(), own: new Views() };
    const subscription = new ZmtpSubscription(context, 'me/', {});
    const read = reader(subscription, ({ frames }) => frames[0]?.buffer);
    const peer = await MemoryPeer.of(subscription, true, 'PUB');
    const piece = messageOf(bytes('me/1'), bytes('a'));
    peer.socket.emit('data', piece);
    await turn();
    expect(await read()).toEqual([piece.buffer]);
  });

  describe('of which many more are awaited', () => {
    let awaited = 0;
    beforeEach(() => {
      awaited = 1_000;
    });

    /** A subscription that gets one piece after another, each in a turn of its own. Says which of six a pause followed. */
    async function getting(piece: Buffer) {
      const subscription = new ZmtpSubscription(endContext(), 'me/', { awaited: () => awaited });
      const read = reader(subscription, ({ frames }) => frames.length);
      const peer = await MemoryPeer.of(subscription, true, 'PUB');
      const paused: boolean[] = [];
      return async () => {
        for (let i = 0; i < 6; i++) {
          peer.socket.emit('data', piece);
          paused.push(peer.socket.isPaused);
          expect(await read()).toBeDefined();
          expect(peer.socket.isPaused).toBe(false);
        }
        return paused.splice(0);
      };
    }

    const one = messageOf(bytes('me/1'), bytes('a'));

    it('is read together with those behind it, while they come one by one', async () => {
      const pauses = await getting(Buffer.concat(Array.from({ length: 10 }, () => one)));
      expect(await pauses()).toEqual([false, true, false, true, false, true]);
      awaited = 1;
      expect(await pauses()).not.toContain(true);
    });

    const gathered = (frames: number) =>
      messageOf(bytes('me/1'), ...Array.from({ length: frames }, () => bytes('a')));

    it('is read at once where its publisher has gathered 16 frames in it, or more', async () => {
      const [fewer, enough] = [await getting(gathered(15)), await getting(gathered(16))];
      expect(await fewer()).toContain(true);
      expect(await enough()).not.toContain(true);
    });

    it('counts by its frames: four times as many have to be awaited', async () => {
      const pauses = await getting(gathered(15));
      awaited = 4 * 15;
      expect(await pauses()).toContain(true);
      awaited--;
      expect(await pauses()).not.toContain(true);
    });
  });

  it('keeps nothing of what was read once a piece is over', async () => {
    const views = new Views();
    const own = { copy: vi.fn(views.copy.bind(views)), rest: vi.fn() };
    const context = { ...endContext(), own };
    const subscription = new ZmtpSubscription(context, 'me/', {});
    const peer = await MemoryPeer.of(subscription, true, 'PUB');
    own.rest.mockClear();
    peer.socket.emit('data', messageOf(bytes('me/1'), bytes('a')));
    expect([own.copy.mock.calls.length, own.rest.mock.calls.length]).toEqual([1, 1]);
  });
});
