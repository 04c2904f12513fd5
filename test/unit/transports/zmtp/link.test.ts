/** One link, whose peer does what a test says: its handshake, its commands, its end, and what is left then. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import type { ReadTurns } from '../../../../src/async/read-turns.ts';
import { GATHERED_BYTES, UNTIMED_BYTES, UNTIMED_FRAMES } from '../../../../src/flow-control.ts';
import { ZmtpPublish } from '../../../../transports/zmtp/bound-publish.ts';
import { ZmtpPull } from '../../../../transports/zmtp/bound-pull.ts';
import { CONTROL_SIZE, commandOf, pingCommand } from '../../../../transports/zmtp/commands.ts';
import { COMMAND, MORE } from '../../../../transports/zmtp/frame-reader.ts';
import { greetingOf } from '../../../../transports/zmtp/greeting.ts';
import type { Link, LinkRole } from '../../../../transports/zmtp/link.ts';
import type { HandshakeStep, Mechanism, SealedFrames } from '../../../../transports/zmtp/mechanism.ts';
import type { ZmtpOptions } from '../../../../transports/zmtp/options.ts';
import { ownMark } from '../../../../transports/zmtp/process-mark.ts';
import { ZmtpPusher } from '../../../../transports/zmtp/pusher.ts';
import { Violation } from '../../../../transports/zmtp/violation.ts';
import { bytes } from '../../../support/bytes.ts';
import { commandFrame } from '../../../support/curve.ts';
import { frameOf, GREETING, messageOf, readyOf } from '../../../support/zmtp.ts';
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
    const turned = turn();
    const early = await Promise.race([reading, turned]);
    // It would go on in the next test, whose clock it moves.
    await turned;
    expect([early, peer.socket.isPaused]).toEqual([undefined, true]);
    peer.link.resume();
    expect((await reading).value?.map((frame) => Buffer.from(frame).toString())).toEqual(['a', 'b', 'c']);
    expect(peer.socket.isPaused).toBe(false);
  });
});

interface Played {
  readonly options?: ZmtpOptions;
  readonly own?: Partial<LinkRole>;
  readonly isDialler?: boolean;
}

/** The end of a link that notes what it is told. */
function roleOf({ options = {}, own = {} }: Played = {}) {
  const told: string[] = [];
  const frames: string[] = [];
  const role: LinkRole = {
    ...endContext(options),
    socketType: 'ROUTER',
    takesControlOnly: false,
    isHeldUp: false,
    up: () => told.push('up'),
    down: (_, { reason }) => told.push(`down: ${reason}`),
    frame: (_, flags, whole, start, end) =>
      frames.push(`${(flags & MORE) === 0 ? '' : 'more '}${Buffer.from(whole.subarray(start, end))}`),
    pieceEnds: () => told.push('piece'),
    writable: () => told.push('room'),
    ...own,
  };
  return { role, told: () => told.splice(0), frames: () => frames.splice(0) };
}

/** A link of such an end whose handshake is done. */
async function playedLink(played: Played = {}) {
  const end = roleOf(played);
  const peer = await MemoryPeer.of(end.role, played.isDialler ?? false, 'DEALER');
  end.told();
  return { ...end, peer, link: peer.link, socket: peer.socket };
}

const text = (own: string) => frameOf(Buffer.from(own));

describe('the socket of a link', () => {
  it('sends small frames at once, and is watched by the system as often as by heartbeats, once a second at most', async () => {
    for (const [heartbeatInterval, delay] of [
      [0, 1_000],
      [5_000, 5_000],
    ] as const) {
      const { socket } = await playedLink({ options: { heartbeatInterval } });
      expect([socket.noDelay, socket.keepAlive]).toEqual([true, [true, delay]]);
      socket.destroy();
    }
  });

  it('that fails gives the reason for the end, the first one', async () => {
    const { socket, told } = await playedLink();
    socket.emit('error', new Error('read ECONNRESET'));
    socket.emit('error', new Error('later'));
    socket.destroy();
    await turn();
    expect(told()).toEqual(['down: read ECONNRESET']);
  });

  it('that just ends gives a reason, too', async () => {
    const { peer, told } = await playedLink();
    await peer.hangUp();
    expect(told()).toEqual(['down: it hung up']);
  });
});

