/**
 * A client's session, with both of its real ends: the client's with its log, and the relay's with its table of sessions. The bytes
 * between them move, and are cut, when a test says so. A plain model says what may be seen.
 */

import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { randomId } from '../../../../../src/protocol/ids.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import type { Delivery } from '../../../../../src/transport.ts';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import type { SessionSubscription } from '../../../../../transports/relay/session/channel.ts';
import { resolveLimits } from '../../../../../transports/relay/session/limits.ts';
import { MemoryBudget } from '../../../../../transports/relay/session/memory-budget.ts';
import type { PushChannel } from '../../../../../transports/relay/session/push-channel.ts';
import {
  ClientSession,
  closeFor,
  type SessionSettings,
} from '../../../../../transports/relay/session/session.ts';
import { Sessions, type SessionsSettings } from '../../../../../transports/relay/session/sessions.ts';
import { ServerSocket, type SocketContext } from '../../../../../transports/relay/session/socket.ts';
import type { Upstream } from '../../../../../transports/relay/upstream/upstream.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';
import {
  ChannelKind,
  type ClientFrame,
  HEAD,
  loneMessage,
  type RelayFrame,
  readRelayMessage,
  SUBPROTOCOL,
  Type,
} from '../../../../../transports/relay-protocol/frames.ts';
import { RelaySession } from '../../../../../transports/websocket/relay-session.ts';
import { FakeSocket } from '../../../../relay/life/fake-socket.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const RESUME_WINDOW = 2_000;
const MAX_FRAME = 200_000;
const LIMITS = resolveLimits({
  resumeWindow: RESUME_WINDOW,
  heartbeat: 100_000_000,
  maxFrame: MAX_FRAME,
  window: 100_000_000,
  maxHeld: 100_000_000,
  maxHeldTotal: 200_000_000,
  maxRequests: 10_000,
});
/** The most bytes of a message on the connection. */
const MOST = 10_000_000;
const ABNORMAL = 1006;
const IDENTITY = new Identity({ name: 'alice', servers: ['*'], cache: 'all' });

/** The relay's end of a WebSocket, as its library has it. */
class RelayEnd extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  readonly protocol = SUBPROTOCOL;
  binaryType = '';
  readonly #wire: Wire;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
  }

  get bufferedAmount(): number {
    return this.#wire.toClient.reduce((sum, { length }) => sum + length, 0);
  }

  send(message: Bytes): void {
    this.#wire.toClient.push(message.slice());
  }

  close(code: number): void {
    this.#wire.closedByRelay ??= code;
  }

  terminate(): void {
    this.end(ABNORMAL);
  }

  end(code: number): void {
    if (this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSED;
    this.emit('close', code, Buffer.from(''));
  }
}

/** One WebSocket: what is on its way, each way. */
class Wire {
  readonly toRelay: Bytes[] = [];
  readonly toClient: Bytes[] = [];
  /** Bytes that have arrived of the first message to the relay. */
  #arrived = 0;
  closedByRelay: number | undefined;
  closedByClient: number | undefined;
  readonly client: FakeSocket;
  #relay: { readonly end: RelayEnd; readonly socket: ServerSocket } | undefined;

  constructor(client: FakeSocket) {
    this.client = client;
  }

  get isWhole(): boolean {
    return this.client.readyState === 1 && this.#relay?.end.readyState === 1;
  }

