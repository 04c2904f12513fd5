/** A client's WebSocket in the relay, until it is authenticated and when it ends: limits, and what is left. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GREETING_BYTES, TIMED_PIECE_BYTES } from '../../../../../src/flow-control.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import type { PassedClient } from '../../../../../transports/relay/peers/passage.ts';
import { countIntake } from '../../../../../transports/relay/session/message-parts.ts';
import {
  type Arrival,
  ServerSocket,
  type SocketContext,
} from '../../../../../transports/relay/session/socket.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';
import {
  ADOPTS,
  type ClientFrame,
  FEATURES,
  loneMessage,
  MessageWriter,
  PEER_SUBPROTOCOL,
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

function ground(protocol: string = SUBPROTOCOL, arrival?: Arrival) {
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
    peers: undefined as unknown,
    isDraining: () => false,
  };
  const socket = new ServerSocket(
    webSocket as never,
    { address: '192.0.2.1', origin: undefined },
    context as unknown as SocketContext,
    arrival,
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

  it('comes first, alone, and as a binary message', async () => {
    const first = 'the first frame must be a greeting, and nothing may follow before its answer';
    for (const frames of [[[Type.ping]], [], [hello, [Type.ping]]] as const) {
      const other = ground();
      const writer = new MessageWriter();
      for (const frame of frames) writer.add(frame);
      other.webSocket.emit('message', Buffer.from(writer.take()), true);
      await vi.advanceTimersByTimeAsync(0);
      expect([other.webSocket.closes, other.context.admission.identify.mock.calls]).toEqual([
        [[CloseCode.badFrame, first]],
        [],
      ]);
    }
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
  isAdoptable = false,
) {
  const own = ground();
  const session = {
    id: 'relay/1',
    secret: 'secret',
    identity,
    log: { received: 7, suspend: vi.fn() },
    beat: vi.fn(),
    take: vi.fn(),
    end: vi.fn(),
    resume: vi.fn(),
    arriving: vi.fn(),
    admitted: vi.fn(),
  };
  const sessions = {
    isAdoptable,
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
    expect(sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
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

  it('is told that another relay can go on with its session where one can, also when it comes back', async () => {
    for (const resumes of [true, false])
      for (const isAdoptable of [true, false]) {
        const { sent } = await admitted({ resumes }, ['token', 'secret', 0], 0, isAdoptable);
        const [[message] = []] = sent.mock.calls as unknown as [[Uint8Array<ArrayBuffer>]];
        const { confirmed } = readRelayMessage(message as Uint8Array<ArrayBuffer>);
        expect(confirmed).toBe(isAdoptable ? FEATURES + ADOPTS : FEATURES);
      }
    expect([FEATURES, ADOPTS], 'they are bits').toEqual([1, 2]);
  });

  it('has no session that goes on where there are no other relays', async () => {
    const { sessions, metrics } = await admitted({}, ['token', 'secret', 5], 0, true);
    expect(sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
    expect(metrics.session.mock.calls).toEqual([['forgotten']]);
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
    expect(socket.arrived(16_383, 100_000)).toBe(true);
    expect(counted()).toEqual([]);
    expect(socket.arrived(1, 100_000)).toBe(true);
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

  it('may end what it has begun to send while the socket closes, and send nothing large', async () => {
    const { socket } = await admitted();
    socket.close(CloseCode.goingAway, 'bye');
    expect([socket.arrived(16_384, 100_000), socket.arrived(1, 100_000)]).toEqual([true, false]);
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

/** What another relay says of a client. */
const FORWARDED = {
  address: '203.0.113.7',
  origin: 'https://page.example',
  host: 'relay.example',
  via: '192.0.2.9',
};

interface Beside {
  /** Whether another relay has dialled, and whether it has the key. */
  readonly entrance?: { readonly peer?: string; readonly isRight?: boolean };
  readonly protocol?: string;
  readonly client?: typeof FORWARDED;
  readonly refusal?: object;
  /** The owner of the session that the client shows. */
  readonly owner?: string | undefined;
  readonly hasUrl?: boolean;
  readonly identities?: readonly unknown[];
  readonly knows?: boolean;
  /** Whether the relays adopt each other's sessions, and the client whose session this one is, if it may go on here. */
  readonly isAdoptable?: boolean;
  readonly adopted?: string | undefined;
}

