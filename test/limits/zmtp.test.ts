/** The bounds of ZMTP ends, each at its value, one below and one above, over links in memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReadTurns } from '../../src/async/read-turns.ts';
import {
  CONFIRMATION_BACKLOG_BYTES,
  PUBLISHED,
  PUBLISHED_BYTES,
  PUBLISHED_RUN_BYTES,
  PULLED,
  PULLED_BYTES,
  REPLY_BYTES,
  REQUEST_BYTES,
  UNTIMED_BYTES,
  UNTIMED_FRAMES,
} from '../../src/flow-control.ts';
import { LONGEST_TOPIC } from '../../src/protocol/topics.ts';
import { ZmtpPublish } from '../../transports/zmtp/bound-publish.ts';
import { ZmtpPull } from '../../transports/zmtp/bound-pull.ts';
import { ZmtpReply } from '../../transports/zmtp/bound-reply.ts';
import { CONTROL_SIZE } from '../../transports/zmtp/commands.ts';
import type { ZmtpOptions } from '../../transports/zmtp/options.ts';
import { ZmtpPuller, ZmtpSubscription } from '../../transports/zmtp/receiving.ts';
import { ZmtpRequester } from '../../transports/zmtp/requester.ts';
import { bytes } from '../support/bytes.ts';
import { frameOf, GREETING, messageOf, readyOf, subscriptionTo } from '../support/zmtp.ts';
import { MemoryLink } from '../support/zmtp-ends.ts';
import { endContext, MemoryPeer, turn } from '../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const NOTHING = new Uint8Array(0);
/** One below a bound, at it, and one above. */
const around = (bound: number) => [bound - 1, bound, bound + 1] as const;

describe('what is read of one piece', () => {
  /** How often a link looks how long it has read, after the first look, which begins the count. */
  async function looks(...sizes: readonly number[]): Promise<number> {
    const turns = new ReadTurns(1_000_000);
    const spend = vi.spyOn(turns, 'spend');
    const link = new MemoryLink('a bound PULL', {}, false, turns);
    await link.receive(Buffer.concat([GREETING, readyOf('PUSH')]));
    await link.receive(Buffer.concat(sizes.map((size) => frameOf(new Uint8Array(size)))));
    const outcome = link.outcome();
    await turn();
    expect((await outcome).given).toHaveLength(sizes.length);
    return spend.mock.calls.length;
  }

  it('is timed at every 16th frame', async () => {
    for (const [count, expected] of [
      [2 * UNTIMED_FRAMES - 1, 0],
      [2 * UNTIMED_FRAMES, 1],
      [2 * UNTIMED_FRAMES + 1, 1],
      [3 * UNTIMED_FRAMES - 1, 1],
      [3 * UNTIMED_FRAMES, 2],
    ] as const)
      expect(await looks(...Array.from({ length: count }, () => 1)), `${count} frames`).toBe(expected);
  });

  it('is timed after each frame of more than 1,024 bytes', async () => {
    const long = UNTIMED_BYTES + 1;
    expect([
      await looks(long, UNTIMED_BYTES - 1),
      await looks(long, UNTIMED_BYTES),
      await looks(long, long),
    ]).toEqual([0, 0, 1]);
  });
});

