import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import type { ReadTurns } from '../../../src/async/read-turns.ts';
import { startTimer } from '../../../src/async/timers.ts';
import { GREETING_BYTES, TIMED_PIECE_BYTES } from '../../../src/flow-control.ts';
import type { Logger } from '../../../src/logging.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import { closeReason } from '../../relay-protocol/close-codes.ts';
import {
  type ClientFrame,
  FEATURES,
  type Hello,
  loneMessage,
  readClientMessage,
  SUBPROTOCOL,
  Type,
} from '../../relay-protocol/frames.ts';
import type { ConnectionInfo } from '../auth/identity.ts';
import type { Admission } from '../http/admission.ts';
import type { Metrics } from '../http/metrics.ts';
import { networkOf } from '../http/proxies.ts';
import type { ResolvedLimits } from './limits.ts';
import type { BudgetHolder, MemoryBudget } from './memory-budget.ts';
import { type ClientSession, closeFor, type SessionSocket } from './session.ts';
import type { Sessions } from './sessions.ts';

/** What the sockets of a relay share. */
export interface SocketContext {
  readonly limits: ResolvedLimits;
  readonly metrics: Metrics;
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly budget: MemoryBudget;
  readonly logger: Logger;
  /** Shares the reading of large pieces among all sockets. */
  readonly turns: ReadTurns;
  /** The open sockets of the relay. */
  readonly sockets: Set<ServerSocket>;
}

/** Milliseconds that a client gets to answer the closing handshake. */
const CLOSE_TIMEOUT = 1_000;

/** Replaces the function of a stopped timer, which would hold memory; also a listener that does nothing. */
const NOTHING = () => {};

/** Bytes of an incomplete message after which its memory is counted again. */
const ARRIVING_STEP = 16_384;

/** One WebSocket of a client, from its greeting to its end. */
export class ServerSocket implements SessionSocket, BudgetHolder {
  readonly info: ConnectionInfo;
  session: ClientSession | undefined;
  readonly #socket: WebSocket;
  readonly #context: SocketContext;
  /** Resolves when the socket has ended; only after the relay has closed it. */
  #ended: Deferred<void> | undefined;
  #stopTimer: () => void;
  #hasGreeted = false;
  #isClosing = false;
  /** Why the relay has closed it. */
  #why: { readonly code: number; readonly reason: string } | undefined;
  /** Whether any bytes came since the last heartbeat. */
  #isAlive = true;
  /** Bytes of an incomplete message: arrived, and counted in the budget; and whether a message was completed. */
  #arriving = 0;
  #counted = 0;
  #isWhole = false;