describe('a link', () => {
  it('is greeted back once its peer has signed', async () => {
    const peer = new MemoryPeer(roleOf().role, false);
    await peer.say(GREETING.subarray(0, 10));
    expect(Buffer.concat(peer.socket.written)).toEqual(Buffer.from(greetingOf('NULL')));
  });

  it('is up until its peer has hung up, or it is over', async () => {
    const { peer, link, socket } = await playedLink();
    expect(link.isUp).toBe(true);
    socket.readableEnded = true;
    expect(link.isUp).toBe(false);
    socket.readableEnded = false;
    socket.destroyed = true;
    expect(link.isUp).toBe(false);
    socket.destroyed = false;
    await peer.hangUp();
    socket.destroyed = false;
    expect(link.isUp).toBe(false);
    expect(new MemoryPeer(roleOf().role, false).link.isUp).toBe(false);
  });

  it('knows whether its peer takes subscriptions as commands, and how old it is', async () => {
    for (const minor of [0, 1]) {
      const peer = await MemoryPeer.of(roleOf().role, false, 'DEALER', minor);
      expect(peer.link.takesCommands).toBe(minor === 1);
    }
    await vi.advanceTimersByTimeAsync(5_000);
    const { link } = await playedLink();
    const before = link.age;
    expect(before).toBeLessThan(100);
    await vi.advanceTimersByTimeAsync(100);
    expect(link.age - before).toBe(100);
  });

  it.runIf(process.platform === 'linux')(
    'knows that the process of its peer has ended, if that said which it is',
    async () => {
      const [machine, pid, started] = (ownMark() ?? '').split('.');
      for (const [mark, isDead] of [
        [`${machine}.${pid}.${started}`, false],
        [`${machine}.${pid}.${Number(started) + 1}`, true],
        ['', false],
      ] as const) {
        const peer = new MemoryPeer(roleOf().role, false);
        const property = (name: string, value: string) =>
          Buffer.concat([
            Buffer.from([name.length]),
            Buffer.from(name),
            Buffer.from([0, 0, 0, value.length]),
            Buffer.from(value),
          ]);
        const ready = commandOf('READY', property('Socket-Type', 'DEALER'), property('X-Process', mark));
        await peer.say(GREETING, commandFrame(ready));
        expect([mark, peer.link.isUp, peer.link.isPeerDead]).toEqual([mark, true, isDead]);
      }
      expect(new MemoryPeer(roleOf().role, false).link.isPeerDead).toBe(false);
    },
  );

  it('gives its end the frames of one piece and then the end of the piece, and a fault of that end to the socket', async () => {
    const { peer, frames, told } = await playedLink();
    await peer.say(messageOf(bytes('a'), bytes('b')), text('c'));
    expect([frames(), told()]).toEqual([['more a', 'b', 'c'], ['piece']]);
    const fault = new Error('a fault of this end');
    const broken = await playedLink({
      own: {
        frame: () => {
          throw fault;
        },
      },
    });
    expect(() => broken.socket.emit('data', text('a'))).toThrow(fault);
  });

  it('takes a subscription and its end', async () => {
    const taken: unknown[] = [];
    const subscription: LinkRole['subscription'] = (_, topic, isOn) =>
      taken.push([Buffer.from(topic).toString(), isOn]);
    const { peer } = await playedLink({ own: { subscription } });
    await peer.command('SUBSCRIBE', 'a');
    await peer.command('CANCEL', 'b');
    expect(taken).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('of an end that takes no messages has frames of 1,152 bytes at most, or fewer', async () => {
    for (const [maxMessageSize, most] of [
      [-1, CONTROL_SIZE],
      [CONTROL_SIZE + 1, CONTROL_SIZE],
      [CONTROL_SIZE, CONTROL_SIZE],
      [10, 10],
    ] as const) {
      const { peer, frames } = await playedLink({
        options: { maxMessageSize },
        own: { takesControlOnly: true },
      });
      await peer.say(text('x'.repeat(most)));
      expect(frames()).toHaveLength(1);
      await peer.say(text('x'.repeat(most + 1)));
      expect(peer.end?.violation?.code).toBe('TOO_LARGE');
    }
    const { peer, frames } = await playedLink({ options: { maxMessageSize: -1 } });
    await peer.say(text('x'.repeat(5_000)));
    expect(frames()).toHaveLength(1);
  });
});

describe('what a link sends', () => {
  it('leaves together at the end of what runs now, in order, with the frames of a message marked', async () => {
    const { peer, link, socket } = await playedLink();
    link.send(bytes('a'), true);
    link.send(bytes('b'), false);
    link.sendCommand(commandOf('C'));
    expect(socket.written).toEqual([]);
    await turn();
    expect(socket.written).toHaveLength(1);
    expect(peer.heard()).toEqual([
      { flags: MORE, text: 'a' },
      { flags: 0, text: 'b' },
      { flags: COMMAND, text: '\x01C' },
    ]);
    link.send(bytes('d'), false);
    await turn();
    expect(peer.texts()).toEqual(['d']);
  });

  it('has room up to 64 KiB in one turn, then its end is told once there is room again', async () => {
    const { link, told } = await playedLink();
    // With a head of 9 bytes.
    link.send(new Uint8Array(GATHERED_BYTES - 10), false);
    expect(link.hasRoom).toBe(true);
    await turn();
    expect(told()).toEqual([]);
    link.send(new Uint8Array(GATHERED_BYTES - 9), false);
    expect(link.hasRoom).toBe(false);
    await turn();
    expect([link.hasRoom, told()]).toEqual([true, ['room']]);
  });

  it('has no room before the handshake, nor when it is over', async () => {
    const peer = new MemoryPeer(roleOf().role, false);
    expect(peer.link.hasRoom).toBe(false);
    const { link, peer: other } = await playedLink();
    await other.hangUp();
    expect(link.hasRoom).toBe(false);
  });

  it('waits while the system takes nothing, and leaves when it does, of which its end is told in the next turn', async () => {
    const { peer, link, told } = await playedLink();
    peer.goDeaf();
    link.send(new Uint8Array(20_000), false);
    await turn();
    peer.heard();
    expect([link.hasRoom, link.waiting, told()]).toEqual([false, 20_009, []]);
    link.send(bytes('next'), false);
    await turn();
    expect([peer.texts(), link.waiting]).toEqual([[], 20_009 + 6]);
    const hearing = peer.hearAgain();
    expect(told()).toEqual([]);
    await hearing;
    expect([peer.texts(), told(), link.hasRoom]).toEqual([['next'], ['room'], true]);
    // Nothing waited.
    peer.socket.emit('drain');
    await turn();
    expect(peer.socket.written).toEqual([]);
  });

  it('goes nowhere once the link is over', async () => {
    const { peer, link, socket } = await playedLink();
    link.send(bytes('a'), false);
    link.refuse(new Violation('no'));
    await turn();
    link.send(bytes('b'), false);
    await turn();
    expect([socket.written, peer.end?.reason]).toEqual([[], 'no']);
  });
});

describe('a link that is refused', () => {
  it('tells why in a handshake, in up to 255 characters that can be printed, and takes nothing more', async () => {
    const { role } = roleOf();
    const peer = new MemoryPeer(role, false);
    await peer.say(GREETING);
    peer.socket.keepsEnd = true;
    peer.link.refuse(new Violation(`é\n${'x'.repeat(300)}`));
    peer.link.refuse(new Violation('another'));
    await turn();
    expect(peer.texts()).toEqual([`\x05ERROR\xff??${'x'.repeat(253)}`]);
    expect([peer.socket.isEnded, peer.socket.destroyed]).toEqual([true, false]);
    await peer.say(readyOf('DEALER'));
    expect([peer.link.isUp, peer.texts()]).toEqual([false, []]);
    await peer.hangUp();
    expect(peer.end?.reason).toMatch(/^é/);
  });

  it('hangs up when that has left', async () => {
    const peer = new MemoryPeer(roleOf().role, false);
    await peer.say(GREETING);
    peer.link.refuse(new Violation('no'));
    expect(peer.socket.destroyed).toBe(true);
  });

  it('tells nothing before its peer has greeted, nor after the handshake', async () => {
    const stranger = new MemoryPeer(roleOf().role, false);
    await stranger.say(bytes('GET / HTTP/1.1\r\n\r\n'));
    expect([stranger.socket.written, stranger.socket.destroyed]).toEqual([[], true]);
    const { peer, link } = await playedLink();
    link.refuse(new Violation('no'));
    await turn();
    expect([peer.texts(), peer.socket.destroyed]).toEqual([[], true]);
    await peer.say(text('late'));
  });

  it('because of another mechanism tells that by its greeting alone', async () => {
    const peer = new MemoryPeer(roleOf().role, false);
    await peer.say(greetingOf('CURVE').subarray(0, 40));
    expect(Buffer.concat(peer.socket.written)).toEqual(Buffer.from(greetingOf('NULL')));
    expect(peer.socket.destroyed).toBe(true);
  });

  it('passes on nothing of the piece that broke the protocol, behind that', async () => {
    const { peer, frames, socket, told } = await playedLink();
    const wrong = Buffer.from([0x80, 0]);
    socket.emit('data', Buffer.concat([text('a'), wrong, text('b')]));
    socket.emit('data', text('c'));
    await turn();
    expect([frames(), peer.end?.violation?.code]).toEqual([['a'], 'PROTOCOL']);
    expect(told()).toEqual(['piece', expect.stringMatching(/^down/)]);
  });
});

describe('a link that is closed', () => {
  it('writes what it had to send, and waits until the system has sent that and the peer has hung up', async () => {
    const { peer, link, socket, told } = await playedLink();
    socket.keepsEnd = true;
    link.pause();
    link.send(bytes('a'), false);
    let isClosed = false;
    const closing = link.close(1_000).then(() => {
      isClosed = true;
    });
    expect(peer.texts()).toEqual(['a']);
    // Its end is read, or the system would discard what it has not sent.
    expect([socket.isEnded, socket.isPaused, link.isUp]).toEqual([true, false, false]);
    link.send(bytes('late'), false);
    await vi.advanceTimersByTimeAsync(990);
    expect([isClosed, socket.destroyed, peer.texts()]).toEqual([false, false, []]);
    await peer.hangUp();
    await closing;
    expect([told(), vi.getTimerCount()]).toEqual([['down: it was closed'], 0]);
    await link.close(1_000);
  });

  it.each([
    ['200 ms for its peer to hang up once all was sent', 1_000, 200],
    ['no more than it has', 50, 50],
  ])('waits %s', async (_, timeout, most) => {
    const { link, socket } = await playedLink();
    const closing = link.close(timeout);
    await vi.advanceTimersByTimeAsync(most - 10);
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    await closing;
    expect([socket.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('waits for a system that sends nothing no longer than it has, and then 200 ms', async () => {
    const { link, socket } = await playedLink();
    socket.keepsEnd = true;
    const closing = link.close(1_000);
    await vi.advanceTimersByTimeAsync(1_000 + 190);
    expect(socket.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(20);
    await closing;
    expect(socket.destroyed).toBe(true);
  });

  it('hangs up at once without a time, and in a handshake', async () => {
    const { link, socket, peer } = await playedLink();
    link.send(bytes('a'), false);
    const closing = link.close(0);
    expect([socket.destroyed, socket.isEnded]).toEqual([true, false]);
    await turn();
    await closing;
    expect(peer.texts()).toEqual([]);
    const fresh = new MemoryPeer(roleOf().role, false);
    const other = fresh.link.close(1_000);
    expect([fresh.socket.destroyed, fresh.socket.isEnded]).toEqual([true, false]);
    await turn();
    await other;
    expect(fresh.end?.reason).toBe('it was closed');
  });
});

describe('a link that its end holds up', () => {
  it('reads on in a later turn, once, however often that is said', async () => {
    const { peer, link, frames, told } = await playedLink();
    link.resumeSoon();
    await turn();
    link.resume();
    expect(told()).toEqual([]);
    link.pause();
    await peer.say(text('a'));
    told();
    link.resumeSoon();
    link.resumeSoon();
    expect(frames()).toEqual([]);
    await turn();
    expect([frames(), told(), peer.socket.isPaused]).toEqual([['a'], ['piece'], false]);
    // And the next time again.
    link.pause();
    await peer.say(text('b'));
    link.resumeSoon();
    await turn();
    expect(frames()).toEqual(['b']);
  });

  it('stays so when its end holds it up again at the first frame', async () => {
    const own: Partial<LinkRole> = { frame: (link) => link.pause() };
    const { peer, link } = await playedLink({ own });
    link.pause();
    await peer.say(text('a'), text('b'));
    link.resume();
    expect(peer.socket.isPaused).toBe(true);
  });

  it('is not asked for signs of life: it is this end that does not read', async () => {
    const { peer, link } = await playedLink({ options: { heartbeatInterval: 1_000 } });
    link.pause();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(peer.end).toBeUndefined();
    link.resume();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(peer.end).toBeDefined();
  });

  it('that is over reads nothing more when it may read on', async () => {
    const { peer, link, frames } = await playedLink();
    link.pause();
    await peer.say(text('a'));
    await peer.hangUp();
    link.resume();
    expect(frames()).toEqual([]);
  });
});

describe('a link that pauses for a time', () => {
  it('reads on by itself after it, once', async () => {
    const { peer, link, frames, told } = await playedLink();
    link.pauseFor(50);
    link.pauseFor(500);
    expect([peer.socket.isPaused, vi.getTimerCount()]).toEqual([true, 1]);
    // What the socket had read before.
    await peer.say(text('a'));
    told();
    await vi.advanceTimersByTimeAsync(48);
    expect([frames(), told(), peer.socket.isPaused]).toEqual([[], [], true]);
    await vi.advanceTimersByTimeAsync(1);
    expect([frames(), told(), peer.socket.isPaused]).toEqual([['a'], ['piece'], false]);
    expect(vi.getTimerCount()).toBe(0);
    link.pauseFor(5);
    expect(peer.socket.isPaused).toBe(true);
    await vi.advanceTimersByTimeAsync(5);
    expect(peer.socket.isPaused).toBe(false);
  });

  it('waits for its end, too, where that holds it up, and its end waits for the time', async () => {
    const { peer, link } = await playedLink();
    link.pauseFor(5);
    link.pause();
    await vi.advanceTimersByTimeAsync(5);
    expect(peer.socket.isPaused).toBe(true);
    link.resume();
    expect(peer.socket.isPaused).toBe(false);
    link.pause();
    link.pauseFor(5);
    link.resume();
    expect(peer.socket.isPaused).toBe(true);
    await vi.advanceTimersByTimeAsync(5);
    expect(peer.socket.isPaused).toBe(false);
  });

  it('leaves no timer when it ends meanwhile', async () => {
    const { peer, link } = await playedLink();
    link.pauseFor(5);
    await peer.hangUp();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('reads on while it is closed: the end of its peer would not be noticed', async () => {
    const { peer, link } = await playedLink();
    const closing = link.close(1_000);
    link.pauseFor(5);
    expect(peer.socket.isPaused).toBe(false);
    await peer.hangUp();
    await closing;
  });

  it('that is closed meanwhile reads the end of its peer, and nothing after the time', async () => {
    const { peer, link, frames } = await playedLink();
    link.pauseFor(5);
    await peer.say(text('a'));
    const closing = link.close(1_000);
    expect(peer.socket.isPaused).toBe(false);
    await vi.advanceTimersByTimeAsync(5);
    expect(frames()).toEqual([]);
    await peer.hangUp();
    await closing;
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a link that has read for long', () => {
  const FLOOD = Array.from({ length: 4 * UNTIMED_FRAMES }, (_, i) => text(`${i}`));

  /** Links whose time is up at each look, and those that wait for their turn. */
  function turns() {
    const waiting: (() => void)[] = [];
    const spend = vi.fn((_time: number) => false);
    const own = { spend, wait: (readOn: () => void) => waiting.push(readOn) } as unknown as ReadTurns;
    const next = () => {
      for (const readOn of waiting.splice(0)) readOn();
    };
    return { own, spend, next, waiting };
  }

  it('waits for its turn at the second look, and reads on when it has it', async () => {
    const { own, next, waiting } = turns();
    const { peer, frames } = await playedLink({ own: { turns: own } });
    await peer.say(...FLOOD);
    expect([frames().length, waiting.length, peer.socket.isPaused]).toEqual([2 * UNTIMED_FRAMES, 1, true]);
    // What its peer sends meanwhile waits, too.
    await peer.say(text('later'));
    expect(frames()).toEqual([]);
    next();
    expect([frames().length, waiting.length]).toEqual([2 * UNTIMED_FRAMES, 1]);
    next();
    expect([frames(), peer.socket.isPaused]).toEqual([['later'], false]);
  });

  it('looks after each large frame, and says how long it has read since the last look', async () => {
    const { own, spend } = turns();
    const read: LinkRole['frame'] = () => void vi.advanceTimersByTime(3);
    const { peer } = await playedLink({ own: { turns: own, frame: read } });
    await peer.say(frameOf(new Uint8Array(UNTIMED_BYTES + 1)), frameOf(new Uint8Array(UNTIMED_BYTES)));
    expect(spend).not.toHaveBeenCalled();
    await peer.say(frameOf(new Uint8Array(UNTIMED_BYTES + 1)), frameOf(new Uint8Array(UNTIMED_BYTES + 1)));
    expect(spend.mock.calls).toEqual([[3]]);
  });

  it('reads on at once while there is time', async () => {
    const { own, spend, waiting } = turns();
    spend.mockReturnValue(true);
    const { peer, frames } = await playedLink({ own: { turns: own } });
    await peer.say(...FLOOD);
    expect([frames().length, waiting.length, spend.mock.calls.length]).toEqual([FLOOD.length, 0, 3]);
  });

  it('passes on all that came before its peer hung up', async () => {
    const { own, next } = turns();
    const { peer, frames, told } = await playedLink({ own: { turns: own } });
    await peer.say(...FLOOD, ...FLOOD);
    frames();
    told();
    await peer.hangUp();
    const rest = 2 * FLOOD.length - 2 * UNTIMED_FRAMES;
    expect([frames().length, told()]).toEqual([rest, ['piece', 'down: it hung up']]);
    next();
    expect(frames()).toEqual([]);
  });

  it('has two reasons to wait when its end holds it up as well: both must be over', async () => {
    const { own, next } = turns();
    const { peer, link, frames } = await playedLink({ own: { turns: own } });
    await peer.say(...FLOOD);
    frames();
    link.pause();
    next();
    expect([frames(), peer.socket.isPaused]).toEqual([[], true]);
    link.resume();
    expect(frames()).not.toEqual([]);
    // And the other way round.
    link.pause();
    link.resume();
    expect(peer.socket.isPaused).toBe(true);
  });
});

describe('the heartbeats of a link', () => {
  it('say for how long this end may be silent', async () => {
    const { peer } = await playedLink({ options: { heartbeatInterval: 1_000, busyTimeout: 3_000 } });
    await vi.advanceTimersByTimeAsync(1_000);
    const ping = Buffer.from(pingCommand(5_000)).toString('latin1');
    expect(peer.heard()).toContainEqual({ flags: COMMAND, text: ping });
  });

  it('are not sent behind 64 KiB that its peer has not taken', async () => {
    for (const waiting of [GATHERED_BYTES - 1, GATHERED_BYTES]) {
      const { peer } = await playedLink({ options: { heartbeatInterval: 1_000 } });
      peer.goDeaf();
      peer.socket.writableLength = waiting;
      await vi.advanceTimersByTimeAsync(1_000);
      expect(peer.texts().length > 0).toBe(waiting < GATHERED_BYTES);
    }
  });

  it('end a link whose peer gives none, with the time in the reason', async () => {
    const { peer, told } = await playedLink({ options: { heartbeatInterval: 1_000 } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(peer.end?.reason).toBe('it gave no sign of life for 2000 ms');
    expect([told(), vi.getTimerCount()]).toEqual([['down: it gave no sign of life for 2000 ms'], 0]);
  });

  it('end a link whose peer may be silent once its host acknowledges nothing', async () => {
    const isUnacknowledged = vi.fn(async () => true);
    const own = { isHeldUp: true, system: { isUnacknowledged } } as unknown as Partial<LinkRole>;
    const { peer, socket } = await playedLink({ options: { heartbeatInterval: 1_000 }, own });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(peer.end?.reason).toMatch(/^its host has acknowledged nothing for \d+ ms$/);
    expect(isUnacknowledged).toHaveBeenCalledWith(socket);
  });

  it('wait as long as the peer said that it may be silent', async () => {
    const { role } = roleOf({ options: { heartbeatInterval: 1_000 } });
    const peer = new MemoryPeer(role, false);
    const ready = Buffer.concat([
      Buffer.from('\x05READY\x0bSocket-Type\0\0\0\x06DEALER', 'latin1'),
      Buffer.from('\x0eX-Busy-Timeout\0\0\0\x049000', 'latin1'),
    ]);
    await peer.say(GREETING, commandFrame(ready));
    await vi.advanceTimersByTimeAsync(8_900);
    expect(peer.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(peer.end?.reason).toBe('it gave no sign of life for 9000 ms');
  });
});

describe('a link with a mechanism', () => {
  /** Bytes that a sealed frame has beside its own: what it is. */
  const OVERHEAD = 1;

  /** A mechanism whose boxes are their flags and their bytes. */
  function mechanism(): Mechanism {
    const frames: SealedFrames = {
      seal: (frame, isCommand, hasMore) => Uint8Array.of((isCommand ? 2 : 0) + (hasMore ? 1 : 0), ...frame),
      open: (box) => ({
        isCommand: ((box[0] ?? 0) & 2) !== 0,
        hasMore: ((box[0] ?? 0) & 1) !== 0,
        bytes: box,
        start: OVERHEAD,
        end: box.length,
      }),
    };
    return {
      greeting: greetingOf('CURVE'),
      overhead: OVERHEAD,
      handshake: (properties) => ({
        isUnproved: false,
        begin: () => undefined,
        take: () => ({ reply: commandOf('READY'), properties: readyOf('DEALER').subarray(8) }),
        frames: () => frames,
        end: () => void properties,
      }),
    };
  }

  async function sealedLink(options: ZmtpOptions = {}) {
    const end = roleOf({ options, own: { mechanism: mechanism() } });
    const peer = new MemoryPeer(end.role, false);
    await peer.say(greetingOf('CURVE'), commandFrame(commandOf('HELLO')));
    expect([peer.link.isUp, peer.texts()]).toEqual([true, ['\x05READY']]);
    const box = (flags: number, body: string | Uint8Array) =>
      peer.say(frameOf(Buffer.concat([Uint8Array.of(flags), Buffer.from(body)])));
    return { ...end, peer, link: peer.link, box };
  }

  it('seals what it sends and opens what it gets', async () => {
    const { peer, link, frames, box } = await sealedLink();
    link.send(bytes('a'), true);
    link.send(bytes('b'), false);
    link.sendCommand(commandOf('C'));
    await turn();
    expect(peer.heard()).toEqual([
      { flags: 0, text: '\x01a' },
      { flags: 0, text: '\0b' },
      { flags: 0, text: '\x02\x01C' },
    ]);
    await box(1, 'c');
    await box(0, 'd');
    expect(frames()).toEqual(['more c', 'd']);
    await box(2, '\x04PING\0\x01');
    expect([frames(), peer.texts()]).toEqual([[], ['\x02\x04PONG']]);
  });

  it('lends its end what it opens: that is overwritten by the next frame', async () => {
    const owned: boolean[] = [];
    const frame: LinkRole['frame'] = (_link, _flags, _bytes, _start, _end, isOwn) => owned.push(isOwn);
    const peer = new MemoryPeer(roleOf({ own: { mechanism: mechanism(), frame } }).role, false);
    await peer.say(greetingOf('CURVE'), commandFrame(commandOf('HELLO')));
    const sealed = text('\0body');
    await peer.say(sealed.subarray(0, 3));
    await peer.say(sealed.subarray(3), sealed);
    expect(owned).toEqual([false, false]);
  });

  it('takes no command of several parts, and none that is larger than 1,152 bytes', async () => {
    const several = await sealedLink();
    await several.box(3, '\x04PING\0\x01');
    expect(several.peer.end?.reason).toBe('it sent a command of several parts');
    const command = (size: number) => `\x05LATER${'x'.repeat(size - 6)}`;
    const { peer, box } = await sealedLink();
    await box(2, command(CONTROL_SIZE));
    expect(peer.end).toBeUndefined();
    await box(2, command(CONTROL_SIZE + 1));
    expect(peer.end?.violation).toMatchObject({
      code: 'TOO_LARGE',
      message: 'it sent a command of 1153 bytes',
    });
  });

  it('takes frames of its limit and what sealing adds; before that only as much as a command', async () => {
    const { peer, box, frames } = await sealedLink({ maxMessageSize: 5_000 });
    await box(0, new Uint8Array(5_000));
    expect(frames()).toHaveLength(1);
    await box(0, new Uint8Array(5_001));
    expect(peer.end?.violation?.code).toBe('TOO_LARGE');
    const any = await sealedLink({ maxMessageSize: -1 });
    await any.box(0, new Uint8Array(70_000));
    expect(any.frames()).toHaveLength(1);
    for (const isKnown of [false, true]) {
      const own = isKnown ? {} : { mechanism: mechanism() };
      const stranger = new MemoryPeer(roleOf({ own }).role, false);
      await stranger.say(isKnown ? GREETING : greetingOf('CURVE'), frameOf(new Uint8Array(CONTROL_SIZE + 1)));
      await stranger.hangUp();
      expect(stranger.end?.violation?.code).toBe(isKnown ? 'PROTOCOL' : 'TOO_LARGE');
    }
  });

  it('may be held up by its end from the beginning', async () => {
    const steps = deferred<HandshakeStep>();
    const slow: Mechanism = {
      ...mechanism(),
      handshake: (properties) => ({ ...mechanism().handshake(properties), take: () => steps.promise }),
    };
    const up = (link: Link) => link.pause();
    const { role, frames } = roleOf({ own: { mechanism: slow, up } });
    const peer = new MemoryPeer(role, false);
    await peer.say(greetingOf('CURVE'), commandFrame(commandOf('HELLO')), text('\0early'));
    expect(peer.socket.isPaused).toBe(true);
    steps.resolve({ properties: readyOf('DEALER').subarray(8) });
    await turn();
    expect([peer.link.isUp, peer.socket.isPaused, frames()]).toEqual([true, true, []]);
    peer.link.resume();
    expect([frames(), peer.socket.isPaused]).toEqual([['early'], false]);
  });

  it('reads on after a step that took its time', async () => {
    const steps = deferred<HandshakeStep>();
    const slow: Mechanism = {
      ...mechanism(),
      handshake: (properties) => ({ ...mechanism().handshake(properties), take: () => steps.promise }),
    };
    const waiting: (() => void)[] = [];
    const turns = { spend: () => false, wait: (readOn: () => void) => waiting.push(readOn) };
    const { role, frames, told } = roleOf({
      own: { mechanism: slow, turns: turns as unknown as ReadTurns },
    });
    const peer = new MemoryPeer(role, false);
    await peer.say(greetingOf('CURVE'), commandFrame(commandOf('HELLO')), text('\0early'));
    told();
    steps.resolve({ properties: readyOf('DEALER').subarray(8) });
    await turn();
    expect([frames(), told(), peer.socket.isPaused]).toEqual([['early'], ['up', 'piece'], false]);
    // Later it waits for its turn, and for nothing else.
    await peer.say(...Array.from({ length: 3 * UNTIMED_FRAMES }, () => text('\0later')));
    expect([frames().length, waiting.length]).toEqual([2 * UNTIMED_FRAMES, 1]);
    for (const readOn of waiting) readOn();
    expect(frames()).toHaveLength(UNTIMED_FRAMES);
  });
});