  open(context: SocketContext): void {
    if (this.#relay !== undefined || this.client.readyState !== 0) return;
    const end = new RelayEnd(this);
    const socket = new ServerSocket(end as never, { address: '192.0.2.1', origin: undefined }, context);
    this.#relay = { end, socket };
    this.client.open();
  }

  /** So many bytes from the client arrive. */
  arrive(bytes: number): void {
    if (this.#relay === undefined || this.#relay.end.readyState === 3) return;
    const { end, socket } = this.#relay;
    let left = bytes;
    while (this.toRelay.length > 0 && left > 0) {
      const [first] = this.toRelay as [Bytes];
      const came = Math.min(left, first.length - this.#arrived);
      left -= came;
      this.#arrived += came;
      if (this.#arrived === first.length) {
        this.toRelay.shift();
        this.#arrived = 0;
        end.emit('message', Buffer.from(first), true);
      }
      socket.arrived(came, MOST);
    }
    if (this.toRelay.length === 0 && this.closedByClient !== undefined) end.end(this.closedByClient);
  }

  /** So many messages from the relay arrive. */
  deliver(count: number): void {
    for (const message of this.toClient.splice(0, count)) {
      if (this.client.readyState !== 1) return;
      this.client.get(message.buffer);
    }
    if (this.toClient.length > 0 || this.closedByRelay === undefined) return;
    this.#endClient(this.closedByRelay);
    this.#relay?.end.end(this.closedByRelay);
  }

  /** The connection breaks. Each end may notice alone. */
  cut(sees: 'client' | 'relay' | 'both'): void {
    if (sees !== 'relay') this.#endClient(ABNORMAL);
    if (sees !== 'client') this.#relay?.end.end(ABNORMAL);
  }

  #endClient(code: number): void {
    if (this.client.readyState !== 3) this.client.end(code);
  }
}

/** What a plain model knows of a session of which the client believes that it has it. */
interface Epoch {
  /** Requests that were posted, and the size of the reply that each asks for. */
  readonly posted: Map<number, number>;
  readonly asked: Set<number>;
  readonly replied: Set<number>;
}

function scene() {
  const wires: Wire[] = [];
  class PipedSocket extends FakeSocket {
    readonly #wire: Wire;

    constructor() {
      super();
      this.#wire = new Wire(this);
      wires.push(this.#wire);
    }

    override send(data: Uint8Array): void {
      this.#wire.toRelay.push(data.slice() as Bytes);
    }

    override close(code?: number): void {
      this.#wire.closedByClient ??= code ?? 1005;
    }
  }
  const faults: string[] = [];
  const told: string[] = [];
  let epoch: Epoch | undefined;
  let wasRestarted = false;
  /** When either end lost the socket; undefined while both have it. */
  let awaySince: number | undefined;
  const budget = new MemoryBudget(LIMITS.maxHeldTotal);
  /** Asks for a reply of as many bytes as its second number says. */
  const upstream = {
    name: 'server',
    errorForClients: (error: unknown) => error,
    request: (frame: Bytes) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      const [id, size] = [view.getUint32(0), view.getUint32(4)];
      if (epoch?.asked.has(id) === true) faults.push(`request ${id} came twice`);
      epoch?.asked.add(id);
      const reply = new Uint8Array(size);
      new DataView(reply.buffer).setUint32(0, id);
      return { reply: Promise.resolve(reply), cancel: () => {} };
    },
  };
  const begin = () =>
    new Sessions({
      relayId: 'relay',
      most: 10,
      mostAbsent: 10,
      nameSession: randomId,
      resumeWindow: RESUME_WINDOW,
      sessions: {
        limits: LIMITS,
        calls: {},
        requests: { judge: (_: unknown, __: string, frame: Bytes) => ({ kind: 'cache', frame }) },
        budget,
        find: () => upstream,
        onRefused: (what: string) => faults.push(`a ${what} was refused`),
        onLostWork: () => {},
      } as unknown as SessionsSettings['sessions'],
    });
  const context = {
    limits: LIMITS,
    metrics: { message: () => {}, close: () => {}, session: () => {} },
    admission: { identify: async () => IDENTITY },
    sessions: begin(),
    budget,
    logger: {
      debug: () => {},
      info: () => {},
      warning: () => {},
      error: (text: string) => faults.push(text),
    },
    sockets: new Set<ServerSocket>(),
    peers: undefined,
    isDraining: () => false,
  };
  const session = new RelaySession(
    {
      url: 'ws://relay.example/',
      token: () => 'token',
      isTokenFresh: false,
      connectTimeout: 10_000,
      maxDelay: 10,
      WebSocket: PipedSocket as never,
    },
    {
      report: ({ type }) => {
        told.push(type);
        // The relay's end may be gone already, and what it had sent comes all the same.
        if (type === 'connected' && wires.at(-1)?.isWhole === true) awaySince = undefined;
      },
      began: () => {
        if (epoch !== undefined) faults.push('a session began before the one before was lost');
        epoch = { posted: new Map(), asked: new Set(), replied: new Set() };
        wasRestarted = false;
      },
      arrived: (frames) => {
        for (const frame of frames) {
          if (frame[0] !== Type.reply) continue;
          const [, id, reply] = frame;
          const size = epoch?.posted.get(id);
          if (size === undefined || reply.length !== size)
            faults.push(`a reply to ${id} that nobody asked for`);
          else if (new DataView(reply.buffer, reply.byteOffset).getUint32(0) !== id)
            faults.push('another reply');
          if (epoch?.replied.has(id) === true) faults.push(`${id} was replied to twice`);
          epoch?.replied.add(id);
        }
      },
      lost: ({ code, sent }) => {
        if (code !== 'LOST' || sent !== 'unknown') faults.push(`lost with ${code}, sent ${sent}`);
        const away = awaySince === undefined ? 0 : performance.now() - awaySince;
        if (epoch === undefined) faults.push('a session was lost that had not begun');
        else if (!wasRestarted && away < RESUME_WINDOW) faults.push(`the session was lost after ${away} ms`);
        epoch = undefined;
      },
      ended: ({ message }) => faults.push(message),
    },
  );
  let number = 0;
  const post = (size: number, replySize: number) => {
    if (epoch === undefined) return;
    const id = ++number;
    const frame = new Uint8Array(Math.max(8, size));
    const view = new DataView(frame.buffer);
    view.setUint32(0, id);
    view.setUint32(4, Math.max(4, replySize));
    epoch.posted.set(id, Math.max(4, replySize));
    session.post([Type.request, id, 'server', frame]);
  };
  const cut = (sees: 'client' | 'relay' | 'both') => {
    const wire = wires.at(-1);
    if (wire?.isWhole === true) awaySince ??= performance.now();
    wire?.cut(sees);
  };
  /** The relay is another process from now on, which knows nobody. */
  const restart = () => {
    cut('both');
    for (const wire of wires) wire.cut('both');
    for (const own of [...context.sessions]) context.sessions.forget(own);
    context.sessions = begin();
    wasRestarted = true;
  };
  const settle = async () => {
    for (let turn = 0; turn < 40; turn++) {
      const wire = wires.at(-1);
      // What only one end has noticed, the other one notices in the end.
      for (const before of wires.slice(0, -1)) before.cut('both');
      if (wire !== undefined && wire.client.readyState === 1 && !wire.isWhole) cut('both');
      wires.at(-1)?.open(context as unknown as SocketContext);
      for (const own of wires) {
        own.arrive(Number.POSITIVE_INFINITY);
        await vi.advanceTimersByTimeAsync(0);
        own.deliver(Number.POSITIVE_INFINITY);
      }
      await vi.advanceTimersByTimeAsync(30);
    }
  };
  return {
    wires,
    faults,
    told,
    budget,
    context,
    session,
    post,
    cut,
    restart,
    settle,
    open: () => wires.at(-1)?.open(context as unknown as SocketContext),
    get epoch() {
      return epoch;
    },
  };
}

const aSize = fc.oneof(
  { arbitrary: fc.nat(100), weight: 6 },
  { arbitrary: fc.integer({ min: 5_000, max: 60_000 }), weight: 2 },
);
const aStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('post' as const), size: aSize, reply: aSize }) },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('arrive' as const),
      bytes: fc.oneof(fc.nat(200), fc.constant(1_000_000)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('deliver' as const), count: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('open' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('cut' as const),
      sees: fc.constantFrom<'client' | 'relay' | 'both'>('client', 'relay', 'both'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('wait' as const),
      time: fc.constantFrom(0, 15, 15, 300, 1_100, RESUME_WINDOW + 50),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('hold' as const), isHeld: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const) }) },
);

