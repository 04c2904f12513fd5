/** A client's WebSocket in the relay, until it is authenticated and when it ends: limits, and what is left. */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GREETING_BYTES, TIMED_PIECE_BYTES } from '../../../../../src/flow-control.ts';
import {
  countIntake,
  ServerSocket,
  type SocketContext,
} from '../../../../../transports/relay/session/socket.ts';
import * as CloseCode from '../../../../../transports/relay-protocol/close-codes.ts';
import {
  type ClientFrame,
  loneMessage,
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
    expect(webSocket.closes).toMatchObject([[CloseCode.silent, expect.anything()]]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([webSocket.terminated, closed, vi.getTimerCount()]).toEqual([1, [CloseCode.silent], 0]);
  });

  it('is closed for another subprotocol', () => {
    expect(ground('other').webSocket.closes).toMatchObject([
      [CloseCode.unsupportedVersion, SUBPROTOCOL.length > 0 ? expect.any(String) : ''],
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
    expect(text.webSocket.closes).toMatchObject([[CloseCode.badFrame, expect.stringContaining('binary')]]);
  });
});
