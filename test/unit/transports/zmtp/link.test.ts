/** One link, whose peer does what a test says: its handshake, its commands, its end, and what is left then. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { GATHERED_BYTES } from '../../../../src/flow-control.ts';
import { ZmtpPublish } from '../../../../transports/zmtp/bound-publish.ts';
import { ZmtpPull } from '../../../../transports/zmtp/bound-pull.ts';
import { commandOf } from '../../../../transports/zmtp/commands.ts';
import { COMMAND } from '../../../../transports/zmtp/frame-reader.ts';
import { greetingOf } from '../../../../transports/zmtp/greeting.ts';
import type { HandshakeStep, Mechanism } from '../../../../transports/zmtp/mechanism.ts';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { commandFrame } from '../../../support/curve.ts';
import { frameOf, GREETING, readyOf } from '../../../support/zmtp.ts';
import { endContext, MemoryPeer, turn } from '../../../support/zmtp-peer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const HANDSHAKE = 10_000;

describe('a handshake', () => {
  it('leaves no timer when it is done, and none when the peer hangs up before', async () => {
    const pull = new ZmtpPull(endContext());
    const peer = new MemoryPeer(pull, false);
    expect(vi.getTimerCount()).toBe(1);
    await peer.hangUp();
    expect([peer.end?.wasUp, vi.getTimerCount()]).toEqual([false, 0]);
    const other = await MemoryPeer.of(pull, false, 'PUSH');
    expect([other.link.isUp, vi.getTimerCount()]).toEqual([true, 0]);
    await vi.advanceTimersByTimeAsync(2 * HANDSHAKE);
    expect(other.link.isUp).toBe(true);
  });

  it('that a peer does not end in time is refused by the bound end, which says why', async () => {
    const context = endContext();
    const pull = new ZmtpPull(context);
    const peer = new MemoryPeer(pull, false);
    await peer.say(GREETING);
    await vi.advanceTimersByTimeAsync(HANDSHAKE - 10);
    expect(peer.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(10);
    expect(peer.texts().join()).toMatch(/^.ERROR.*did not introduce itself within 10000 ms/);
    await peer.hangUp();
    expect(peer.end).toMatchObject({ wasUp: false, wasGreeted: true, violation: expect.anything() });
    expect(context.reported).toMatchObject([{ type: 'refused', count: 1 }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of a mechanism is ended with its link, once, in any state: it computes nothing more', async () => {
    const greeting = greetingOf('CURVE');
    const ending = vi.fn();
    const step = deferred<HandshakeStep>();
    const mechanism: Mechanism = {
      greeting,
      overhead: 0,
      handshake: () => ({
        isUnproved: false,
        begin: () => undefined,
        take: () => step.promise,
        frames: () => {
          throw new Error('the handshake is not done');
        },
        end: ending,
      }),
    };
    const pull = new ZmtpPull({ ...endContext(), mechanism });
    for (const command of [undefined, commandFrame(commandOf('HELLO'))]) {
      const peer = new MemoryPeer(pull, false);
      await peer.say(greeting);
      if (command !== undefined) await peer.say(command);
      ending.mockClear();
      await peer.hangUp();
      expect([peer.end?.wasUp, ending.mock.calls.length, vi.getTimerCount()]).toEqual([false, 1, 0]);
    }
    step.resolve({ properties: new Uint8Array(0) });
    await turn();
    expect(ending).toHaveBeenCalledTimes(1);
  });

  it('that the other end does not end in time is tried again by the dialling end: it may be busy', async () => {
    const pusher = new ZmtpPusher(endContext());
    const peer = new MemoryPeer(pusher, true);
    await vi.advanceTimersByTimeAsync(HANDSHAKE);
    expect(peer.end).toMatchObject({
      violation: undefined,
      reason: expect.stringContaining('within 10000 ms'),
    });
    await pusher.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['a kind of socket that does not fit', [readyOf('SUB')], /wrong kind of socket: SUB does not fit PULL/],
    ['a message', [frameOf(Buffer.from('early'))], /sent a message before it introduced itself/],
    ['another command', [Buffer.from('\x04\x05\x04PONG', 'latin1')], /first command was not READY/],
  ])('with %s is refused in an ERROR', async (_, said, reason) => {
    const peer = new MemoryPeer(new ZmtpPull(endContext()), false);
    await peer.say(GREETING, ...said);
    const [error] = peer.heard();
    expect(error).toMatchObject({ flags: COMMAND, text: expect.stringMatching(/^.ERROR/) });
    expect(error?.text).toMatch(reason);
    await peer.hangUp();
    expect(peer.end?.reason).toMatch(reason);
  });
});

describe('a peer', () => {
  it('gets a PONG for its PING, with the context that it gave, and no more than 16 bytes of it', async () => {
    const peer = await MemoryPeer.of(new ZmtpPull(endContext()), false, 'PUSH');
    await peer.command('PING', '\0\x01context');
    await peer.command('PING', `\0\x01${'c'.repeat(20)}`);
    expect(peer.heard()).toEqual([
      { flags: COMMAND, text: '\x04PONGcontext' },
      { flags: COMMAND, text: `\x04PONG${'c'.repeat(16)}` },
    ]);
  });

  it('that takes nothing gets no PONG once enough waits for it', async () => {
    const peer = await MemoryPeer.of(new ZmtpPull(endContext()), false, 'PUSH');
    peer.goDeaf();
    peer.socket.writableLength = GATHERED_BYTES;
    await peer.command('PING', '\0\x01');
    expect(peer.texts()).toEqual([]);
    peer.socket.writableLength = GATHERED_BYTES - 1;
    await peer.command('PING', '\0\x01');
    expect(peer.texts()).toEqual(['\x04PONG']);
  });

  it.each([
    ['READY', '', /introduced itself twice/],
    ['ERROR', '\x03bad', /ended the link: bad/],
    ['PING', '\0', /malformed PING/],
    ['SUBSCRIBE', 'a', /sent SUBSCRIBE to a PULL/],
    ['CANCEL', 'a', /sent CANCEL to a PULL/],
  ])('that sends %s after the handshake, where it may not, is refused', async (name, body, reason) => {
    const peer = await MemoryPeer.of(new ZmtpPull(endContext()), false, 'PUSH');
    await peer.command(name, body);
    expect(peer.end).toMatchObject({ wasUp: true, reason: expect.stringMatching(reason) });
  });

  it('may send commands that are not known here', async () => {
    const peer = await MemoryPeer.of(new ZmtpPull(endContext()), false, 'PUSH');
    await peer.command('LATER', 'on');
    expect(peer.link.isUp).toBe(true);
  });

  it('that is silent is asked, and then counts as gone', async () => {
    const peer = await MemoryPeer.of(new ZmtpPublish(endContext({ heartbeatInterval: 1_000 })), false, 'SUB');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(peer.texts().every((text) => text.startsWith('\x04PING'))).toBe(true);
    await vi.advanceTimersByTimeAsync(20_000);
    // The protocol makes subscribers wait, and this one announced nothing.
    expect(peer.end).toBeUndefined();
    await peer.hangUp();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the end of a link', () => {
  it('is told once to who listens, also to who comes too late, and not to who has left', async () => {
    const peer = await MemoryPeer.of(new ZmtpPull(endContext()), false, 'PUSH');
    const [listens, left, late] = [vi.fn(), vi.fn(), vi.fn()];
    peer.link.onGone(listens);
    peer.link.onGone(left)();
    await peer.hangUp();
    peer.link.onGone(late);
    await turn();
    expect([listens, left, late].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
  });
});

describe('an end that pauses a link', () => {
  it('is given nothing until it goes on, and then all', async () => {
    const pull = new ZmtpPull(endContext());
    const peer = await MemoryPeer.of(pull, false, 'PUSH');
    const queue = pull[Symbol.asyncIterator]();
    peer.link.pause();
    const reading = queue.next();
    await peer.say(frameOf(Buffer.from('a')), frameOf(Buffer.from('b')));
    await peer.say(frameOf(Buffer.from('c')));
    const early = await Promise.race([reading, turn()]);
    expect([early, peer.socket.isPaused]).toEqual([undefined, true]);
    peer.link.resume();
    expect((await reading).value?.map((frame) => Buffer.from(frame).toString())).toEqual(['a', 'b', 'c']);
    expect(peer.socket.isPaused).toBe(false);
  });
});
