/**
 * A client's session, with both of its real ends: the client's with its log, and the relay's with its table of sessions. The bytes
 * between them move, and are cut, when a test says so. A plain model says what may be seen.
 */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { Identity } from '../../../../../transports/relay/auth/identity.ts';
import { resolveLimits } from '../../../../../transports/relay/session/limits.ts';
import { MemoryBudget } from '../../../../../transports/relay/session/memory-budget.ts';
import { Sessions, type SessionsSettings } from '../../../../../transports/relay/session/sessions.ts';
import { ServerSocket, type SocketContext } from '../../../../../transports/relay/session/socket.ts';
import { SUBPROTOCOL, Type } from '../../../../../transports/relay-protocol/frames.ts';
import { RelaySession } from '../../../../../transports/websocket/relay-session.ts';
import { FakeSocket } from '../../../../relay/life/fake-socket.ts';

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
    if (!session.hasSession || epoch === undefined) return;
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
          expect(session.hasSession).toBe(true);
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