/** A socket of the relay `a`, which has others beside it. */
function besides({
  entrance,
  protocol = entrance === undefined ? SUBPROTOCOL : PEER_SUBPROTOCOL,
  client = FORWARDED,
  refusal,
  owner,
  hasUrl = true,
  identities = [identity, identity],
  knows = false,
  isAdoptable = false,
  adopted,
}: Beside = {}) {
  const state = { isProved: false, isOpen: false };
  const admit = vi.fn((_text: string) => {
    if (entrance?.isRight === false) throw new PalmError('FORBIDDEN', 'it does not have the key');
    state.isProved = true;
    return client;
  });
  const own =
    entrance === undefined
      ? undefined
      : {
          get isProved() {
            return state.isProved;
          },
          peer: entrance.peer ?? 'b',
          challenge: 'the challenge',
          admit,
        };
  const enterFor = vi.fn(() => refusal);
  const arrival = { entrance: own, host: 'relay.example:7766', via: '198.51.100.4', enterFor };
  const base = ground(protocol, arrival as unknown as Arrival);
  const sent = vi.spyOn(base.webSocket, 'send');
  const passage = {
    owner: 'b',
    get isOpen() {
      return state.isOpen;
    },
    forward: vi.fn(),
    close: vi.fn(),
  };
  const peers = {
    id: 'a',
    ownerOf: vi.fn((_secret: string) => owner),
    clientOf: vi.fn((_secret: string, _identity: string) => adopted),
    pass: vi.fn((_owner: string, _what: { readonly greeting: Buffer }, _client: PassedClient) =>
      hasUrl ? passage : undefined,
    ),
  };
  const session = {
    id: 'relay/1',
    secret: 'secret',
    identity,
    log: { received: 0, suspend: vi.fn() },
    beat: vi.fn(),
    take: vi.fn(),
    end: vi.fn(),
    resume: vi.fn(),
    arriving: vi.fn(),
    admitted: vi.fn(),
  };
  const sessions = {
    isAdoptable,
    resume: vi.fn(() => (knows ? session : undefined)),
    begin: vi.fn(() => session),
    connect: vi.fn(),
    disconnected: vi.fn(),
  };
  const metrics = { message: vi.fn(), close: vi.fn(), session: vi.fn(), passed: vi.fn(), peer: vi.fn() };
  const left = [...identities];
  const identify = vi.fn(async () => left.shift());
  Object.assign(base.context, { sessions, metrics, peers, admission: { identify } });
  Object.assign(base.context.limits, {
    maxFrame: 1_000,
    window: 2_000,
    heartbeat: 3_000,
    resumeWindow: 4_000,
    maxHeld: 10_000,
  });
  const greeting = (secret: string | null) => Buffer.from(loneMessage([Type.hello, 'token', secret, 3]));
  const greet = async (secret: string | null = 'b.name.proof') => {
    base.webSocket.emit('message', greeting(secret), true);
    await vi.advanceTimersByTimeAsync(0);
  };
  const prove = () => base.webSocket.emit('message', Buffer.from('its proof'), false);
  /** The owner goes on with the session. */
  /** The client as the passage to the owner knows it. */
  const passed = () => {
    const [, , client] = peers.pass.mock.calls[0] ?? [];
    if (client === undefined) throw new Error('nothing was passed on');
    return client;
  };
  const pass = () => {
    state.isOpen = true;
    passed().passed();
  };
  return {
    ...base,
    ...{ admit, enterFor, sent, passage, peers, session, sessions, metrics, identify },
    ...{ greeting, greet, prove, pass, passed },
  };
}