describe('a session', () => {
  it('has each request asked and replied to once, across cuts at any byte, or is lost, and says so', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 50, size: 'max' }),
        fc.constantFrom('closes', 'vanishes'),
        async (steps, end) => {
          // A run that failed has left its own.
          vi.clearAllTimers();
          const own = scene();
          const { session, faults, wires } = own;
          session.start();
          await vi.advanceTimersByTimeAsync(0);
          for (const step of steps) {
            const wire = wires.at(-1);
            if (step.what === 'post') own.post(step.size, step.reply);
            else if (step.what === 'arrive') wire?.arrive(step.bytes);
            else if (step.what === 'deliver') wire?.deliver(step.count);
            else if (step.what === 'open') own.open();
            else if (step.what === 'cut') own.cut(step.sees);
            else if (step.what === 'hold') session.isHeld = step.isHeld;
            else if (step.what === 'restart') own.restart();
            else await vi.advanceTimersByTimeAsync(step.time);
            await vi.advanceTimersByTimeAsync(0);
            expect(faults).toEqual([]);
          }
          session.isHeld = false;
          await own.settle();
          expect(faults).toEqual([]);
          // All that was posted in the session that there is has been replied to.
          expect(own.epoch).toBeDefined();
          const posted = [...(own.epoch?.posted.keys() ?? [])];
          expect([...(own.epoch?.replied ?? [])].sort((a, b) => a - b)).toEqual(posted);
          // Beside it, one that the client never learned of: its welcome was cut off, so nobody can resume it.
          expect(own.context.sessions.size).toBeGreaterThan(0);
          if (end === 'vanishes') own.cut('both');
          session.close();
          for (const wire of wires) wire.arrive(Number.POSITIVE_INFINITY);
          if (end === 'closes')
            expect([...own.context.sessions].some(({ isConnected }) => isConnected)).toBe(false);
          // Sockets that nobody answers are cut, and a session that nobody resumes is forgotten.
          await vi.advanceTimersByTimeAsync(RESUME_WINDOW);
          expect([own.context.sessions.size, own.context.sockets.size, own.budget.total]).toEqual([0, 0, 0]);
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** One session with a server that does what a test says, and the frames that its client gets. */
function one({
  limits = {},
  grants = {},
  isAdoptable = false,
  isAdopted = false,
}: {
  limits?: object;
  grants?: object;
  isAdoptable?: boolean;
  isAdopted?: boolean;
} = {}) {
  const replies: { frame: Bytes; resolve: (reply: Bytes) => void; reject: (error: unknown) => void }[] = [];
  const channel = () => ({
    users: new Set<unknown>(),
    add(user: unknown) {
      this.users.add(user);
    },
    remove(user: unknown) {
      this.users.delete(user);
    },
  });
  const server = {
    name: 'server',
    errorForClients: (error: PalmError) => error,
    request: vi.fn((frame: Bytes) => {
      const own = { cancel: vi.fn() };
      const reply = new Promise<Bytes>((resolve, reject) => replies.push({ frame, resolve, reject }));
      return { reply, ...own };
    }),
    requestWork: () => ({ reply: new Promise<Bytes>(() => {}), cancel: () => {} }),
    cancel: vi.fn(async () => 0),
    calls: channel(),
    answers: channel(),
    results: channel(),
    adopted: channel(),
    adopt: vi.fn(
      (_topic: string, _from: number | undefined, _deliver: (deliveries: readonly Delivery[]) => void) =>
        server.adopted,
    ),
    release: vi.fn(),
    callQueue: {},
    resultQueue: {},
  };
  const upstream = server as unknown as Upstream;
  const onRefused = vi.fn();
  const budget = new MemoryBudget(1_000_000_000);
  const forget = vi.fn((session: ClientSession) => session.close(false));
  const identity = new Identity({ name: 'alice', servers: ['server'], cache: 'all', ...grants });
  const session = new ClientSession(
    { id: 'relay/1', isAdopted, secret: 'secret', identity, group: 'group' },
    {
      limits: resolveLimits({ maxFrame: 1_000, window: 4_000, maxHeld: 100_000, maxRequests: 3, ...limits }),
      calls: {
        tooLarge: ({ length }: Bytes, most: number) => bytes(`${length} of ${most}`),
        // Calls stay where they are until it is known what becomes of them.
        judge: () => new Promise(() => {}),
      },
      requests: {
        judge: (_: unknown, __: string, frame: Bytes) =>
          textOf(frame) === 'work'
            ? { kind: 'work', worker: 'w', name: 'n', leaves: false, frame }
            : { kind: 'cache', frame },
      },
      budget,
      find: (name: string) => (name === 'server' ? upstream : undefined),
      onRefused,
      onLostWork: () => {},
      isAdoptable,
      forget,
    } as unknown as SessionSettings,
  );
  const socket = () => {
    const sent: RelayFrame[] = [];
    const own = {
      unsent: 0,
      close: vi.fn(),
      send: (message: Bytes) => {
        sent.push(...readRelayMessage(message.slice()).frames);
      },
    };
    return Object.assign(own, { sent });
  };
  const first = socket();
  session.attach(first);
  session.resume(first, 0, false);
  let sequence = 0;
  const take = (...frames: ClientFrame[]) =>
    session.take({ sequence: ++sequence, confirmed: 0, frames }, 100);
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return {
    session,
    socket: first,
    another: socket,
    server,
    upstream,
    replies,
    onRefused,
    budget,
    forget,
    take,
    settle,
  };
}

const protocol = expect.objectContaining({ code: 'PROTOCOL' });

describe('the requests of a session', () => {
  const request = (id: number, size = 10, address = 'server') =>
    [Type.request, id, address, new Uint8Array(size)] as const;

  it('go to their server, and replies back under their numbers', async () => {
    const { take, replies, socket, settle, session } = one();
    take(request(1), request(2));
    await settle();
    expect([replies.length, session.isIdle]).toEqual([2, false]);
    replies[1]?.resolve(bytes('second'));
    await settle();
    replies[0]?.reject(new PalmError('DISCONNECTED', 'it is gone', { sent: 'unknown' }));
    await settle();
    expect(socket.sent).toEqual([
      [Type.reply, 2, bytes('second')],
      [Type.failed, 1, 'DISCONNECTED', 'it is gone'],
    ]);
    expect(session.isIdle).toBe(true);
  });

  it('with replies of up to maxFrame get them, and larger ones are TOO_LARGE', async () => {
    const { take, replies, socket, settle } = one();
    take(request(1), request(2));
    await settle();
    replies[0]?.resolve(new Uint8Array(1_000));
    replies[1]?.resolve(new Uint8Array(1_001));
    await settle();
    expect(socket.sent.find(([type]) => type === Type.reply)).toEqual([Type.reply, 1, new Uint8Array(1_000)]);
    expect(socket.sent.find(([type]) => type === Type.failed)).toEqual([
      Type.failed,
      2,
      'TOO_LARGE',
      "the reply has 1001 bytes, more than the relay's limit of 1000 (maxFrame)",
    ]);
  });

  it('to a server that is not granted, or that there is not, are refused and counted', async () => {
    const { take, socket, onRefused, settle, replies } = one({ grants: { servers: ['server', 'absent'] } });
    take(request(1, 10, 'absent'), request(2, 10, 'other'));
    await settle();
    expect(socket.sent).toEqual([
      [Type.failed, 1, 'FORBIDDEN', 'alice may not use a server "absent" here, or there is none'],
      [Type.failed, 2, 'FORBIDDEN', 'alice may not use a server "other" here, or there is none'],
    ]);
    expect([onRefused.mock.calls, replies]).toEqual([[['server'], ['server']], []]);
  });

  it('that are forbidden count as refused, and those that fail do not', async () => {
    const { take, replies, onRefused, settle } = one();
    take(request(1), request(2), request(3));
    await settle();
    for (const { reject } of replies.slice(0, 2))
      reject(new PalmError('FORBIDDEN', 'not this key', { sent: false }));
    replies[2]?.reject(new PalmError('TIMEOUT', 'late', { sent: 'unknown' }));
    await settle();
    expect(onRefused.mock.calls).toEqual([['request'], ['request']]);
  });

  it('are as many at once as the limit says, each with a number of its own', async () => {
    const { take, settle, replies } = one();
    take(request(1), request(2));
    expect(() => take(request(2))).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL',
        message: 'the client has more requests under way than it may, or used a number twice',
      }),
    );
    take(request(3));
    expect(() => take(request(4))).toThrow(protocol);
    await settle();
    replies[0]?.resolve(bytes('a'));
    await settle();
    take(request(1));
    expect(() => take(request(4))).toThrow(protocol);
  });

  it('are as many bytes at once as the window, and of up to maxFrame each', async () => {
    const { take } = one({ limits: { maxRequests: 100 } });
    for (let id = 1; id <= 3; id++) take(request(id, 1_000));
    take(request(4, 999));
    // As long as the window is not full, one more may come.
    take(request(5, 1_000));
    expect(() => take(request(6, 1))).toThrow(protocol);
    expect(() => one().take(request(1, 1_001))).toThrow(
      expect.objectContaining({
        code: 'TOO_LARGE',
        message: "a frame has 1001 bytes, more than the relay's limit of 1000",
      }),
    );
  });

  it('are given up by their client, and make room', async () => {
    const { take, server, session, settle, socket } = one();
    take(request(1), request(2), request(3));
    await settle();
    take([Type.cancel, 2], [Type.cancel, 9]);
    expect(server.request.mock.results[1]?.value.cancel).toHaveBeenCalledOnce();
    take(request(4));
    await settle();
    expect([socket.sent, session.isIdle]).toEqual([[], false]);
  });
});

