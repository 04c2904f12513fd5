/** Frames that are pushed: who gets them, who waits, and what becomes of those that wait when a link breaks. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GATHERED_BYTES } from '../../../../src/flow-control.ts';
import { ZmtpPush } from '../../../../transports/zmtp/bound-push.ts';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { bytes } from '../../../support/bytes.ts';
import { GREETING, readyOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A frame that leaves no room behind it. */
const LARGE = new Uint8Array(GATHERED_BYTES);

function outcomeOf(promise: Promise<void>): { now: unknown } {
  const outcome: { now: unknown } = { now: 'waits' };
  promise.then(
    () => {
      outcome.now = 'done';
    },
    ({ code, sent }) => {
      outcome.now = [code, sent];
    },
  );
  return outcome;
}

describe('a bound PUSH', () => {
  it('gives frames to its peers in turn', async () => {
    const push = new ZmtpPush(endContext());
    const peers = [];
    for (let i = 0; i < 3; i++) peers.push(await MemoryPeer.of(push, false, 'PULL'));
    await push.send(['a', 'b', 'c', 'd', 'e', 'f'].map(bytes));
    await turn();
    const given = peers.map((peer) => peer.texts());
    expect(given.map(({ length }) => length)).toEqual([2, 2, 2]);
    expect(given.flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('passes over a peer without room, waits when none has any, and goes on when one has', async () => {
    const push = new ZmtpPush(endContext());
    const [deaf, other] = [
      await MemoryPeer.of(push, false, 'PULL'),
      await MemoryPeer.of(push, false, 'PULL'),
    ];
    deaf.goDeaf();
    // One of the two gets each; the deaf one has no room after its own.
    await push.send([LARGE, LARGE]);
    await turn();
    other.heard();
    deaf.heard();
    const small = outcomeOf(push.send(['a', 'b', 'c'].map(bytes)));
    await turn();
    expect([small.now, other.texts()]).toEqual(['done', ['a', 'b', 'c']]);
    other.goDeaf();
    await push.send([LARGE]);
    await turn();
    const waiting = outcomeOf(push.send([bytes('d')]));
    await turn();
    expect(waiting.now).toBe('waits');
    other.heard();
    const hearing = other.hearAgain();
    // There is room, and what waits has not left yet: it goes first.
    const behind = outcomeOf(push.send([bytes('e')]));
    await hearing;
    await turn();
    expect([waiting.now, behind.now, other.texts()]).toEqual(['done', 'done', ['d', 'e']]);
  });

  it('knows how many peers there are, and says when that changes', async () => {
    const push = new ZmtpPush(endContext());
    const counts: number[] = [];
    push.onPeers(() => counts.push(push.peers));
    const first = await MemoryPeer.of(push, false, 'PULL');
    const second = await MemoryPeer.of(push, false, 'PULL');
    // One that never was a peer does not count.
    await new MemoryPeer(push, false).hangUp();
    await first.hangUp();
    expect(counts).toEqual([1, 2, 1]);
    await push.send(['a', 'b'].map(bytes));
    await turn();
    expect(second.texts()).toEqual(['a', 'b']);
  });

  it('rejects what waits when it is closed, and what comes later', async () => {
    const push = new ZmtpPush(endContext());
    const waiting = outcomeOf(push.send([bytes('a')]));
    await push.close();
    const late = outcomeOf(push.send([bytes('b')]));
    await turn();
    expect([waiting.now, late.now]).toEqual([
      ['CLOSED', false],
      ['CLOSED', false],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a dialling PUSH', () => {
  it('sends what waited for its link, in order', async () => {
    const pusher = new ZmtpPusher(endContext());
    const outcomes = [pusher.send([bytes('a')]), pusher.send(['b', 'c'].map(bytes))].map(outcomeOf);
    const peer = new MemoryPeer(pusher, true);
    await turn();
    expect(outcomes.map(({ now }) => now)).toEqual(['waits', 'waits']);
    await peer.say(GREETING, readyOf('PULL'));
    expect(outcomes.map(({ now }) => now)).toEqual(['done', 'done']);
    expect(peer.texts().slice(1)).toEqual(['a', 'b', 'c']);
    await pusher.close();
  });

  it('drops what waits when its link breaks, says what may have left, and sends none of it over the next link', async () => {
    const pusher = new ZmtpPusher(endContext());
    const peer = await MemoryPeer.of(pusher, true, 'PULL');
    peer.goDeaf();
    const begun = outcomeOf(pusher.send([LARGE, LARGE, bytes('a')]));
    const waiting = outcomeOf(pusher.send([bytes('b')]));
    await turn();
    expect([begun.now, waiting.now]).toEqual(['waits', 'waits']);
    await peer.hangUp();
    expect([begun.now, waiting.now]).toEqual([
      ['DISCONNECTED', 'unknown'],
      ['DISCONNECTED', false],
    ]);
    const next = await MemoryPeer.of(pusher, true, 'PULL');
    await pusher.send([bytes('c')]);
    await turn();
    expect(next.texts()).toEqual(['c']);
    await pusher.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('refuses a frame for which its peer would hang up, and sends none of the others with it', async () => {
    const pusher = new ZmtpPusher(endContext({ maxMessageSize: 10 }));
    const peer = await MemoryPeer.of(pusher, true, 'PULL');
    const refused = outcomeOf(pusher.send([new Uint8Array(10), new Uint8Array(11)]));
    await turn();
    expect([refused.now, peer.texts()]).toEqual([['TOO_LARGE', false], []]);
    await pusher.send([new Uint8Array(10)]);
    await turn();
    expect(peer.texts()).toHaveLength(1);
    await pusher.close();
  });
});