describe('what is pulled and not read', () => {
  /** A bound PULL or a puller, and what it was sent. */
  async function ground(kind: 'bound' | 'dialling', options: ZmtpOptions = {}) {
    const context = endContext(options);
    const end = kind === 'bound' ? new ZmtpPull(context) : new ZmtpPuller(context);
    const peer = await MemoryPeer.of(end, kind === 'dialling', 'PUSH');
    const isPaused = async (...sizes: readonly number[]) => {
      for (const size of sizes) await peer.say(frameOf(new Uint8Array(size)));
      return peer.socket.isPaused;
    };
    const isPausedBy = async (count: number) => {
      await peer.say(...Array.from({ length: count }, () => frameOf(NOTHING)));
      return peer.socket.isPaused;
    };
    return { end, peer, isPaused, isPausedBy, reported: context.reported };
  }

  describe.each(['bound', 'dialling'] as const)('at a %s PULL', (kind) => {
    it('holds its peer up at 4,096 messages, which is told, and no longer than it is read', async () => {
      const { isPausedBy, reported, end, peer } = await ground(kind);
      expect(await isPausedBy(PULLED - 1)).toBe(false);
      expect(reported.filter(({ type }) => type === 'slow')).toEqual([]);
      expect(await isPausedBy(1)).toBe(true);
      expect(reported.filter(({ type }) => type === 'slow')).toMatchObject([{ queued: PULLED }]);
      expect((await end[Symbol.asyncIterator]().next()).value).toHaveLength(PULLED);
      await turn();
      expect(peer.socket.isPaused).toBe(false);
    });

    it('holds its peer up at 4 MiB', async () => {
      const { isPaused } = await ground(kind);
      expect(await isPaused(PULLED_BYTES - 1)).toBe(false);
      expect(await isPaused(1)).toBe(true);
    });

    it('is as many messages as receiveHighWaterMark says', async () => {
      for (const [count, expected] of [
        [2, false],
        [3, true],
        [4, true],
      ] as const) {
        const { isPausedBy } = await ground(kind, { receiveHighWaterMark: 3 });
        expect(await isPausedBy(count)).toBe(expected);
      }
    });
  });
});

describe('what a subscription has not read', () => {
  async function ground(options: ZmtpOptions = {}, maxUnread?: number) {
    const context = endContext(options);
    const end = new ZmtpSubscription(context, 'me/', { maxUnread });
    const peer = await MemoryPeer.of(end, true, 'PUB');
    const delivery = (size: number) => messageOf(bytes('me/1'), new Uint8Array(size));
    return { peer, delivery };
  }

  it('holds its publisher up at 100,000 deliveries', async () => {
    const { peer, delivery } = await ground();
    const one = delivery(1);
    await peer.say(...Array.from({ length: PUBLISHED - 1 }, () => one));
    expect(peer.socket.isPaused).toBe(false);
    await peer.say(one);
    expect(peer.socket.isPaused).toBe(true);
  });

  it('holds its publisher up at 16 MiB, with the topics', async () => {
    const { peer, delivery } = await ground();
    await peer.say(delivery(PUBLISHED_BYTES - 1 - 2 * 'me/1'.length - 1));
    expect(peer.socket.isPaused).toBe(false);
    await peer.say(delivery(1));
    expect(peer.socket.isPaused).toBe(false);
    await peer.say(delivery(1));
    expect(peer.socket.isPaused).toBe(true);
    const exact = await ground();
    await exact.peer.say(exact.delivery(PUBLISHED_BYTES - 'me/1'.length));
    expect(exact.peer.socket.isPaused).toBe(true);
  });

  it.each([
    ['receiveHighWaterMark', { receiveHighWaterMark: 3 }, undefined],
    ['maxUnread, before receiveHighWaterMark', { receiveHighWaterMark: 9 }, 3],
  ])('is as many deliveries as %s says', async (_, options, maxUnread) => {
    for (const [count, expected] of [
      [2, false],
      [3, true],
      [4, true],
    ] as const) {
      const { peer, delivery } = await ground(options, maxUnread);
      await peer.say(...Array.from({ length: count }, () => delivery(1)));
      expect(peer.socket.isPaused).toBe(expected);
    }
  });
});

