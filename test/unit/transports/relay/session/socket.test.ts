/** A client's WebSocket in the relay, until it is authenticated and when it ends: limits, and what is left. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GREETING_BYTES, TIMED_PIECE_BYTES } from '../../../../../src/flow-control.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { Heartbeats } from '../../../../../transports/relay/session/heartbeats.ts';
import { countIntake, partsOf } from '../../../../../transports/relay/session/message-parts.ts';
import { ServerSocket, type SocketContext } from '../../../../../transports/relay/session/socket.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';
import {
  type ClientFrame,
  FEATURES,
  loneMessage,
  readRelayMessage,
  SUBPROTOCOL,
  Type,
} from '../../../../../transports/relay-protocol/frames.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const GREETING_TIMEOUT = 5_000;

/** The library's WebSocket, as far as the relay uses it. */
class FakeWebSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  bufferedAmount = 0;
  binaryType = '';
  readonly protocol: string;
  readonly closes: [code: number, reason: string][] = [];
  terminated = 0;
  isPaused = false;

  constructor(protocol: string) {
    super();
    this.protocol = protocol;
  }

  send(): void {}

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number, reason: string): void {
    this.closes.push([code, reason]);
  }

  terminate(): void {
    this.terminated++;
    this.end(1006);
  }

  end(code: number): void {
    this.readyState = 3;
    this.emit('close', code, Buffer.from(''));
  }
}

function ground(protocol: string = SUBPROTOCOL) {
  const webSocket = new FakeWebSocket(protocol);
  const budget = new Map<unknown, number>();
  const closed: number[] = [];
  const context = {
    limits: { greetingTimeout: GREETING_TIMEOUT },
    metrics: { message: () => {}, close: (code: number) => closed.push(code), session: () => {} },
    admission: { identify: vi.fn(async () => undefined) },
    sessions: {},
    budget: {
      set: (holder: unknown, bytes: number) =>
        bytes === 0 ? budget.delete(holder) : budget.set(holder, bytes),
    },
    logger: { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() },
    turns: { spend: vi.fn((time: number) => time < TURN), wait: vi.fn((readOn: () => void) => readOn) },
    sockets: new Set<ServerSocket>(),
    peers: undefined,
    isDraining: () => false,
  };
  const socket = new ServerSocket(
    webSocket as never,
    { address: '192.0.2.1', origin: undefined },
    context as unknown as SocketContext,
  );
  const receive = (...frames: readonly ClientFrame[]) =>
    webSocket.emit('message', Buffer.from(loneMessage(frames[0] as never)), true);
  return { webSocket, socket, context, budget, closed, receive };
}

/** Milliseconds that the test lets a socket read. */
const TURN = 2;

describe('a socket that sends large pieces', () => {
  /** Its stream, whose pieces take the library so many milliseconds each. */
  function reading(time: number) {
    const own = ground();
    // The clock does not begin with the piece.
    vi.advanceTimersByTime(1_000);
    const stream = new EventEmitter();
    stream.on('data', () => vi.advanceTimersByTime(time));
    countIntake(stream as unknown as Duplex, own.socket, 1_000_000);
    return { ...own, send: (length: number) => stream.emit('data', Buffer.alloc(length)) };
  }

  it('is not timed where they are small', () => {
    const { send, context, webSocket } = reading(50);
    send(TIMED_PIECE_BYTES - 1);
    expect(context.turns.spend).not.toHaveBeenCalled();
    expect(webSocket.isPaused).toBe(false);
  });

  it('reads on while there is time', () => {
    const { send, context, webSocket } = reading(TURN - 1);
    send(TIMED_PIECE_BYTES);
    expect(context.turns.spend).toHaveBeenCalledWith(TURN - 1);
    expect(webSocket.isPaused).toBe(false);
  });

  it('waits for its turn when there is none left, in one place of the line', () => {
    const { send, context, webSocket } = reading(TURN);
    send(TIMED_PIECE_BYTES);
    expect(webSocket.isPaused).toBe(true);
    // One that is on its way through the stream.
    send(TIMED_PIECE_BYTES);
    expect(context.turns.wait).toHaveBeenCalledOnce();
    context.turns.wait.mock.calls[0]?.[0]();
    expect(webSocket.isPaused).toBe(false);
    send(TIMED_PIECE_BYTES);
    expect(context.turns.wait).toHaveBeenCalledTimes(2);
  });

  it('is read to its end while it closes: the library does not resume it after a message that it refused', () => {
    const { send, context, webSocket } = reading(TURN);
    webSocket.readyState = 2;
    send(TIMED_PIECE_BYTES);
    expect(webSocket.isPaused).toBe(false);
    expect(context.turns.wait).not.toHaveBeenCalled();
  });
});