it('a message that comes again, as after a cut, is taken once', async () => {
  const { session, settle, replies } = one();
  const frames = [[Type.request, 1, 'server', bytes('x')]] as const;
  for (let i = 0; i < 2; i++) session.take({ sequence: 1, confirmed: 0, frames }, 100);
  await settle();
  expect(replies).toHaveLength(1);
});

describe('the count of a session', () => {
  it('takes off what it has counted, also when the client comes back with other features', async () => {
    const { session, take, replies, settle, another } = one({
      limits: { window: 1_000, maxRequests: 100 },
    });
    session.resume(another(), 0, true);
    const big = (id: number) => [Type.request, id, 'server', new Uint8Array(1_000)] as const;
    // Its first greeting said that envelopes count for all their bytes.
    take(big(1));
    expect(() => take(big(2))).toThrow(protocol);
    await settle();
    replies[0]?.resolve(bytes('a'));
    await settle();
    take(big(2));
    expect(() => take(big(3))).toThrow(protocol);
  });

  it('of an envelope is half a window at most where the client takes pieces, for good', () => {
    const budget = new MemoryBudget(1_000);
    const fresh = new ClientSession(
      { id: 'relay/1', isAdopted: false, secret: 'secret', identity: IDENTITY, group: 'group' },
      {
        limits: resolveLimits({ window: 1_001 }),
        budget,
      } as unknown as SessionSettings,
    );
    const socket = { unsent: 0, send: () => {}, close: () => {} };
    expect(fresh.counted(new Uint8Array(1_001))).toBe(1_001);
    fresh.resume(socket, 0, true);
    fresh.resume(socket, 0, false);
    expect([500, 501, 502, 1_001].map((size) => fresh.counted(new Uint8Array(size)))).toEqual([
      500, 501, 501, 501,
    ]);
    fresh.close(false);
  });
});