describe('a relay that dials', () => {
  it('is challenged first, and nobody else is', () => {
    // The socket speaks first, so what it sends is seen by a library that keeps it.
    const words = (protocol: string, entrance?: object) => {
      const sent: unknown[] = [];
      const send = vi.spyOn(FakeWebSocket.prototype, 'send').mockImplementation(((word: unknown) => {
        sent.push(word);
      }) as () => void);
      const { webSocket } = besides({ protocol, ...(entrance !== undefined && { entrance }) });
      send.mockRestore();
      return [sent, webSocket.closes];
    };
    const speaks = [CloseCode.unsupportedVersion, `this relay speaks ${SUBPROTOCOL}`];
    expect(words(PEER_SUBPROTOCOL, {})).toEqual([['the challenge'], []]);
    expect(words(PEER_SUBPROTOCOL)).toEqual([[], [speaks]]);
    expect(words(SUBPROTOCOL)).toEqual([[], []]);
    expect(words('other', {})).toEqual([[], [speaks]]);
    expect(words(SUBPROTOCOL, {})).toEqual([[], []]);
  });

  it('must prove itself before anything else that it says is read, whatever it speaks', async () => {
    for (const protocol of [PEER_SUBPROTOCOL, SUBPROTOCOL]) {
      const own = besides({ entrance: { isRight: false }, protocol });
      await own.greet();
      expect(own.admit).toHaveBeenCalledExactlyOnceWith('');
      expect([own.identify.mock.calls, own.sessions.resume.mock.calls]).toEqual([[], []]);
      expect(own.webSocket.closes).toEqual([[CloseCode.forbidden, 'it does not have the key']]);
    }
  });

  it.each([
    ['b', 'proof'],
    ['a', 'id'],
  ])('as %s and cannot prove it is counted as %s, and told of in the log', (peer, counted) => {
    const own = besides({ entrance: { peer, isRight: false } });
    own.prove();
    expect(own.admit).toHaveBeenCalledExactlyOnceWith('its proof');
    expect(own.metrics.peer.mock.calls).toEqual([[counted]]);
    expect(own.context.logger.warning.mock.calls).toEqual([
      [
        'a relay was refused',
        { address: '192.0.2.1', origin: undefined, peer, reason: 'it does not have the key' },
      ],
    ]);
    expect(own.enterFor).not.toHaveBeenCalled();
  });

  it.each([
    [{ code: CloseCode.tooMany, reason: 'too many' }, CloseCode.tooMany, 'room'],
    [{ code: CloseCode.goingAway, reason: 'too many' }, CloseCode.goingAway, 'origin'],
    [{ reason: 'the origin may not connect' }, CloseCode.forbidden, 'origin'],
  ])('for a client that may not connect is refused: %j', (refusal, code, counted) => {
    const own = besides({ entrance: {}, refusal });
    own.prove();
    expect(own.enterFor).toHaveBeenCalledExactlyOnceWith(FORWARDED);
    expect([own.webSocket.closes, own.metrics.peer.mock.calls]).toEqual([
      [[code, refusal.reason]],
      [[counted]],
    ]);
  });

  it.each([
    [FORWARDED, { address: '203.0.113.7', origin: 'https://page.example' }],
    [
      { ...FORWARDED, origin: '' },
      { address: '203.0.113.7', origin: undefined },
    ],
  ])('is from then on the client that it names', async (client, info) => {
    const own = besides({ entrance: {}, client, knows: true });
    own.socket.arrived(16_384, 100_000);
    expect(own.budget.size).toBe(1);
    own.prove();
    expect([own.budget.size, own.socket.info, own.webSocket.closes]).toEqual([0, info, []]);
    await own.greet('a.name.proof');
    expect(own.identify).toHaveBeenCalledExactlyOnceWith('token', info);
    expect(own.sessions.resume).toHaveBeenCalledExactlyOnceWith('a.name.proof', identity);
    expect(own.session.admitted).toHaveBeenCalledExactlyOnceWith({ token: 'token', info });
    expect(own.metrics.peer.mock.calls).toEqual([['taken']]);
  });

  it('with a token that is not valid here is counted, as a client with one is not', async () => {
    const own = besides({ entrance: {}, identities: [undefined] });
    own.prove();
    await own.greet();
    expect(own.metrics.peer.mock.calls).toEqual([['token']]);
    const client = besides({ identities: [undefined] });
    await client.greet();
    for (const { webSocket } of [own, client])
      expect(webSocket.closes).toEqual([[CloseCode.unauthorized, 'the token is wrong or has expired']]);
    expect(client.metrics.peer).not.toHaveBeenCalled();
  });

  it.each([
    ['a', 'a.name.proof', CloseCode.unknownSession, 'the session is forgotten', 'unknown'],
    ['b', 'b.name.proof', CloseCode.forbidden, 'the session is not one of this relay', 'loop'],
    [undefined, 'made up', CloseCode.forbidden, 'the session is not one of this relay', 'loop'],
    ['a', null, CloseCode.forbidden, 'the session is not one of this relay', 'loop'],
  ])(
    'for a session of %s that is not here, %s, gets none, nor is led on',
    async (owner, secret, code, reason, counted) => {
      const own = besides({ entrance: {}, owner });
      own.prove();
      await own.greet(secret);
      expect([own.webSocket.closes, own.metrics.peer.mock.calls]).toEqual([[[code, reason]], [[counted]]]);
      expect([own.sessions.begin.mock.calls, own.peers.pass.mock.calls]).toEqual([[], []]);
    },
  );
});

