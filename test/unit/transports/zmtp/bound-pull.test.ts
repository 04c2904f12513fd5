/** A bound PULL and its peers: what it takes, how much of one batch, whom it holds up, and what is left when it stops. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ZmtpPull } from '../../../../transports/zmtp/bound-pull.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { frameOf, messageOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Messages that one batch may hold, whatever `maxMessageParts` says. */
const BATCH_PARTS = 1_024;

function ground(options: ZmtpOptions = {}) {
  const context = endContext(options);
  const pull = new ZmtpPull(context);
  const source = pull[Symbol.asyncIterator]();
  const peer = () => MemoryPeer.of(pull, false, 'PUSH');
  const read = async () => {
    const { value, done } = await source.next();
    return done === true ? 'the end' : value.map(textOf);
  };
  const slow = () => context.reported.filter(({ type }) => type === 'slow');
  return { pull, peer, read, slow };
}

const batchOf = (count: number) => messageOf(...Array.from({ length: count }, () => bytes('x')));

describe('a bound PULL', () => {
  it('takes each part as a message of its own, in order, and keeps its bytes', async () => {
    const { peer, read } = ground();
    const one = await peer();
    const piece = Buffer.concat([messageOf(bytes('a'), bytes('b')), frameOf(bytes('c'))]);
    one.socket.emit('data', piece);
    // The system reads into the same buffer again.
    piece.fill(0);
    expect(await read()).toEqual(['a', 'b', 'c']);
    // A frame that came in two pieces.
    const frame = frameOf(bytes('abc'));
    await one.say(frame.subarray(0, 3));
    await one.say(frame.subarray(3));
    expect(await read()).toEqual(['abc']);
  });

  it.each([
    ['1,024 messages', {}, BATCH_PARTS],
    ['as many messages as maxMessageParts says, if that is less', { maxMessageParts: 3 }, 3],
    ['1,024 messages, though maxMessageParts is more', { maxMessageParts: 2_000 }, BATCH_PARTS],
  ])('takes a batch of %s, again and again, and refuses one more', async (_, options, most) => {
    const { peer } = ground(options);
    const one = await peer();
    for (let i = 0; i < 2; i++) await one.say(batchOf(most));
    expect(one.end).toBeUndefined();
    await one.say(batchOf(most + 1));
    expect(one.end).toMatchObject({
      reason: `it sent a batch of more than ${most} messages`,
      violation: { code: 'TOO_LARGE' },
    });
  });

  it('gives what it took to who reads after it was closed, and then the end', async () => {
    const { pull, peer, read } = ground();
    const one = await peer();
    await one.say(frameOf(bytes('a')));
    await pull.close();
    expect([await read(), await read()]).toEqual([['a'], 'the end']);
  });
});

describe('a peer whose messages are not read', () => {
  it('is held up until they are, while others are not; that is told once for all that are', async () => {
    const { peer, read, slow } = ground({ receiveHighWaterMark: 3 });
    const [one, other, third] = [await peer(), await peer(), await peer()];
    await one.say(batchOf(3));
    expect([one, other].map(({ socket }) => socket.isPaused)).toEqual([true, false]);
    await other.say(batchOf(1));
    expect([other, third].map(({ socket }) => socket.isPaused)).toEqual([true, false]);
    expect(slow()).toMatchObject([{ queued: 3 }]);
    expect(await read()).toHaveLength(4);
    await turn();
    expect([one, other].map(({ socket }) => socket.isPaused)).toEqual([false, false]);
    // Then it is told again.
    await third.say(batchOf(5));
    expect(slow()).toMatchObject([{ queued: 3 }, { queued: 5 }]);
  });
});

describe('a bound PULL that is stopped', () => {
  it('reads nothing more of its peers, those that are held up and those that come later among them', async () => {
    const { pull, peer, read } = ground({ receiveHighWaterMark: 1 });
    const [held, free] = [await peer(), await peer()];
    await held.say(frameOf(bytes('a')));
    pull.stop();
    const late = await peer();
    await turn();
    expect([held, free, late].map(({ socket }) => socket.isPaused)).toEqual([true, true, true]);
    expect([await read(), await read()]).toEqual([['a'], 'the end']);
    await turn();
    expect(held.socket.isPaused).toBe(true);
    for (const { link } of [held, free, late]) expect(link.isUp).toBe(true);
  });
});