describe('the calls of a session', () => {
  const delivery = (...sizes: number[]) => ({
    topic: 'relay/1/a',
    frames: sizes.map((size) => new Uint8Array(size)),
  });

  it('are open until as many answers have come, of which progress is none', async () => {
    const { session, upstream } = one();
    session.called(3, upstream);
    expect(session.isIdle).toBe(false);
    session.deliver(upstream, [{ topic: 'relay/1/a~', frames: [bytes('x'), bytes('y'), bytes('z')] }]);
    expect(session.isIdle).toBe(false);
    session.deliver(upstream, [delivery(1, 1)]);
    expect(session.isIdle).toBe(false);
    session.deliver(upstream, [delivery(1)]);
    expect(session.isIdle).toBe(true);
    // One answer too many is no debt.
    session.deliver(upstream, [delivery(1)]);
    session.called(1, upstream);
    expect(session.isIdle).toBe(false);
  });

  it('are fewer by those that were cancelled', async () => {
    const { session, upstream, server } = one();
    const notice = { client: 'relay/1', calls: [], code: 'CLOSED', reason: 'enough' } as never;
    session.called(3, upstream);
    server.cancel.mockResolvedValueOnce(2);
    expect(await session.cancelCalls(upstream, notice)).toBe(2);
    expect(server.cancel).toHaveBeenCalledExactlyOnceWith(notice);
    expect(session.isIdle).toBe(false);
    server.cancel.mockResolvedValueOnce(2);
    await session.cancelCalls(upstream, notice);
    expect(session.isIdle).toBe(true);
    session.called(1, upstream);
    expect(session.isIdle).toBe(false);
  });

  it('are cancelled at each server that was called when the session ends, whatever that says', async () => {
    const { session, upstream, server } = one();
    server.cancel.mockRejectedValue(new Error('it is gone'));
    session.called(1, upstream);
    session.called(1, upstream);
    session.close(false);
    session.close(false);
    expect(server.cancel).toHaveBeenCalledExactlyOnceWith({
      client: 'relay/1',
      calls: [],
      code: 'DISCONNECTED',
      reason: 'its session with the relay has ended',
    });
    await vi.advanceTimersByTimeAsync(0);
  });

  it('free their places when they are answered or cancelled', async () => {
    const { session, upstream, server } = one();
    const free = session.callBudget.take(1_000);
    expect(session.callBudget.take(1)).toBe(0);
    session.deliver(upstream, [delivery(1)]);
    expect(session.callBudget.take(1)).toBe(1);
    server.cancel.mockResolvedValueOnce(1);
    const taken = session.callBudget.taken;
    await session.cancelCalls(upstream, {} as never);
    expect([free > 0, session.callBudget.taken]).toEqual([true, taken - 1]);
  });

  it('are as many as there is room for their answers in a quarter of maxHeld', async () => {
    const { session, upstream } = one({ limits: { maxHeld: 100_000 } });
    session.callBudget.take(8);
    for (let i = 0; i < 10; i++) session.deliver(upstream, [delivery(1_000)]);
    expect(session.callBudget.take(1_000)).toBe(25);
  });

  it('are not limited by progress, which tells nothing of their answers', async () => {
    const { session, upstream } = one();
    session.deliver(upstream, [{ topic: 'relay/1/a~', frames: [new Uint8Array(1_000)] }]);
    expect(session.callBudget.take(1_000)).toBe(8);
  });

  it('go on once the client confirms what it has received', async () => {
    const { session, upstream, settle } = one({ limits: { maxHeld: 100_000, maxFrame: 50_000 } });
    session.callBudget.take(8);
    for (let i = 0; i < 10; i++) session.deliver(upstream, [delivery(1_000)]);
    session.post([Type.reply, 1, new Uint8Array(30_000)]);
    await settle();
    let places = 0;
    session.callBudget.wait(1).then((count) => {
      places = count;
    });
    await settle();
    expect(places).toBe(0);
    session.take({ sequence: 1, confirmed: 1, frames: [] }, 100);
    await settle();
    expect(places).toBe(1);
    session.close(false);
  });

  it('have answers of up to maxFrame, and failures in the place of larger ones', async () => {
    const { session, upstream, socket, take, settle } = one();
    take([Type.open, 5, ChannelKind.subscribe, 'server', 'relay/1/']);
    session.deliver(upstream, [delivery(1_000)]);
    session.deliver(upstream, [delivery(1_000, 1_001)]);
    session.deliver(upstream, [delivery(1_002)]);
    await settle();
    const results = socket.sent.flatMap((frame) => (frame[0] === Type.results ? frame[2] : []));
    const frames = results.flatMap((own) => own.frames);
    expect(frames.map(({ length }) => length)).toEqual([1_000, 1_000, 12, 12]);
    expect(frames.slice(2).map(textOf)).toEqual(['1001 of 1000', '1002 of 1000']);
    expect(new Set(results.map(({ topic }) => topic))).toEqual(new Set(['relay/1/a']));
  });

  it('that are refused are answered to the client, and counted', async () => {
    const { session, socket, take, settle, onRefused } = one();
    take([Type.open, 5, ChannelKind.subscribe, 'server', 'relay/1/']);
    session.answer('relay/1/a', bytes('no'));
    await settle();
    expect(socket.sent).toContainEqual([Type.results, 5, [{ topic: 'relay/1/a', frames: [bytes('no')] }]]);
    expect(onRefused.mock.calls).toEqual([['call']]);
  });
});

