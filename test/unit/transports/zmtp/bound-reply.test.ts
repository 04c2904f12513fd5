/** A bound REP and its peers: which requests are answered, over which way back, and what a peer may leave unanswered or unread. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/async/deferred.ts';
import { REPLIES } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import type { Answer, RequestOrigin } from '../../../../src/transport.ts';
import { ZmtpReply } from '../../../../transports/zmtp/bound-reply.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { messageOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const EMPTY = bytes('');
const MOST_PARTS = 64;

/** Answers at once, in capitals. */
const loud: Answer = (request) => bytes(textOf(request).toUpperCase());

async function ground(answer: Answer = loud, options: ZmtpOptions = {}, type = 'DEALER') {
  const context = endContext(options);
  const reply = new ZmtpReply(context, answer);
  const peer = await MemoryPeer.of(reply, false, type);
  const ask = (...parts: readonly (string | Uint8Array)[]) =>
    peer.say(messageOf(...parts.map((part) => (typeof part === 'string' ? bytes(part) : part))));
  return { context, reply, peer, ask };
}

/** An answer that a test gives later. */
function later() {
  const replies: Deferred<Bytes>[] = [];
  const origins: RequestOrigin[] = [];
  const answer: Answer = (_, origin) => {
    const own = deferred<Bytes>();
    replies.push(own);
    origins.push(origin);
    return own.promise;
  };
  return { answer, replies, origins };
}

describe('a request', () => {
  it('is answered over the way that it came: the parts up to the empty one', async () => {
    const { peer, ask } = await ground();
    await ask('', 'plain');
    await ask('one', 'two', '', 'routed');
    expect(peer.heard()).toEqual([
      { flags: 1, text: '' },
      { flags: 0, text: 'PLAIN' },
      { flags: 1, text: 'one' },
      { flags: 1, text: 'two' },
      { flags: 1, text: '' },
      { flags: 0, text: 'ROUTED' },
    ]);
  });

  it('may be empty', async () => {
    const { peer, ask } = await ground(() => bytes('x'));
    await ask('', '');
    expect(peer.texts()).toEqual(['', 'x']);
  });

  it.each([
    ['without an empty part', ['a', 'b']],
    ['of one part', ['a']],
    ['of one empty part', ['']],
    ['that ends with its empty part', ['a', '']],
    ['with a part too many', ['', 'a', 'b']],
  ])('%s is no request: it is passed over, and the next one is answered', async (_, parts) => {
    const answer = vi.fn(loud);
    const { peer, ask } = await ground(answer);
    await ask(...parts);
    expect([answer.mock.calls, peer.texts(), peer.end]).toEqual([[], [], undefined]);
    await ask('', 'next');
    expect(peer.texts()).toEqual(['', 'NEXT']);
  });

  it('has 64 parts, and not one more', async () => {
    const { peer, ask } = await ground();
    const way = Array.from({ length: MOST_PARTS - 2 }, (_, i) => `${i}`);
    await ask(...way, '', 'request');
    expect(peer.texts()).toHaveLength(MOST_PARTS);
    await ask(...way, 'more', '', 'request');
    expect(peer.end).toMatchObject({
      reason: 'it sent a request of more than 64 parts',
      violation: { code: 'TOO_LARGE' },
    });
  });

  it('is answered when its answer is there, whatever came later', async () => {
    const { answer, replies } = later();
    const { peer, ask } = await ground(answer);
    await ask('1', '', 'slow');
    await ask('2', '', 'quick');
    expect(peer.texts()).toEqual([]);
    replies[1]?.resolve(bytes('second'));
    await turn();
    replies[0]?.resolve(bytes('first'));
    await turn();
    expect(peer.texts()).toEqual(['2', '', 'second', '1', '', 'first']);
  });

  it('says where it came from, and when that is gone', async () => {
    const { answer, replies, origins } = later();
    const { peer, ask } = await ground(answer);
    await ask('', 'a');
    await ask('', 'b');
    const [origin, same] = origins;
    expect(origin?.link).toBe(peer.link);
    expect(same).toBe(origin);
    // This peer did not say which process it is.
    expect(origin?.isDead?.()).toBe(false);
    const gone = vi.fn();
    origin?.onGone(gone);
    await peer.hangUp();
    expect(gone).toHaveBeenCalledTimes(1);
    // What is answered too late goes nowhere.
    replies[0]?.resolve(bytes('late'));
    await turn();
    expect(peer.texts()).toEqual([]);
  });
});

describe('a peer with too many requests', () => {
  it('is read on once one of 1,024 is answered', async () => {
    const { answer, replies } = later();
    const { peer, ask } = await ground(answer);
    for (let i = 0; i < REPLIES - 1; i++) await ask('', 'a');
    expect(peer.socket.isPaused).toBe(false);
    await ask('', 'last');
    expect(peer.socket.isPaused).toBe(true);
    replies[7]?.resolve(bytes('x'));
    await turn();
    expect(peer.socket.isPaused).toBe(false);
  });

  it('that reads none of its answers is read on when it reads', async () => {
    const { peer, ask } = await ground(() => new Uint8Array(1_048_576));
    peer.goDeaf();
    await ask('', 'a');
    expect(peer.socket.isPaused).toBe(true);
    await turn();
    expect(peer.socket.isPaused).toBe(true);
    await peer.hearAgain();
    await turn();
    expect(peer.socket.isPaused).toBe(false);
  });

  it('is refused when all leave too much unread and it has the most', async () => {
    const most = 300_000;
    const { reply, peer, ask, context } = await ground(() => new Uint8Array(200_000), {
      sendHighWaterBytesTotal: most,
    });
    const other = await MemoryPeer.of(reply, false, 'REQ');
    for (const own of [peer, other]) own.goDeaf();
    await other.say(messageOf(EMPTY, bytes('a')));
    expect(context.reported).toEqual([]);
    await ask('', 'a');
    const ended = [peer, other].filter(({ end }) => end !== undefined);
    expect(ended).toHaveLength(1);
    expect(ended[0]?.end).toMatchObject({
      reason: expect.stringMatching(/^it left 2000\d\d bytes unread, the most of all peers$/),
      violation: { code: 'TOO_LARGE' },
    });
  });
});