  constructor(socket: WebSocket, info: ConnectionInfo, context: SocketContext) {
    this.#socket = socket;
    this.info = info;
    this.#context = context;
    context.sockets.add(this);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code, reason) => this.#close(code, String(reason)));
    // A close event follows any error.
    socket.on('error', NOTHING);
    const { greetingTimeout } = context.limits;
    this.#stopTimer = startTimer(greetingTimeout, () => this.close(CloseCode.silent, 'no greeting came'));
    if (socket.protocol !== SUBPROTOCOL) {
      this.close(CloseCode.unsupportedVersion, `this relay speaks ${SUBPROTOCOL}`);
    }
  }

  /** Bytes that the client's side has not taken yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Bytes): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#context.metrics.message('out', message.length);
    this.#socket.send(message);
    // The session bounds what a client has not confirmed. This bounds a client that confirms messages it cannot have received.
    if (this.unsent > 2 * this.#context.limits.maxHeld) {
      this.#closeForGood(CloseCode.slowConsumer, 'the client confirms messages that it has not received');
    }
  }

  /** Closes the connection with a code and its reason. Resolves when it has ended. */
  close(code: number, reason: string): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#why = { code, reason };
      this.#stopTimer();
      this.session?.log.suspend();
      this.#socket.close(code, closeReason(reason));
      this.#stopTimer = startTimer(CLOSE_TIMEOUT, () => this.terminate());
    }
    if (this.#socket.readyState === this.#socket.CLOSED) return Promise.resolve();
    this.#ended ??= deferred();
    return this.#ended.promise;
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** The group that it is counted with until the client is authenticated. */
  get group(): string {
    return networkOf(this.info.address);
  }

  overBudget(reason: string): void {
    this.close(CloseCode.slowConsumer, reason);
  }

  /**
   * Bytes have arrived, and the messages that they completed were received.
   * @param most - the most bytes of one message on the connection, including control frames between its fragments.
   * @returns whether to go on reading.
   */
  arrived(bytes: number, most: number): boolean {
    this.#isAlive = true;
    // Bytes after a completed message belong to the next one. They are few: no more than one chunk.
    this.#arriving = this.#isWhole ? 0 : this.#arriving + bytes;
    this.#isWhole = false;
    const { session } = this;
    if (session === undefined && this.#arriving > GREETING_BYTES) {
      this.close(CloseCode.tooBig, `the greeting has more than ${GREETING_BYTES} bytes`);
    } else if (this.#arriving > most) {
      this.close(CloseCode.tooBig, `a message takes more than ${most} bytes of the connection`);
    }
    // While the socket is being closed only its end may come, and nothing large.
    if (this.#isClosing && this.#arriving > ARRIVING_STEP) return false;
    if (
      Math.abs(this.#arriving - this.#counted) >= ARRIVING_STEP ||
      (this.#counted > 0 && this.#arriving === 0)
    ) {
      this.#counted = this.#arriving;
      if (session === undefined) this.#context.budget.set(this, this.#counted);
      else session.arriving(this.#counted);
    }
    return true;
  }

  /** A piece was read, which took so many milliseconds. Reads no more before its turn where all sockets have read for long enough. */
  hasRead(time: number): void {
    const { turns } = this.#context;
    const socket = this.#socket;
    // After a message that it refused, the library reads to the end of the stream by itself, and would not resume it.
    if (turns.spend(time) || socket.isPaused || socket.readyState !== socket.OPEN) return;
    socket.pause();
    turns.wait(() => socket.resume());
  }

  /** Sends a heartbeat, or cuts a silent client. */
  beat(): void {
    const { session } = this;
    if (session === undefined || this.#isClosing) return;
    if (!this.#isAlive) {
      // A silent client would not answer a closing handshake.
      this.#why = { code: CloseCode.silent, reason: 'the client has sent nothing for two heartbeats' };
      this.#isClosing = true;
      this.terminate();
      return;
    }
    this.#isAlive = false;
    session.log.tell([Type.ping]);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isClosing) return;
    this.#isAlive = true;
    this.#isWhole = true;
    try {
      if (!isBinary || !Buffer.isBuffer(data))
        throw new PalmError('PROTOCOL', 'a text message came, and frames are binary');
      this.#context.metrics.message('in', data.length);
      const message = readClientMessage(
        new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length),
      );
      if (this.session !== undefined) this.session.take(message, data.length);
      else this.#greet(message.frames, message.confirmed);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { code, reason } = closeFor(error);
    const { logger } = this.#context;
    if (code === CloseCode.relayFailed) logger.error('the relay failed', { reason: messageOf(error) });
    // The session ends too: the client would send the same again.
    this.#closeForGood(code, reason);
  }

  /** Closes the connection and ends the session. */
  #closeForGood(code: number, reason: string): void {
    this.close(code, reason);
    this.session?.end(code, reason);
  }

  #greet([hello, ...more]: readonly ClientFrame[], features: number): void {
    if (hello?.[0] !== Type.hello || more.length > 0 || this.#hasGreeted) {
      throw new PalmError(
        'PROTOCOL',
        'the first frame must be a greeting, and nothing may follow before its answer',
      );
    }
    this.#hasGreeted = true;
    this.#admit(hello, features > 0).catch((error) => this.#fail(error));
  }

  async #admit([, token, secret, received]: Hello, isPaced: boolean): Promise<void> {
    const { admission, sessions, limits, metrics } = this.#context;
    const identity = await admission.identify(token ?? undefined, this.info);
    if (this.#isClosing) return;
    this.#stopTimer();
    this.#stopTimer = NOTHING;
    if (identity === undefined) {
      this.close(
        CloseCode.unauthorized,
        token === null ? 'a token is needed' : 'the token is wrong or has expired',
      );
      return;
    }
    const known = secret === null ? undefined : sessions.resume(secret, identity);
    const session = known ?? sessions.begin(identity, this.info.address);
    metrics.session(known !== undefined ? 'resumed' : secret === null ? 'new' : 'forgotten');
    sessions.connect(session, this, identity);
    this.session = session;
    this.#context.budget.set(this, 0);
    session.admitted({ token: token ?? undefined, info: this.info });
    const { maxFrame, window, heartbeat, resumeWindow } = limits;
    const isResumed = known !== undefined;
    this.send(
      loneMessage(
        [
          Type.welcome,
          session.secret,
          session.id,
          isResumed,
          session.log.received,
          maxFrame,
          window,
          heartbeat,
          resumeWindow,
          identity.keyPrefix,
        ],
        FEATURES,
      ),
    );
    session.resume(this, isResumed ? received : 0, isPaced);
  }

  #close(code: number, reason: string): void {
    this.#isClosing = true;
    this.#stopTimer();
    this.#context.budget.set(this, 0);
    this.#ended?.resolve();
    // The relay's own reason says more than its echo.
    const why = this.#why ?? { code, reason };
    this.#tellEnd(why.code, why.reason);
  }

  #tellEnd(code: number, reason: string): void {
    const { sockets, sessions, metrics, logger } = this.#context;
    const { session, info } = this;
    sockets.delete(this);
    metrics.close(code);
    logger.info('connection ended', {
      address: info.address,
      client: session?.id,
      identity: session?.identity.name,
      code,
      reason,
    });
    if (session === undefined) return;
    // With these codes a client says that it does not come back: it is done, or its page was left.
    const mayReturn = code !== CloseCode.normal && code !== CloseCode.goingAway;
    sessions.disconnected(session, this, mayReturn);
  }
}