describe('what goes on at another relay', () => {
  const at = (position: number, ...sizes: number[]) => ({
    topic: 'relay/1/a',
    frames: sizes.map((size) => new Uint8Array(size)),
    position,
  });

  /** A session with a subscription of its own, from position 3 on. */
  function goingOn(limits = {}) {
    const own = one({ isAdoptable: true, isAdopted: true, limits });
    own.take([Type.openFrom, 5, ChannelKind.subscribe, 'server', 'relay/1/', 4]);
    const came = (...deliveries: Delivery[]) => own.server.adopt.mock.calls[0]?.[2](deliveries);
    const placed = () => own.socket.sent.filter((frame) => frame[0] === Type.placed);
    return { ...own, came, placed };
  }

  it('is refused where no relay adopts the session', () => {
    for (const kind of [ChannelKind.push, ChannelKind.subscribe])
      expect(() => one().take([Type.openFrom, 5, kind, 'server', 'relay/1/', 0])).toThrow(protocol);
  });

  it('has answers that count as any, come behind their credit, and keep their place', async () => {
    const { session, upstream, server, came, placed, settle } = goingOn();
    expect(server.adopt.mock.calls[0]?.slice(0, 2)).toEqual(['relay/1/', 3]);
    session.called(3, upstream);
    const before = session.callBudget.taken;
    session.callBudget.take(3);
    came(at(4, 10, 20), { topic: 'relay/1/a~', frames: [bytes('x'), bytes('y')], position: 5 });
    expect(session.isIdle).toBe(false);
    expect(session.callBudget.taken).toBe(before + 1);
    came(at(7, 5));
    expect([session.isIdle, session.callBudget.taken]).toEqual([true, before]);
    await settle();
    expect(placed().map((frame) => frame.slice(1, 5))).toEqual([
      [5, 1, 5, [4, 5]],
      [5, 2, 7, [7]],
    ]);
  });

  it('has failures in the place of answers that are too large, at their position', async () => {
    const { came, placed, settle } = goingOn();
    came(at(4, 1_000), at(6, 1_001, 3));
    await settle();
    const [frame] = placed();
    expect(frame?.slice(1, 5)).toEqual([5, 1, 6, [4, 6]]);
    const deliveries = frame?.[5] as readonly Delivery[];
    expect(deliveries.map(({ topic, frames }) => [topic, frames.map(({ length }) => length)])).toEqual([
      ['relay/1/a', [1_000]],
      ['relay/1/a', [12, 3]],
    ]);
    expect(textOf(deliveries[1]?.frames[0] ?? bytes(''))).toBe('1001 of 1000');
  });

  it('pays credit before its answers', async () => {
    const { session, server, take, came, settle, socket } = goingOn();
    take([Type.openFrom, 6, ChannelKind.push, 'server', '', 0]);
    const [channel] = server.calls.users as Set<{ payCredit(): void }>;
    const pay = vi.fn(() => session.post([Type.stored, 6, 1, [0, 1]]));
    Object.assign(channel as object, { payCredit: pay });
    came(at(4, 10));
    await settle();
    expect(socket.sent.map(([type]) => type)).toEqual([Type.stored, Type.placed]);
  });

  it('has no answers any more once the session is closed, also of those that were read before', async () => {
    const { session, budget, came, settle, socket } = goingOn();
    session.close(true);
    came(at(4, 10));
    session.beat();
    await settle();
    expect([socket.sent, session.held, budget.total, vi.getTimerCount()]).toEqual([[], 0, 0, 0]);
  });

  it('takes frames with numbers, of up to maxFrame each', () => {
    const { take, server } = one({ isAdoptable: true });
    take([Type.openFrom, 1, ChannelKind.push, 'server', '', 7]);
    const [channel] = server.calls.users as Set<PushChannel>;
    const taken = vi.spyOn(channel as PushChannel, 'take');
    const frames = [new Uint8Array(1_000), bytes('x')];
    take([Type.store, 1, 3, 7, frames]);
    expect(taken).toHaveBeenCalledExactlyOnceWith(3, frames, expect.anything(), 7);
    expect(() => take([Type.store, 1, 3, 9, [bytes('x'), new Uint8Array(1_001)]])).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringContaining('1001 bytes') }),
    );
    expect(taken).toHaveBeenCalledOnce();
    expect(() => take([Type.send, 1, 1, [bytes('x')]])).toThrow(protocol);
  });

  it('keeps as much for frames with numbers as for others', () => {
    const keptOf = (count: number) => {
      const { take, session, server, budget } = one({ isAdoptable: true });
      take([Type.openFrom, 1, ChannelKind.push, 'server', '', 0]);
      for (const user of server.calls.users) (user as PushChannel).becameReady();
      const before = budget.total;
      take([Type.store, 1, 1, 0, Array.from({ length: count }, () => bytes('x'))]);
      const kept = budget.total - before;
      session.close(false);
      return kept;
    };
    expect([keptOf(1), keptOf(3)]).toEqual([100 + 512 + 2 * 128, 100 + 512 + 4 * 128]);
  });

  it('is told with each heartbeat up to where it has all', async () => {
    const { session, server, socket, settle, another } = goingOn();
    const [subscription] = server.adopted.users as Set<SessionSubscription>;
    const source = { isProved: true, position: 3 };
    subscription?.joined({ channel: source } as never);
    session.beat();
    await settle();
    expect(socket.sent).toEqual([[Type.ping]]);
    source.position = 8;
    for (let i = 0; i < 2; i++) {
      session.beat();
      await settle();
    }
    const place = [Type.placed, 5, 1, 8, [], []];
    expect(socket.sent.filter(([type]) => type === Type.placed)).toEqual([place]);
    expect(socket.sent.filter(([type]) => type === Type.ping)).toHaveLength(3);
    // A ping has no number: a client that was away has none of those.
    session.detach(socket);
    session.away();
    source.position = 9;
    session.beat();
    const second = another();
    session.attach(second);
    session.resume(second, 0, false);
    await settle();
    expect(second.sent).toEqual([place, [Type.placed, 5, 2, 9, [], []]]);
  });

  it('is left to another relay by a session that may go on there, and its subscription is released', () => {
    for (const mayGoOn of [true, false]) {
      const { session, upstream, server } = goingOn();
      session.called(1, upstream);
      session.close(mayGoOn);
      expect(server.cancel).toHaveBeenCalledTimes(mayGoOn ? 0 : 1);
      expect(server.release).toHaveBeenCalledExactlyOnceWith(server.adopted);
      // It has ended, whatever is said of it then.
      session.close(false);
      expect(server.cancel).toHaveBeenCalledTimes(mayGoOn ? 0 : 1);
    }
  });
});