describe('a client whose session another relay owns', () => {
  it('is passed on to it as it came, and counts with its network and name meanwhile', async () => {
    const own = besides({ owner: 'b' });
    own.socket.arrived(16_384, 100_000);
    await own.greet();
    const client = {
      address: '192.0.2.1',
      origin: '',
      host: 'relay.example:7766',
      via: '198.51.100.4',
    };
    const greeting = own.greeting('b.name.proof');
    expect(own.peers.pass).toHaveBeenCalledExactlyOnceWith('b', { client, greeting }, own.passed());
    expect(own.peers.ownerOf).toHaveBeenCalledExactlyOnceWith('b.name.proof');
    expect([own.socket.isPassedOn, own.socket.group]).toEqual([true, '192.0.2.1 alice']);
    expect([...own.budget.values()]).toEqual([greeting.length]);
    expect(own.sessions.begin).not.toHaveBeenCalled();
    own.pass();
    await vi.advanceTimersByTimeAsync(0);
    expect([own.metrics.session.mock.calls, own.metrics.passed.mock.calls]).toEqual([
      [['passed']],
      [['passed']],
    ]);
    expect([own.sessions.begin.mock.calls, own.budget.size, vi.getTimerCount()]).toEqual([[], 0, 0]);
  });

  it('without a host and an origin is told so', async () => {
    const own = ground();
    const pass = vi.fn((_owner: string, _what: object) => undefined);
    const metrics = { message: vi.fn(), close: vi.fn(), session: vi.fn(), passed: vi.fn() };
    const sessions = { resume: () => undefined, begin: vi.fn(), connect: () => {} };
    Object.assign(own.context, {
      metrics,
      sessions,
      admission: { identify: async () => identity },
      peers: { id: 'a', ownerOf: () => 'b', pass },
    });
    expect(own.socket.isPassedOn).toBe(false);
    own.receive([Type.hello, 'token', 'b.name.proof', 0]);
    await vi.advanceTimersByTimeAsync(0);
    const client = { address: '192.0.2.1', origin: '', host: '', via: '' };
    expect(pass.mock.calls[0]?.[1]).toMatchObject({ client });
  });

  it('has its messages passed each way, and none is taken here', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.pass();
    own.webSocket.emit('message', Buffer.from('anything'), true);
    expect(own.passage.forward).toHaveBeenCalledExactlyOnceWith(Buffer.from('anything'));
    expect(own.session.take).not.toHaveBeenCalled();
    const told = vi.fn();
    own.metrics.message.mockClear();
    own.passed().pass(Buffer.from('answer'), told);
    expect(own.sent).toHaveBeenLastCalledWith(Buffer.from('answer'), told);
    expect(own.metrics.message.mock.calls).toEqual([['out', 6]]);
    own.webSocket.readyState = 2;
    own.sent.mockClear();
    own.passed().pass(Buffer.from('late'));
    expect(own.sent).not.toHaveBeenCalled();
  });

  it('says nothing more before the owner has answered', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    await own.greet();
    expect(own.passage.forward).not.toHaveBeenCalled();
    expect(own.webSocket.closes).toMatchObject([[CloseCode.badFrame, expect.stringContaining('greeting')]]);
  });

  it.each([
    ['a', true, undefined],
    [undefined, true, 'made_up'],
    ['b', false, 'unreachable'],
  ])('that is %s, with a URL for it: %s, begins a new one here: %s', async (owner, hasUrl, counted) => {
    const own = besides({ owner, hasUrl });
    await own.greet();
    expect(own.peers.pass).toHaveBeenCalledTimes(hasUrl ? 0 : 1);
    expect(own.metrics.passed.mock.calls).toEqual(counted === undefined ? [] : [[counted]]);
    expect(own.metrics.session.mock.calls).toEqual([['forgotten']]);
    expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
    expect(own.session.resume).toHaveBeenCalledExactlyOnceWith(own.socket, 0, false);
    expect(own.webSocket.closes).toEqual([]);
  });

  it.each(['unknown', 'refused', 'unreachable'] as const)(
    'gets a new one here when its owner is %s, after another look at the token',
    async (outcome) => {
      const own = besides({ owner: 'b' });
      await own.greet();
      own.passed().notPassed(outcome, 'a reason');
      await vi.advanceTimersByTimeAsync(0);
      expect(own.identify).toHaveBeenCalledTimes(2);
      expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
      expect([own.metrics.passed.mock.calls, own.budget.size]).toEqual([[[outcome]], 0]);
      expect(own.socket.isPassedOn).toBe(false);
      expect(own.context.logger.warning.mock.calls).toEqual(
        outcome === 'unknown'
          ? []
          : [['a session was not passed on', { owner: 'b', outcome, reason: 'a reason' }]],
      );
    },
  );

  it('gets none when its token was taken back meanwhile', async () => {
    const own = besides({ owner: 'b', identities: [identity, undefined] });
    await own.greet();
    own.passed().notPassed('unknown', '');
    await vi.advanceTimersByTimeAsync(0);
    expect(own.sessions.begin).not.toHaveBeenCalled();
    expect(own.webSocket.closes).toEqual([[CloseCode.unauthorized, 'the token is wrong or has expired']]);
  });

  it('tries again where its owner has no room', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.passed().notPassed('full', 'too many');
    await vi.advanceTimersByTimeAsync(0);
    expect(own.webSocket.closes).toEqual([[CloseCode.tooMany, 'too many']]);
    expect(own.sessions.begin).not.toHaveBeenCalled();
  });

  it('that goes meanwhile gets none, and its owner learns how it went', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.socket.close(CloseCode.silent, 'too slow');
    own.passed().notPassed('refused', 'a reason');
    await vi.advanceTimersByTimeAsync(0);
    expect([own.sessions.begin.mock.calls, own.context.logger.warning.mock.calls]).toEqual([[], []]);
    const gone = besides({ owner: 'b' });
    await gone.greet();
    gone.webSocket.end(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(gone.passage.close).toHaveBeenCalledExactlyOnceWith(1006, '');
    expect(gone.identify, 'nobody asks for its token once more').toHaveBeenCalledOnce();
    expect([gone.sessions.begin.mock.calls, vi.getTimerCount()]).toEqual([[], 1]);
  });

  it('ends with its owner’s end, and comes back at once where the link broke', async () => {
    for (const code of [1000, 1001, 1003, 1007, 1012, 4400, 4413]) {
      const own = besides({ owner: 'b' });
      await own.greet();
      own.pass();
      own.passed().ownerEnded(code, 'its reason');
      expect([own.webSocket.closes, own.metrics.passed.mock.calls]).toEqual([
        [[code, 'its reason']],
        [['passed']],
      ]);
    }
    for (const code of [0, 999, 1004, 1005, 1006, 1015]) {
      const own = besides({ owner: 'b' });
      await own.greet();
      own.pass();
      own.passed().ownerEnded(code, '');
      expect([own.webSocket.closes, own.metrics.passed.mock.calls]).toEqual([
        [[CloseCode.elsewhere, 'the link to the relay that has the session broke']],
        [['passed'], ['lost']],
      ]);
    }
  });

  it.each([
    [CloseCode.slowConsumer, CloseCode.goingAway],
    [CloseCode.silent, CloseCode.silent],
  ])('is ended here with %i, which its owner learns as %i', async (code, told) => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.pass();
    own.socket.close(code, 'a reason');
    own.webSocket.end(1006);
    expect(own.passage.close).toHaveBeenCalledExactlyOnceWith(told, 'a reason');
  });

  it('is not read while its owner does not take, also in its turn, nor kept from its closing', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.pass();
    own.socket.hasRead(TURN);
    expect(own.webSocket.isPaused).toBe(true);
    own.passed().hold();
    own.context.turns.wait.mock.calls[0]?.[0]();
    expect(own.webSocket.isPaused, 'its turn has come, and it is held').toBe(true);
    own.passed().release();
    expect(own.webSocket.isPaused).toBe(false);
    own.webSocket.pause();
    own.passed().release();
    expect(own.webSocket.isPaused, 'what is not held is not released').toBe(true);
    own.passed().hold();
    own.socket.close(CloseCode.goingAway, '');
    expect(own.webSocket.isPaused).toBe(false);
  });

  it('counts with what waits for either side, and what arrives, however much that is', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.pass();
    own.passed().waiting(1_000);
    expect([...own.budget.values()]).toEqual([1_000]);
    own.socket.arrived(1, 100_000);
    expect(own.socket.arrived(GREETING_BYTES + 1, 100_000)).toBe(true);
    expect([...own.budget.values()]).toEqual([1_000 + GREETING_BYTES + 1]);
    own.passed().waiting(2_000);
    expect([...own.budget.values()]).toEqual([2_000 + GREETING_BYTES + 1]);
    expect(own.webSocket.closes).toEqual([]);
    own.passed().waiting(0);
    own.webSocket.end(1006);
    expect(own.budget.size).toBe(0);
  });

  it('is sent no pings from here, and cut when it is silent', async () => {
    const own = besides({ owner: 'b' });
    await own.greet();
    own.pass();
    own.socket.beat();
    expect(own.webSocket.terminated).toBe(0);
    own.socket.beat();
    expect([own.webSocket.terminated, own.session.beat.mock.calls]).toEqual([1, []]);
  });
});