/** Slices of a heartbeat, so that ten thousand pings are not sent at once. */
const SLICES = 16;

/** Sends the heartbeats of all connections, and cuts silent clients. One timer for all. */
export class Heartbeats {
  readonly #timer: ReturnType<typeof setInterval>;
  /** Slice of each connection. It does not change, so that the heartbeats stay even while others come and go. */
  readonly #slices = new WeakMap<ServerSocket, number>();
  #turn = 0;
  #next = 0;

  constructor(heartbeat: number, sockets: () => Iterable<ServerSocket>) {
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % SLICES;
        for (const socket of sockets()) if (this.#sliceOf(socket) === this.#turn) socket.beat();
      },
      Math.max(1, heartbeat / SLICES),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sliceOf(socket: ServerSocket): number {
    const slice = this.#slices.get(socket) ?? this.#next++ % SLICES;
    this.#slices.set(socket, slice);
    return slice;
  }
}

// Bounds what the WebSocket library keeps of an incomplete message.

/**
 * The least average bytes of a message's fragments, and of the chunks that arrive from the network. Each costs some 150 bytes
 * beside its own. Those of clients are far larger.
 */
const SMALLEST_FRAGMENT = 1_024;
const SMALLEST_CHUNK = 256;

/** Bytes of a fragment's head; bytes of control frames between fragments, and of a chunk that ends in the next message. */
const FRAME_HEAD = 14;
const BESIDE = 2 * 65_536;

/** Options that bound the library, for messages of at most so many bytes. */
export function partsOf(maxPayload: number): {
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
} {
  return {
    maxFragments: Math.ceil(maxPayload / SMALLEST_FRAGMENT),
    maxBufferedChunks: Math.ceil(maxPayload / SMALLEST_CHUNK),
  };
}

/**
 * Counts all bytes that arrive, and bounds those of an incomplete message. The library counts only what is in fragments: not the
 * frames between them, such as pongs, and not that a fragment of one byte keeps all 64 KiB that it arrived with. Counts the time
 * that large pieces take, too: the system hands over up to 32 of them in a row.
 */
export function countIntake(stream: Duplex, socket: ServerSocket, maxPayload: number): void {
  const largest = maxPayload + partsOf(maxPayload).maxFragments * FRAME_HEAD + BESIDE;
  let began = 0;
  const begin = ({ length }: Buffer) => {
    if (length >= TIMED_PIECE_BYTES) began = performance.now();
  };
  const count = ({ length }: Buffer) => {
    if (!socket.arrived(length, largest)) {
      stream.off('data', begin).off('data', count);
      stream.pause();
    } else if (length >= TIMED_PIECE_BYTES) socket.hasRead(performance.now() - began);
  };
  // The library reads between the two.
  stream.prependListener('data', begin);
  stream.on('data', count);
}