describe('a client that breaks the protocol', () => {
  it.each([
    ['a second greeting', [Type.hello, null, null, 0], 'PROTOCOL', 'a second greeting came'],
    [
      'results to a channel that there is not',
      [Type.send, 1, 1, [bytes('x')]],
      'PROTOCOL',
      'takes no frames',
    ],
    ['a large envelope', [Type.send, 1, 1, [new Uint8Array(1_001)]], 'TOO_LARGE', '1001 bytes'],
    ['a large one with a number', [Type.store, 1, 1, 1, [new Uint8Array(1_001)]], 'TOO_LARGE', '1001 bytes'],
    ['numbers to a channel that there is not', [Type.store, 1, 1, 1, [bytes('x')]], 'PROTOCOL', 'no frames'],
    ['a confirmation of no work', [Type.taken, 1, 1], 'PROTOCOL', 'more work than it was given'],
  ] as const)('by %s is told so', (_, frame, code, text) => {
    expect(() => one().take(frame as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });

  it('by a result of work that it was not given has it dropped and counted', () => {
    const { session, upstream, onRefused } = one();
    const frame = new EnvelopeCodec().encode(palmMessage({ client: 'c/1', function: 'master.f' })).slice();
    expect(session.assignments.of(upstream).judge(frame)).toBeUndefined();
    expect(onRefused.mock.calls).toEqual([['result']]);
  });

  it('is disconnected for good with the code for it', () => {
    for (const [error, code, reason] of [
      [new PalmError('FORBIDDEN', 'not yours', { sent: false }), CloseCode.forbidden, 'not yours'],
      [new PalmError('TOO_LARGE', 'too much', { sent: false }), CloseCode.tooBig, 'too much'],
      [new PalmError('PROTOCOL', 'no frame', { sent: false }), CloseCode.badFrame, 'no frame'],
      [new Error('a secret of the relay'), CloseCode.relayFailed, 'the relay failed'],
    ] as const) {
      expect(closeFor(error)).toEqual({ code, reason });
      const { session, socket, forget } = one();
      session.violated(error);
      expect(socket.close).toHaveBeenCalledExactlyOnceWith(code, reason);
      expect(forget).toHaveBeenCalledExactlyOnceWith(session);
    }
  });

  it('is answered its pings, and its pongs are counted', () => {
    const { take, socket, session } = one();
    expect(session.pongs).toBe(0);
    take([Type.pong], [Type.pong]);
    expect([socket.sent, session.pongs]).toEqual([[], 2]);
    take([Type.ping]);
    expect(socket.sent).toEqual([[Type.pong]]);
  });
});

describe('what a session keeps', () => {
  it('is its token, the one that it was let in with last', () => {
    const { session, budget } = one();
    const info = { address: '192.0.2.1', origin: undefined };
    const kept = (token: string | undefined) => {
      session.admitted({ token, info });
      session.arriving(0);
      expect(session.credentials).toEqual({ token, info });
      return budget.total;
    };
    const tokens = ['x'.repeat(100), 'x'.repeat(30), undefined, 'x'.repeat(5)];
    expect(tokens.map(kept)).toEqual([100, 30, 0, 5]);
  });

  it('is what its channels hold', () => {
    const { session, budget } = one();
    session.holds(500);
    session.arriving(0);
    expect(budget.total).toBe(500);
    session.holds(-200);
    session.arriving(0);
    expect(budget.total).toBe(300);
  });

  it('is what is remembered of it as a worker, of its work and its workers', async () => {
    const { session, upstream, budget, take, settle } = one();
    const kept = () => {
      session.arriving(0);
      return budget.total;
    };
    const frame = new EnvelopeCodec().encode(palmMessage({ client: 'c/1', function: 'master.f' })).slice();
    session.assignments.of(upstream).assign([frame]);
    const work = kept();
    expect(work).toBeGreaterThan(256);
    take([Type.request, 1, 'server', bytes('work')]);
    await settle();
    const both = kept();
    // The worker, and the message that its request came in.
    expect(both - work).toBeGreaterThan(256 + 100 + 512);
    session.assignments.of(upstream).takeBack([frame]);
    expect(kept()).toBe(both - work);
  });

  it('is a message as long as any of its envelopes, and 128 bytes for each of them and for each frame', async () => {
    const keptOf = (count: number) => {
      const { take, session, server, budget } = one();
      take([Type.open, 1, ChannelKind.push, 'server', '']);
      for (const user of server.calls.users) (user as { becameReady(): void }).becameReady();
      const before = budget.total;
      take([Type.send, 1, 1, Array.from({ length: count }, () => bytes('x'))]);
      const kept = budget.total - before;
      session.close(false);
      return kept;
    };
    expect([keptOf(1), keptOf(3)]).toEqual([100 + 512 + 2 * 128, 100 + 512 + 4 * 128]);
  });

  it('is a frame that came in pieces beside the message that its last piece came in', async () => {
    const size = 600;
    const request = [Type.request, 1, 'server', new Uint8Array(size)] as const;
    const frame = loneMessage(request).subarray(HEAD);
    const whole = one();
    whole.take(request);
    await whole.settle();
    const pieces = one();
    pieces.take([Type.piece, 1, false, frame.subarray(0, 500)]);
    pieces.take([Type.piece, 1, true, frame.subarray(500)]);
    await pieces.settle();
    expect([pieces.replies.length, pieces.budget.total - whole.budget.total]).toEqual([1, 100 + 500]);
  });

  it('is what was sent and is not confirmed, at 192 bytes for each message, and no less than the socket has', async () => {
    const { session, budget, socket, settle } = one();
    session.post([Type.reply, 1, new Uint8Array(500)]);
    await settle();
    expect(budget.total).toBe(session.held);
    session.arriving(0);
    expect([session.held > 500, budget.total]).toEqual([true, session.held + 192]);
    socket.unsent = 5_000;
    session.arriving(0);
    expect(budget.total).toBe(5_000);
    session.detach(socket);
    session.arriving(0);
    expect(budget.total).toBe(session.held + 192);
  });

  it('is a message that has not come whole, until its client is away', () => {
    const { session, budget } = one();
    session.arriving(3_000);
    expect(budget.total).toBe(3_000);
    session.away();
    expect(budget.total).toBe(0);
  });

  it('is twice the bytes of a frame in pieces, until it is whole', async () => {
    const { take, budget, session, settle } = one();
    const before = budget.total;
    take([Type.piece, 1, false, new Uint8Array(600)]);
    const more = budget.total - before;
    expect(more).toBeGreaterThanOrEqual(1_200);
    take([Type.piece, 1, false, new Uint8Array(10)]);
    expect(budget.total).toBeGreaterThanOrEqual(before + more);
    session.close(false);
    await settle();
    expect(budget.total).toBe(0);
  });

  it('is too much above maxHeld, which ends it', () => {
    const { session, socket, forget } = one({ limits: { maxHeld: 10_000 } });
    session.arriving(10_000);
    expect(forget).not.toHaveBeenCalled();
    session.arriving(10_001);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(
      CloseCode.slowConsumer,
      expect.stringContaining('more than 10000 bytes are kept for this client'),
    );
    expect(forget).toHaveBeenCalledExactlyOnceWith(session);
  });

  it('is nothing once it is closed, and what is posted then goes nowhere', async () => {
    const { session, budget, socket, take, settle, server, replies } = one();
    take([Type.open, 5, ChannelKind.subscribe, 'server', 'relay/1/']);
    take([Type.request, 1, 'server', bytes('x')]);
    await settle();
    expect(server.answers.users.size).toBe(1);
    session.close(false);
    expect(server.request.mock.results[0]?.value.cancel).toHaveBeenCalledOnce();
    // The frame may still be in a transport until the request has ended.
    expect(budget.total).toBeGreaterThan(0);
    replies[0]?.reject(new Error('it was given up'));
    await settle();
    const { held } = session;
    session.post([Type.reply, 1, bytes('late')]);
    await settle();
    expect([server.answers.users.size, budget.total, session.held, socket.sent]).toEqual([0, 0, held, []]);
  });
});

it('a channel that the client closes leaves its server', () => {
  const { take, server } = one();
  take([Type.open, 5, ChannelKind.subscribe, 'server', 'relay/1/']);
  expect(server.answers.users.size).toBe(1);
  take([Type.close, 5]);
  expect(server.answers.users.size).toBe(0);
});

it('a session knows for how long its client has been away', async () => {
  const { session, socket, another } = one();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(session.absence).toBeUndefined();
  session.detach(socket);
  session.away();
  await vi.advanceTimersByTimeAsync(700);
  expect(session.absence).toBeCloseTo(700);
  session.attach(another());
  expect(session.absence).toBeUndefined();
});

describe('the sockets of a session', () => {
  it('replace each other, and only the last one connects it', () => {
    const { session, socket, another } = one();
    const second = another();
    session.attach(second);
    expect(socket.close).toHaveBeenCalledExactlyOnceWith(
      CloseCode.replaced,
      'another connection took the session over',
    );
    expect([session.detach(socket), session.isConnected]).toEqual([false, true]);
    session.disconnect(4401, 'why');
    expect(second.close).toHaveBeenCalledExactlyOnceWith(4401, 'why');
    expect([session.detach(second), session.isConnected]).toEqual([true, false]);
    expect(() => session.disconnect(4401, 'why')).not.toThrow();
  });

  it('are not used while the client is away, and what came meanwhile goes over the next one', async () => {
    const { session, socket, another, settle } = one();
    session.detach(socket);
    session.away();
    session.post([Type.reply, 1, bytes('x')]);
    await settle();
    expect(socket.sent).toEqual([]);
    const second = another();
    session.attach(second);
    session.resume(second, 0, false);
    expect(second.sent).toEqual([[Type.reply, 1, bytes('x')]]);
  });

  it('take what fits a message at once, where nothing waits', () => {
    const { session, another } = one();
    expect([session.takes(1_000_000), session.takes(1)]).toEqual([true, true]);
    const paced = another();
    session.resume(paced, 0, true);
    const { large } = session.log;
    expect([session.takes(large), session.takes(large + 1)]).toEqual([true, false]);
  });
});