describe('requests', () => {
  it('leave while fewer than 16 MiB of others are not answered', async () => {
    for (const [size, sent] of [
      [REQUEST_BYTES - 1, ['next']],
      [REQUEST_BYTES, []],
      [REQUEST_BYTES + 1, []],
    ] as const) {
      const requester = new ZmtpRequester(endContext());
      const peer = await MemoryPeer.of(requester, true, 'REP');
      for (const frame of [new Uint8Array(size), bytes('next')])
        requester.request(frame).reply.catch(() => {});
      await turn();
      const [, , , ...later] = peer.texts();
      expect(later.slice(2)).toEqual(sent);
      await requester.close();
    }
  });

  it('of a peer are read while fewer than 1 MiB of its replies are unread', async () => {
    for (const waiting of around(REPLY_BYTES)) {
      let reply = NOTHING;
      const peer = await MemoryPeer.of(new ZmtpReply(endContext(), () => reply), false, 'DEALER');
      peer.goDeaf();
      await peer.say(messageOf(NOTHING, bytes('first')));
      // The head of a long frame, and the empty one before it.
      reply = new Uint8Array(waiting - peer.link.waiting - 9 - 2);
      await peer.say(messageOf(NOTHING, bytes('second')));
      expect(peer.link.waiting).toBe(waiting);
      expect(peer.socket.isPaused, `${waiting} bytes`).toBe(waiting >= REPLY_BYTES);
    }
  });

  it('of a peer that leaves more of its replies unread than sendHighWaterBytes and the last one end its link', async () => {
    const most = 10_000;
    const last = 1_000;
    for (const before of around(most)) {
      let reply = NOTHING;
      const end = new ZmtpReply(endContext({ sendHighWaterBytes: most }), () => reply);
      const peer = await MemoryPeer.of(end, false, 'DEALER');
      peer.goDeaf();
      // Without the frames' heads: 2 bytes of the empty one, and 9 of each reply.
      reply = new Uint8Array(before - 2 - 9 - 2 - 9);
      await peer.say(messageOf(NOTHING, bytes('first')));
      reply = new Uint8Array(last);
      await peer.say(messageOf(NOTHING, bytes('second')));
      expect(peer.end?.violation?.code, `${before} bytes`).toBe(before > most ? 'TOO_LARGE' : undefined);
    }
  });
});

describe('a frame that comes', () => {
  it('has as many bytes as maxMessageSize, and not one more', async () => {
    const link = await MemoryPeer.of(new ZmtpPull(endContext({ maxMessageSize: 10 })), false, 'PUSH');
    for (const size of [9, 10]) await link.say(frameOf(new Uint8Array(size)));
    expect(link.end).toBeUndefined();
    await link.say(frameOf(new Uint8Array(11)));
    expect(link.end?.violation?.code).toBe('TOO_LARGE');
  });

  it('of a peer that only subscribes has 1,152 bytes at most: a longer one is not read', async () => {
    for (const size of around(CONTROL_SIZE)) {
      const peer = await MemoryPeer.of(new ZmtpPublish(endContext()), false, 'SUB', 0);
      await peer.say(subscriptionTo('t'.repeat(size - 1)));
      // Up to there it is read, and is a topic that is too long.
      const reason = size > CONTROL_SIZE ? 'a frame of 1153 bytes, and 1152 is the limit' : 'a topic of';
      expect(peer.end?.reason, `${size} bytes`).toContain(reason);
    }
  });
});