describe('a session that no relay has, of which this one can prove whose it is', () => {
  const adoptable = { isAdoptable: true, adopted: 'other/7' };

  it.each([
    ['a', true, undefined],
    ['b', false, 'unreachable'],
  ])(
    'goes on here, under the id of its client: of %s, with a URL for it: %s',
    async (owner, hasUrl, counted) => {
      const own = besides({ owner, hasUrl, ...adoptable });
      await own.greet();
      expect(own.peers.clientOf).toHaveBeenCalledExactlyOnceWith('b.name.proof', 'alice');
      expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', 'other/7');
      expect(own.metrics.session.mock.calls).toEqual([['adopted']]);
      expect(own.metrics.passed.mock.calls).toEqual(counted === undefined ? [] : [[counted]]);
      // It is a new one for its messages: nothing was received in it.
      expect(own.session.resume).toHaveBeenCalledExactlyOnceWith(own.socket, 0, false);
      const message = own.sent.mock.calls.at(-1)?.at(0) as unknown as Uint8Array<ArrayBuffer>;
      expect(readRelayMessage(message)).toMatchObject({
        confirmed: FEATURES + ADOPTS,
        frames: [[Type.welcome, 'secret', 'relay/1', false, 0, 1_000, 2_000, 3_000, 4_000, 'alice/']],
      });
      expect(own.webSocket.closes).toEqual([]);
    },
  );

  it.each(['unknown', 'refused', 'unreachable'] as const)(
    'goes on here when its owner is %s, as who the client is then',
    async (outcome) => {
      const later = { name: 'later', keyPrefix: '' };
      const own = besides({ owner: 'b', identities: [identity, later], ...adoptable });
      await own.greet();
      expect(own.peers.clientOf, 'its owner may have it').not.toHaveBeenCalled();
      own.passed().notPassed(outcome, 'a reason');
      await vi.advanceTimersByTimeAsync(0);
      expect(own.peers.clientOf).toHaveBeenCalledExactlyOnceWith('b.name.proof', 'later');
      expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(later, '192.0.2.1', 'other/7');
      expect(own.metrics.session.mock.calls).toEqual([['adopted']]);
      expect(own.metrics.passed.mock.calls).toEqual([[outcome]]);
    },
  );

  it.each([
    ["another identity's", { isAdoptable: true, adopted: undefined }],
    ['where nothing is stored', { isAdoptable: false, adopted: 'other/7' }],
  ])('is not gone on with: %s', async (_, settings) => {
    const own = besides({ owner: 'a', ...settings });
    await own.greet();
    expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
    expect(own.metrics.session.mock.calls).toEqual([['forgotten']]);
  });

  it('is not gone on with for a relay that dials: the client is connected to that one', async () => {
    const own = besides({ entrance: {}, owner: 'a', ...adoptable });
    own.prove();
    await own.greet('a.name.proof');
    expect([own.sessions.begin.mock.calls, own.peers.clientOf.mock.calls]).toEqual([[], []]);
    expect(own.webSocket.closes).toEqual([[CloseCode.unknownSession, 'the session is forgotten']]);
  });

  it('is not asked for where there is one here, or the client has none', async () => {
    const here = besides({ knows: true, ...adoptable });
    await here.greet('a.name.proof');
    const none = besides(adoptable);
    await none.greet(null);
    expect([here, none].map(({ peers }) => peers.clientOf.mock.calls)).toEqual([[], []]);
    expect(none.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
    expect([here, none].map(({ metrics }) => metrics.session.mock.calls)).toEqual([[['resumed']], [['new']]]);
  });
});

it('a client without a session begins one where it is, and no other relay is asked', async () => {
  const own = besides({ owner: 'b' });
  await own.greet(null);
  expect(own.sessions.begin).toHaveBeenCalledExactlyOnceWith(identity, '192.0.2.1', undefined);
  expect([own.peers.ownerOf.mock.calls, own.peers.pass.mock.calls]).toEqual([[], []]);
  expect([own.metrics.session.mock.calls, own.metrics.passed.mock.calls]).toEqual([[['new']], []]);
});

describe('while the relay goes down', () => {
  it.each([true, false])(
    'a client goes on with a session that is here, and begins none: %s',
    async (knows) => {
      const own = besides({ knows });
      Object.assign(own.context, { isDraining: () => true });
      await own.greet(knows ? 'a.name.proof' : null);
      expect(own.webSocket.closes).toEqual(knows ? [] : [[CloseCode.goingAway, 'the relay is going down']]);
      expect(own.sessions.connect).toHaveBeenCalledTimes(knows ? 1 : 0);
      expect([own.sessions.begin.mock.calls, own.peers.pass.mock.calls]).toEqual([[], []]);
    },
  );
});

describe('while a relay goes down beside others', () => {
  it.each([
    ['that can go on elsewhere', 'other/7', CloseCode.elsewhere],
    ['that cannot', undefined, CloseCode.goingAway],
  ])('a session %s begins not here', async (_, adopted, code) => {
    for (const outcome of ['unknown', undefined] as const) {
      const own = besides({ owner: outcome === undefined ? 'a' : 'b', isAdoptable: true, adopted });
      Object.assign(own.context, { isDraining: () => true });
      await own.greet();
      if (outcome !== undefined) own.passed().notPassed(outcome, '');
      await vi.advanceTimersByTimeAsync(0);
      expect(own.webSocket.closes).toEqual([[code, 'the relay is going down']]);
      expect([own.sessions.begin.mock.calls, own.metrics.session.mock.calls]).toEqual([[], []]);
    }
    expect([CloseCode.elsewhere, CloseCode.goingAway]).toEqual([1012, 1001]);
  });
});

describe('heartbeats', () => {
  it('are of the session, which any byte answers, and a client that is silent for two is cut', async () => {
    const { socket, session, webSocket, metrics, context } = await admitted();
    socket.beat();
    expect(session.beat.mock.calls).toEqual([[]]);
    socket.arrived(1, 1_000);
    socket.beat();
    expect([session.beat.mock.calls.length, webSocket.terminated]).toEqual([2, 0]);
    socket.beat();
    expect([session.beat.mock.calls.length, webSocket.terminated]).toEqual([2, 1]);
    expect(metrics.close.mock.calls).toEqual([[CloseCode.silent]]);
    expect(context.logger.info).toHaveBeenCalledExactlyOnceWith(
      'connection ended',
      expect.objectContaining({
        code: CloseCode.silent,
        reason: 'the client has sent nothing for two heartbeats',
      }),
    );
  });

  it('cut a client once, of whom nothing is taken any more', async () => {
    const { socket, session, webSocket, receive } = await admitted();
    const terminate = vi.fn();
    Object.assign(webSocket, { terminate });
    socket.beat();
    socket.beat();
    receive([Type.pong]);
    socket.beat();
    socket.beat();
    expect([terminate.mock.calls.length, session.take.mock.calls]).toEqual([1, []]);
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
    expect([session.beat.mock.calls, webSocket.terminated]).toEqual([[], 0]);
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

  it('that the client has ended is not waited for', async () => {
    const { socket, webSocket } = ground();
    webSocket.end(1000);
    let isOver = false;
    socket.close(CloseCode.goingAway, '').then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(isOver).toBe(true);
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
