/** A dialling PUSH: how long it waits when it is closed, and what becomes of its frames when its peer refuses. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GATHERED_BYTES } from '../../../../src/flow-control.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { bytes } from '../../../support/bytes.ts';
import { frameOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A frame that leaves no room behind it. */
const LARGE = new Uint8Array(GATHERED_BYTES);
const CLOSED = ['CLOSED', false];

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

/** A pusher whose peer takes nothing, and a frame that waits for it. */
async function heldUp() {
  const pusher = new ZmtpPusher(endContext());
  const peer = await MemoryPeer.of(pusher, true, 'PULL');
  peer.goDeaf();
  await pusher.send([LARGE]);
  await turn();
  peer.heard();
  const waiting = outcomeOf(pusher.send([bytes('a')]));
  await turn();
  expect(waiting.now).toBe('waits');
  return { pusher, peer, waiting };
}

describe('a dialling PUSH that is closed', () => {
  it('waits until its frames have left, and takes no others meanwhile', async () => {
    const { pusher, peer, waiting } = await heldUp();
    const closing = outcomeOf(pusher.close({ timeout: 1_000 }));
    await turn();
    const late = outcomeOf(pusher.send([bytes('b')]));
    await turn();
    expect([closing.now, late.now]).toEqual(['waits', CLOSED]);
    await peer.hearAgain();
    await turn();
    expect([waiting.now, peer.texts()]).toEqual(['done', ['a']]);
    await vi.advanceTimersByTimeAsync(300);
    expect([closing.now, vi.getTimerCount()]).toEqual(['done', 0]);
  });

  it('waits no longer than it may, and rejects what has not left', async () => {
    const { pusher, waiting } = await heldUp();
    const closing = outcomeOf(pusher.close({ timeout: 1_000 }));
    await vi.advanceTimersByTimeAsync(990);
    expect([waiting.now, closing.now]).toEqual(['waits', 'waits']);
    await vi.advanceTimersByTimeAsync(20);
    expect([waiting.now, closing.now, vi.getTimerCount()]).toEqual([CLOSED, 'done', 0]);
  });

  it('waits for nobody without a time, nor where there is no link', async () => {
    const { pusher, waiting } = await heldUp();
    const closing = outcomeOf(pusher.close());
    await turn();
    expect([waiting.now, closing.now]).toEqual([CLOSED, 'done']);
    const unlinked = new ZmtpPusher(endContext());
    const unsent = outcomeOf(unlinked.send([bytes('a')]));
    const soon = outcomeOf(unlinked.close({ timeout: 60_000 }));
    await turn();
    expect([unsent.now, soon.now, vi.getTimerCount()]).toEqual([CLOSED, 'done', 0]);
    await unlinked.close();
  });
});

describe('a dialling PUSH whose peer refuses', () => {
  it('rejects what waits and what comes, until a link is up', async () => {
    const pusher = new ZmtpPusher(endContext());
    const waiting = outcomeOf(pusher.send([bytes('a')]));
    pusher.setRefused(new PalmError('FORBIDDEN', 'no', { sent: false }));
    const late = outcomeOf(pusher.send([bytes('b')]));
    await turn();
    const refused = ['FORBIDDEN', false];
    expect([waiting.now, late.now]).toEqual([refused, refused]);
    const peer = await MemoryPeer.of(pusher, true, 'PULL');
    await pusher.send([bytes('c')]);
    await turn();
    expect(peer.texts()).toEqual(['c']);
    await pusher.close();
  });
});

describe('the peer of a dialling PUSH', () => {
  it('gets later frames behind those that wait, each as a message of its own', async () => {
    const { pusher, peer, waiting } = await heldUp();
    const hearing = peer.hearAgain();
    // There is room, and what waits has not left yet.
    const behind = outcomeOf(pusher.send([bytes('b'), bytes('c')]));
    await hearing;
    await turn();
    expect([waiting.now, behind.now]).toEqual(['done', 'done']);
    expect(peer.heard()).toEqual(['a', 'b', 'c'].map((text) => ({ flags: 0, text })));
    await pusher.close();
  });

  it('may send no more than a command has, because it has nothing to say', async () => {
    const peer = await MemoryPeer.of(new ZmtpPusher(endContext()), true, 'PULL');
    await peer.say(frameOf(new Uint8Array(1_153)));
    expect(peer.end?.violation).toMatchObject({ code: 'TOO_LARGE' });
  });

  it('may send nothing', async () => {
    const peer = await MemoryPeer.of(new ZmtpPusher(endContext()), true, 'PULL');
    await peer.say(frameOf(bytes('a')));
    expect(peer.end?.reason).toBe('it sent a message, but it may only receive');
  });

  it('gets as many frames as it has room for, and the others when it has room again', async () => {
    const pusher = new ZmtpPusher(endContext());
    const peer = await MemoryPeer.of(pusher, true, 'PULL');
    peer.goDeaf();
    const half = new Uint8Array(GATHERED_BYTES / 2 + 1);
    const sent = outcomeOf(pusher.send([half, half, half, bytes('a')]));
    await turn();
    expect([sent.now, peer.texts().map(({ length }) => length)]).toEqual([
      'waits',
      [half.length, half.length],
    ]);
    await peer.hearAgain();
    await turn();
    expect([sent.now, peer.texts().map(({ length }) => length)]).toEqual(['done', [half.length, 1]]);
    await pusher.close();
  });
});