describe('a subscription', () => {
  it.each([
    ['a command', (peer: MemoryPeer, topic: string) => peer.command('SUBSCRIBE', topic)],
    ['a message', (peer: MemoryPeer, topic: string) => peer.say(subscriptionTo(topic))],
  ])('that is %s has a topic of 1,024 bytes at most', async (_, subscribe) => {
    const peer = await MemoryPeer.of(new ZmtpPublish(endContext()), false, 'SUB');
    for (const length of [LONGEST_TOPIC - 1, LONGEST_TOPIC]) await subscribe(peer, 't'.repeat(length));
    expect(peer.end).toBeUndefined();
    await subscribe(peer, 't'.repeat(LONGEST_TOPIC + 1));
    expect(peer.end?.violation?.code).toBe('TOO_LARGE');
  });

  it('takes its topic and 128 bytes of maxTopicBytes, up to the last byte', async () => {
    for (const bound of around(300)) {
      const publish = new ZmtpPublish(endContext({ maxTopicBytes: bound }));
      const peer = await MemoryPeer.of(publish, false, 'SUB');
      await peer.command('SUBSCRIBE', 't'.repeat(300 - 128));
      expect(peer.end?.violation?.code, `${bound} bytes`).toBe(bound < 300 ? 'TOO_LARGE' : undefined);
    }
  });

  it('takes them of maxTopicBytesTotal, too', async () => {
    for (const bound of around(600)) {
      const publish = new ZmtpPublish(endContext({ maxTopicBytesTotal: bound }));
      const peers = [await MemoryPeer.of(publish, false, 'SUB'), await MemoryPeer.of(publish, false, 'SUB')];
      for (const [i, peer] of peers.entries()) await peer.command('SUBSCRIBE', `${i}`.repeat(300 - 128));
      const refused = peers.filter(({ end }) => end?.violation?.code === 'TOO_LARGE');
      expect(refused, `${bound} bytes`).toHaveLength(bound < 600 ? 1 : 0);
    }
  });

  it('is not confirmed behind more than 65,536 bytes that its peer has not read', async () => {
    for (const waiting of around(CONFIRMATION_BACKLOG_BYTES)) {
      const publish = new ZmtpPublish(endContext());
      const peer = await MemoryPeer.of(publish, false, 'SUB');
      peer.goDeaf();
      peer.socket.writableLength = waiting;
      await peer.command('SUBSCRIBE', 'me/');
      await turn();
      expect(peer.texts(), `${waiting} bytes`).toEqual(
        waiting > CONFIRMATION_BACKLOG_BYTES ? [] : ['me/', ''],
      );
    }
  });
});

describe('what is published', () => {
  async function ground(options: ZmtpOptions = {}) {
    const context = endContext(options);
    const publish = new ZmtpPublish(context);
    const subscriber = async (topic: string) => {
      const peer = await MemoryPeer.of(publish, false, 'SUB');
      await peer.command('SUBSCRIBE', topic);
      peer.goDeaf();
      return peer;
    };
    const tell = async (topic: string, size: number) => {
      await publish.publish([{ topic, frames: [new Uint8Array(size)] }]);
      await turn();
    };
    return { context, publish, subscriber, tell };
  }

  it('in one turn of events is less than 256 KiB, then publish waits for the next', async () => {
    for (const size of around(PUBLISHED_RUN_BYTES)) {
      const { publish } = await ground();
      const peer = await MemoryPeer.of(publish, false, 'SUB');
      await peer.command('SUBSCRIBE', 'a');
      let isDone = false;
      publish.publish([{ topic: 'a', frames: [new Uint8Array(size - 1)] }]).then(() => {
        isDone = true;
      });
      await Promise.resolve();
      await Promise.resolve();
      expect(isDone, `${size} bytes`).toBe(size < PUBLISHED_RUN_BYTES);
      await turn();
      expect(isDone).toBe(true);
    }
  });

  it('is lost for a subscriber for which sendHighWaterBytes wait, and not for one byte less', async () => {
    for (const waiting of around(20_000)) {
      const { context, subscriber, tell } = await ground({ sendHighWaterBytes: 20_000 });
      const peer = await subscriber('a');
      // With a head of 2 bytes for the topic, and of 9 for the frame.
      await tell('a', waiting - 1 - 2 - 9);
      expect(peer.link.waiting).toBe(waiting);
      await tell('a', 1);
      const lost = context.reported.filter(({ type }) => type === 'lost');
      expect(lost, `${waiting} bytes`).toHaveLength(waiting < 20_000 ? 0 : 1);
    }
  });

  it('may wait for all subscribers up to sendHighWaterBytesTotal; with one byte more the one with the most is refused', async () => {
    const most = 200_000;
    const share = 80_000;
    for (const waiting of around(most)) {
      const { subscriber, tell } = await ground({ sendHighWaterBytesTotal: most });
      const [less, more] = [await subscriber('a'), await subscriber('b')];
      await tell('a', share - 1 - 2 - 9);
      expect(less.link.waiting).toBe(share);
      await tell('b', waiting - share - 1 - 2 - 9);
      expect([less.end, more.end?.violation?.code], `${waiting} bytes`).toEqual([
        undefined,
        waiting > most ? 'TOO_LARGE' : undefined,
      ]);
    }
  });
});