describe('a socket that has not greeted', () => {
  it('may send as many bytes as a greeting has, and no more, in however many chunks', () => {
    for (const chunk of [GREETING_BYTES, 1_024]) {
      const { socket, webSocket } = ground();
      for (let sent = 0; sent < GREETING_BYTES; sent += chunk)
        expect(socket.arrived(chunk, 10 * GREETING_BYTES)).toBe(true);
      expect(webSocket.closes).toEqual([]);
      // Nothing more is read of it.
      expect(socket.arrived(1, 10 * GREETING_BYTES)).toBe(false);
      expect(webSocket.closes).toMatchObject([[CloseCode.tooBig, expect.stringContaining('greeting')]]);
    }
  });

  it('counts what has arrived of its greeting, until it ends', () => {
    const { socket, webSocket, budget, context, closed } = ground();
    socket.arrived(GREETING_BYTES / 2, GREETING_BYTES);
    expect([...budget.values()]).toEqual([GREETING_BYTES / 2]);
    expect(context.sockets.size).toBe(1);
    webSocket.end(1006);
    expect([budget.size, context.sockets.size, closed, vi.getTimerCount()]).toEqual([0, 0, [1006], 0]);
  });

  it('is closed when no greeting comes in time, and cut when it does not answer that', async () => {
    const { webSocket, closed } = ground();
    await vi.advanceTimersByTimeAsync(GREETING_TIMEOUT - 1);
    expect(webSocket.closes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(webSocket.closes).toEqual([[CloseCode.silent, 'no greeting came']]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([webSocket.terminated, closed, vi.getTimerCount()]).toEqual([1, [CloseCode.silent], 0]);
  });

  it('is closed for another subprotocol', () => {
    expect(ground('other').webSocket.closes).toMatchObject([
      [CloseCode.unsupportedVersion, `this relay speaks ${SUBPROTOCOL}`],
    ]);
  });
});

describe('a greeting', () => {
  const hello = [Type.hello, 'token', null, 0] as const;

  it('stops the clock, and is refused when nobody knows the token', async () => {
    const { webSocket, receive } = ground();
    receive(hello);
    await vi.advanceTimersByTimeAsync(0);
    expect(webSocket.closes).toMatchObject([[CloseCode.unauthorized, expect.stringContaining('token')]]);
    // That of the greeting is over; the one left is for the answer to the closing.
    expect(vi.getTimerCount()).toBe(1);
    webSocket.end(1006);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('comes once', () => {
    const { webSocket, receive, context } = ground();
    context.admission.identify.mockReturnValue(new Promise(() => {}));
    receive(hello);
    expect(webSocket.closes).toEqual([]);
    receive(hello);
    expect(webSocket.closes).toMatchObject([[CloseCode.badFrame, expect.stringContaining('greeting')]]);
    expect(context.admission.identify).toHaveBeenCalledTimes(1);
  });

  it('comes first, and as a binary message', () => {
    const other = ground();
    other.receive([Type.ping]);
    expect(other.webSocket.closes).toMatchObject([[CloseCode.badFrame, expect.anything()]]);
    const text = ground();
    text.webSocket.emit('message', Buffer.from('hello'), false);
    expect(text.webSocket.closes).toEqual([
      [CloseCode.badFrame, 'a text message came, and frames are binary'],
    ]);
  });
});

/** One whose client is let in, with what its session hears. */
async function admitted(
  {
    identify = async () => identity,
    resumes = false,
    limits = {},
  }: { identify?: () => Promise<unknown>; resumes?: boolean; limits?: object } = {},
  greeting: readonly [token: string | null, secret: string | null, received: number] = ['token', null, 0],
  features = 0,
) {
  const own = ground();
  const session = {
    id: 'relay/1',
    secret: 'secret',
    identity,
    log: { received: 7, suspend: vi.fn(), tell: vi.fn() },
    take: vi.fn(),
    end: vi.fn(),
    resume: vi.fn(),
    arriving: vi.fn(),
    admitted: vi.fn(),
  };
  const sessions = {
    resume: vi.fn(() => (resumes ? session : undefined)),
    begin: vi.fn(() => session),
    connect: vi.fn(),
    disconnected: vi.fn(),
  };
  const metrics = { message: vi.fn(), close: vi.fn(), session: vi.fn() };
  Object.assign(own.context, { sessions, metrics, admission: { identify: vi.fn(identify) } });
  Object.assign(own.context.limits, {
    maxFrame: 1_000,
    window: 2_000,
    heartbeat: 3_000,
    resumeWindow: 4_000,
    maxHeld: 10_000,
    ...limits,
  });
  const sent = vi.spyOn(own.webSocket, 'send');
  const [token, secret, received] = greeting;
  own.webSocket.emit(
    'message',
    Buffer.from(loneMessage([Type.hello, token, secret, received], features)),
    true,
  );
  // As its stream says once the library has read it.
  own.socket.arrived(1, 1_000);
  await vi.advanceTimersByTimeAsync(0);
  return { ...own, session, sessions, metrics, sent };
}

const identity = { name: 'alice', keyPrefix: 'alice/' };

describe('a client that is let in', () => {
  it('is told its session and the limits, and what the relay understands', async () => {
    const { sent, session, sessions, metrics, socket, context, budget } = await admitted();
    const [[message] = []] = sent.mock.calls as unknown as [[Uint8Array<ArrayBuffer>]];
    expect(readRelayMessage(message as Uint8Array<ArrayBuffer>)).toEqual({
      sequence: 0,
      confirmed: FEATURES,
      frames: [[Type.welcome, 'secret', 'relay/1', false, 7, 1_000, 2_000, 3_000, 4_000, 'alice/']],
    });
    expect(context.admission.identify).toHaveBeenCalledExactlyOnceWith('token', socket.info);
    expect(sessions.resume).not.toHaveBeenCalled();
    expect(sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1');
    expect(sessions.connect).toHaveBeenCalledExactlyOnceWith(session, socket, identity);
    expect(session.admitted).toHaveBeenCalledExactlyOnceWith({ token: 'token', info: socket.info });
    expect(session.resume).toHaveBeenCalledExactlyOnceWith(socket, 0, false);
    expect(metrics.session.mock.calls).toEqual([['new']]);
    expect(metrics.message.mock.calls).toEqual([
      ['in', expect.any(Number)],
      ['out', message?.length],
    ]);
    // The clock of its greeting has stopped.
    expect([vi.getTimerCount(), budget.size]).toEqual([0, 0]);
  });

  it('goes on with its session, from what it has received, in pieces where it takes them', async () => {
    const { session, sessions, metrics, socket, sent } = await admitted(
      { resumes: true },
      [null, 'secret', 5],
      1,
    );
    expect(sessions.resume).toHaveBeenCalledExactlyOnceWith('secret', identity);
    expect(sessions.begin).not.toHaveBeenCalled();
    expect(session.admitted).toHaveBeenCalledExactlyOnceWith({ token: undefined, info: socket.info });
    expect(session.resume).toHaveBeenCalledExactlyOnceWith(socket, 5, true);
    expect(metrics.session.mock.calls).toEqual([['resumed']]);
    const [[message] = []] = sent.mock.calls as unknown as [[Uint8Array<ArrayBuffer>]];
    expect(readRelayMessage(message as Uint8Array<ArrayBuffer>).frames[0]?.[3]).toBe(true);
  });

  it('begins another one where the relay has forgotten it, and has received nothing of that', async () => {
    const { session, metrics, socket } = await admitted({}, ['token', 'old', 5]);
    expect(metrics.session.mock.calls).toEqual([['forgotten']]);
    expect(session.resume).toHaveBeenCalledExactlyOnceWith(socket, 0, false);
  });

  it('is told to show a token, or that its own is wrong', async () => {
    for (const [token, reason] of [
      [null, 'a token is needed'],
      ['bad', 'the token is wrong or has expired'],
    ] as const) {
      const { webSocket, sessions } = await admitted({ identify: async () => undefined }, [token, null, 0]);
      expect(webSocket.closes).toEqual([[CloseCode.unauthorized, reason]]);
      expect(sessions.begin).not.toHaveBeenCalled();
    }
  });

  it('is not let in when it has gone meanwhile', async () => {
    let letIn = (_: unknown) => {};
    const { webSocket, sessions } = await admitted({
      identify: () =>
        new Promise((resolve) => {
          letIn = resolve;
        }),
    });
    webSocket.end(1006);
    letIn(identity);
    await vi.advanceTimersByTimeAsync(0);
    expect([sessions.begin.mock.calls, sessions.connect.mock.calls, vi.getTimerCount()]).toEqual([[], [], 0]);
  });

  it('is told no more than that the relay failed, where it did, and the log says why', async () => {
    const { webSocket, context } = await admitted({ identify: () => Promise.reject(new Error('a secret')) });
    expect(webSocket.closes).toEqual([[CloseCode.relayFailed, 'the relay failed']]);
    expect(context.logger.error.mock.calls).toEqual([['the relay failed', { reason: 'a secret' }]]);
  });

  it('has its messages taken, and is closed for good for one that it must not send', async () => {
    const { webSocket, session, receive, context } = await admitted();
    receive([Type.ping]);
    expect(session.take).toHaveBeenCalledExactlyOnceWith(
      { sequence: 0, confirmed: 0, frames: [[Type.ping]] },
      expect.any(Number),
    );
    session.take.mockImplementation(() => {
      throw new PalmError('PROTOCOL', 'not now');
    });
    receive([Type.ping]);
    expect(webSocket.closes).toEqual([[CloseCode.badFrame, 'not now']]);
    expect(session.log.suspend).toHaveBeenCalledOnce();
    expect(session.end).toHaveBeenCalledExactlyOnceWith(CloseCode.badFrame, 'not now');
    // That is the client's fault, and nothing is taken of it any more.
    expect(context.logger.error).not.toHaveBeenCalled();
    receive([Type.ping]);
    expect(session.take).toHaveBeenCalledTimes(2);
  });

  it('has what arrives of a message counted with its session, in steps of 16 KiB, until it is whole', async () => {
    const { socket, session, webSocket, receive } = await admitted();
    const counted = () => session.arriving.mock.calls.map(([bytes]) => bytes);
    socket.arrived(16_383, 100_000);
    expect(counted()).toEqual([]);
    socket.arrived(1, 100_000);
    socket.arrived(16_383, 100_000);
    expect(counted()).toEqual([16_384]);
    socket.arrived(1, 100_000);
    expect(counted()).toEqual([16_384, 32_768]);
    receive([Type.ping]);
    socket.arrived(10, 100_000);
    expect(counted()).toEqual([16_384, 32_768, 0]);
    expect(socket.arrived(100_000, 100_000)).toBe(true);
    expect(webSocket.closes).toEqual([]);
    expect(socket.arrived(1, 100_000)).toBe(false);
    expect(webSocket.closes).toEqual([
      [CloseCode.tooBig, 'a message takes more than 100000 bytes of the connection'],
    ]);
  });

  it('is cut off for good when it confirms what it cannot have, beyond twice maxHeld', async () => {
    const { socket, webSocket, session, sent } = await admitted();
    webSocket.bufferedAmount = 20_000;
    expect(socket.unsent).toBe(20_000);
    socket.send(new Uint8Array(1));
    expect(webSocket.closes).toEqual([]);
    webSocket.bufferedAmount = 20_001;
    socket.send(new Uint8Array(1));
    const end = [CloseCode.slowConsumer, 'the client confirms messages that it has not received'] as const;
    expect(webSocket.closes).toEqual([end]);
    expect(session.end).toHaveBeenCalledExactlyOnceWith(...end);
    webSocket.readyState = 2;
    const before = sent.mock.calls.length;
    socket.send(new Uint8Array(1));
    expect(sent).toHaveBeenCalledTimes(before);
  });
});

describe('heartbeats', () => {
  it('are pings, which any byte answers, and a client that is silent for two is cut', async () => {
    const { socket, session, webSocket, metrics } = await admitted();
    socket.beat();
    expect(session.log.tell.mock.calls).toEqual([[[Type.ping]]]);
    socket.arrived(1, 1_000);
    socket.beat();
    expect([session.log.tell.mock.calls.length, webSocket.terminated]).toEqual([2, 0]);
    socket.beat();
    expect([session.log.tell.mock.calls.length, webSocket.terminated]).toEqual([2, 1]);
    expect(metrics.close.mock.calls).toEqual([[CloseCode.silent]]);
  });

  it('are answered by a message as well', async () => {
    const { socket, webSocket, receive } = await admitted();
    for (let i = 0; i < 3; i++) {
      socket.beat();
      receive([Type.pong]);
    }
    expect(webSocket.terminated).toBe(0);
  });

  it('are not sent before the greeting, nor while the socket closes', async () => {
    const early = ground();
    early.socket.beat();
    early.socket.beat();
    expect(early.webSocket.terminated).toBe(0);
    const { socket, session, webSocket } = await admitted();
    socket.close(CloseCode.goingAway, 'bye');
    for (let i = 0; i < 3; i++) socket.beat();
    expect([session.log.tell.mock.calls, webSocket.terminated]).toEqual([[], 0]);
  });

  it('come once in each heartbeat to each socket, spread over it, also while others come and go', async () => {
    const sockets = Array.from({ length: 32 }, () => ({ beat: vi.fn() }));
    const beats = new Heartbeats(1_600, () => sockets as unknown as ServerSocket[]);
    const counts = () => sockets.map(({ beat }) => beat.mock.calls.length);
    vi.advanceTimersByTime(99);
    expect(counts().every((count) => count === 0)).toBe(true);
    for (let slice = 1; slice <= 16; slice++) {
      const before = counts().reduce((sum, count) => sum + count, 0);
      vi.advanceTimersByTime(100);
      expect(counts().reduce((sum, count) => sum + count, 0) - before).toBe(2);
    }
    expect(counts()).toEqual(sockets.map(() => 1));
    const [first] = sockets.splice(0, 1);
    vi.advanceTimersByTime(1_600);
    expect(counts()).toEqual(sockets.map(() => 2));
    expect(first?.beat).toHaveBeenCalledTimes(1);
    beats.stop();
    vi.advanceTimersByTime(10_000);
    expect(counts()).toEqual(sockets.map(() => 2));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('have a timer of a millisecond at least', () => {
    const socket = { beat: vi.fn() };
    const beats = new Heartbeats(1, () => [socket as unknown as ServerSocket]);
    vi.advanceTimersByTime(16);
    expect(socket.beat).toHaveBeenCalledTimes(1);
    beats.stop();
  });
});

describe('the end of a socket', () => {
  it.each([
    [1000, false],
    [1001, false],
    [1005, true],
    [1006, true],
    [4408, true],
  ])('by the client with %i lets it come back: %s', async (code, mayReturn) => {
    const { webSocket, sessions, session, socket, context, metrics } = await admitted();
    webSocket.end(code);
    expect(sessions.disconnected).toHaveBeenCalledExactlyOnceWith(session, socket, mayReturn);
    expect(metrics.close.mock.calls).toEqual([[code]]);
    expect(context.sockets.size).toBe(0);
    expect(context.logger.info.mock.calls).toEqual([
      ['connection ended', { address: '192.0.2.1', client: 'relay/1', identity: 'alice', code, reason: '' }],
    ]);
  });

  it('is waited for by all who close it, and is that of the first', async () => {
    const { socket, webSocket, closed } = ground();
    const ended: string[] = [];
    socket.close(CloseCode.goingAway, 'first').then(() => ended.push('first'));
    socket.close(CloseCode.tooBig, 'second').then(() => ended.push('second'));
    await vi.advanceTimersByTimeAsync(0);
    expect([webSocket.closes, ended]).toEqual([[[CloseCode.goingAway, 'first']], []]);
    webSocket.end(1005);
    await vi.advanceTimersByTimeAsync(0);
    expect([ended, closed]).toEqual([['first', 'second'], [CloseCode.goingAway]]);
    await socket.close(CloseCode.normal, 'late');
    expect(webSocket.closes).toHaveLength(1);
  });

  it('comes when too much is kept for all clients, of whom it is one by its network', () => {
    const { socket, webSocket } = ground();
    expect(socket.group).toBe('192.0.2.1');
    socket.overBudget('too much');
    expect(webSocket.closes).toEqual([[CloseCode.slowConsumer, 'too much']]);
  });

  it('leaves a listener for errors that come then', () => {
    const { webSocket } = ground();
    expect(() => webSocket.emit('error', new Error('reset'))).not.toThrow();
    expect(webSocket.binaryType).toBe('nodebuffer');
  });
});

describe('what the library keeps of a message', () => {
  it('is bounded in parts', () => {
    expect(partsOf(1_048_576)).toEqual({ maxFragments: 1_024, maxBufferedChunks: 4_096 });
    expect(partsOf(1)).toEqual({ maxFragments: 1, maxBufferedChunks: 1 });
  });

  it('is bounded in bytes, of which nothing more is read then', async () => {
    const { socket, webSocket } = await admitted();
    const stream = Object.assign(new EventEmitter(), { pause: vi.fn() });
    countIntake(stream as unknown as Duplex, socket, 1_048_576);
    const most = 1_048_576 + 1_024 * 14 + 131_072;
    stream.emit('data', Buffer.alloc(most));
    expect(webSocket.closes).toEqual([]);
    stream.emit('data', Buffer.alloc(1));
    expect(webSocket.closes).toMatchObject([
      [CloseCode.tooBig, `a message takes more than ${most} bytes of the connection`],
    ]);
    expect([stream.pause.mock.calls.length, stream.listenerCount('data')]).toEqual([1, 0]);
  });
});
