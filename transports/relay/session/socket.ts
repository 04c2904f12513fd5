import type { RawData, WebSocket } from 'ws';
import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import type { ReadTurns } from '../../../src/async/read-turns.ts';
import { startTimer } from '../../../src/async/timers.ts';
import { GREETING_BYTES } from '../../../src/flow-control.ts';
import type { Logger } from '../../../src/logging.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import { closeReason } from '../../relay-protocol/close-codes.ts';
import {
  ADOPTS,
  type ClientFrame,
  FEATURES,
  type Hello,
  loneMessage,
  PEER_SUBPROTOCOL,
  readClientMessage,
  SUBPROTOCOL,
  Type,
} from '../../relay-protocol/frames.ts';
import type { ConnectionInfo, Identity } from '../auth/identity.ts';
import type { Admission } from '../http/admission.ts';
import type { Metrics } from '../http/metrics.ts';
import { networkOf } from '../http/proxies.ts';
import type { Refusal } from '../http/refusals.ts';
import type { PeerEntrance } from '../peers/peer-entrance.ts';
import type { ForwardedClient } from '../peers/peer-messages.ts';
import type { Peers } from '../peers/peers.ts';
import type { ResolvedLimits } from './limits.ts';
import type { BudgetHolder, MemoryBudget } from './memory-budget.ts';
import { PassedSession, type PassingSocket } from './passed-session.ts';
import { type ClientSession, closeFor, type SessionSocket } from './session.ts';
import { groupOf, type Sessions } from './sessions.ts';

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
  /** The relays beside this one, if there are any. */
  readonly peers: Peers | undefined;
  readonly isDraining: () => boolean;
}

/** How a socket has come, where there are relays beside this one. */
export interface Arrival {
  /** Where another relay has dialled: it has to prove itself, and says then which client it is for. */
  readonly entrance: PeerEntrance | undefined;
  /** The host that the socket has reached the relay at, and the address of the TCP socket. */
  readonly host: string;
  readonly via: string;
  /** Counts the connection for the client that the other relay names. @returns the refusal where the client may not connect. */
  readonly enterFor: (client: ForwardedClient) => Refusal | undefined;
}

/** What a session takes of the greeting. */
interface GreetingParts {
  readonly token: string | null;
  readonly received: number;
  readonly isPaced: boolean;
}

/** Milliseconds that a client gets to answer the closing handshake. */
const CLOSE_TIMEOUT = 1_000;

/** Replaces the function of a stopped timer, which would hold memory; also a listener that does nothing. */
const NOTHING = () => {};

/** Bytes of an incomplete message after which its memory is counted again. */
const ARRIVING_STEP = 16_384;

/** One WebSocket of a client, from its greeting to its end. */
export class ServerSocket implements SessionSocket, BudgetHolder, PassingSocket {
  #info: ConnectionInfo;
  session: ClientSession | undefined;
  readonly #arrival: Arrival | undefined;
  /** The client's session, where another relay owns it. */
  #passed: PassedSession | undefined;
  #group: string | undefined;
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
  /** Bytes that wait for the client or the owner of its session, as far as they are counted in the budget. */
  #waiting = 0;

  constructor(socket: WebSocket, info: ConnectionInfo, context: SocketContext, arrival?: Arrival) {
    this.#socket = socket;
    this.#info = info;
    this.#context = context;
    this.#arrival = arrival;
    context.sockets.add(this);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code, reason) => this.#close(code, String(reason)));
    // A close event follows any error.
    socket.on('error', NOTHING);
    const { greetingTimeout } = context.limits;
    this.#stopTimer = startTimer(greetingTimeout, () => this.close(CloseCode.silent, 'no greeting came'));
    const entrance = arrival?.entrance;
    if (entrance !== undefined && socket.protocol === PEER_SUBPROTOCOL) socket.send(entrance.challenge);
    else if (socket.protocol !== SUBPROTOCOL) {
      this.close(CloseCode.unsupportedVersion, `this relay speaks ${SUBPROTOCOL}`);
    }
  }

  /** Who is connected. */
  get info(): ConnectionInfo {
    return this.#info;
  }

  /** Whether another relay owns the session, or is asked whether it does. */
  get isPassedOn(): boolean {
    return this.#passed?.isOn === true;
  }

  get isClosing(): boolean {
    return this.#isClosing;
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
      // Its side of the closing handshake would not be read.
      this.#passed?.release();
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

  /** The group that it is counted with until the client has a session here. */
  get group(): string {
    return this.#group ?? networkOf(this.info.address);
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
    if (session === undefined && !this.isPassedOn && this.#arriving > GREETING_BYTES) {
      this.close(CloseCode.tooBig, `the greeting has more than ${GREETING_BYTES} bytes`);
    } else if (this.#arriving > most) {
      this.close(CloseCode.tooBig, `a message takes more than ${most} bytes of the connection`);
    }
    // While the socket is being closed only its end may come, and nothing large.
    if (this.#isClosing && this.#arriving > ARRIVING_STEP) return false;
    if (Math.abs(this.#arriving - this.#counted) >= ARRIVING_STEP) {
      this.#counted = this.#arriving;
      if (session === undefined) this.#context.budget.set(this, this.#counted + this.#waiting);
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
    turns.wait(() => {
      if (this.#passed?.isHeld !== true) socket.resume();
    });
  }

  /** Sends a heartbeat, or cuts a silent client. */
  beat(): void {
    const { session } = this;
    if ((session === undefined && !this.isPassedOn) || this.#isClosing) return;
    if (!this.#isAlive) {
      // A silent client would not answer a closing handshake.
      this.#why = { code: CloseCode.silent, reason: 'the client has sent nothing for two heartbeats' };
      this.#isClosing = true;
      this.terminate();
      return;
    }
    this.#isAlive = false;
    // The owner of a session that is passed on sends pings by itself.
    session?.beat();
  }

  write(message: Buffer, sent?: () => void): void {
    this.#context.metrics.message('out', message.length);
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(message, sent);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  waiting(bytes: number): void {
    this.#waiting = bytes;
    this.#context.budget.set(this, this.#counted + bytes);
  }

  greeted(): void {
    this.#stopTimer();
    this.#stopTimer = NOTHING;
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isClosing) return;
    this.#isAlive = true;
    this.#isWhole = true;
    try {
      const entrance = this.#arrival?.entrance;
      if (entrance?.isProved === false) {
        this.#enter(entrance, isBinary ? '' : String(data));
        return;
      }
      if (!isBinary || !Buffer.isBuffer(data))
        throw new PalmError('PROTOCOL', 'a text message came, and frames are binary');
      this.#context.metrics.message('in', data.length);
      if (this.#passed?.isOpen === true) {
        this.#passed.forward(data);
        return;
      }
      const message = readClientMessage(
        new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length),
      );
      if (this.session !== undefined) this.session.take(message, data.length);
      else this.#greet(message.frames, message.confirmed, data);
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

  #greet([hello, ...more]: readonly ClientFrame[], features: number, greeting: Buffer): void {
    if (hello?.[0] !== Type.hello || more.length > 0 || this.#hasGreeted) {
      throw new PalmError(
        'PROTOCOL',
        'the first frame must be a greeting, and nothing may follow before its answer',
      );
    }
    this.#hasGreeted = true;
    this.#admit(hello, features > 0, greeting).catch((error) => this.#fail(error));
  }

  /** Another relay proves itself. From then on the connection counts as that of the client which it names. */
  #enter(entrance: PeerEntrance, text: string): void {
    const { metrics, logger, budget, peers } = this.#context;
    const peer = entrance.peer;
    let client: ForwardedClient;
    try {
      client = entrance.admit(text);
    } catch (error) {
      metrics.peer(peer === peers?.id ? 'id' : 'proof');
      logger.warning('a relay was refused', { ...this.info, peer, reason: messageOf(error) });
      throw error;
    }
    const refusal = this.#arrival?.enterFor(client);
    if (refusal !== undefined) {
      metrics.peer(refusal.code === CloseCode.tooMany ? 'room' : 'origin');
      this.close(refusal.code ?? CloseCode.forbidden, refusal.reason);
      return;
    }
    budget.set(this, 0);
    this.#counted = 0;
    this.#info = { address: client.address, origin: client.origin === '' ? undefined : client.origin };
  }

  async #admit([, token, secret, received]: Hello, isPaced: boolean, greeting: Buffer): Promise<void> {
    const { sessions, peers, metrics } = this.#context;
    let identity = await this.#identify(token);
    if (identity === undefined) return;
    const known = secret === null ? undefined : sessions.resume(secret, identity);
    if (known !== undefined) {
      this.#begin(known, true, identity, { token, received, isPaced });
      return;
    }
    if (this.#arrival?.entrance !== undefined) {
      this.#refusePeer(secret);
      return;
    }
    if (secret !== null && peers !== undefined) {
      if (await this.#passOn(secret, identity, peers, greeting)) return;
      // The grants may have changed meanwhile, and nobody asks for clients without a session.
      identity = await this.#identify(token);
      if (identity === undefined) return;
    }
    const adopted = this.#adoptable(secret, identity);
    if (this.#context.isDraining()) {
      const code = adopted === undefined ? CloseCode.goingAway : CloseCode.elsewhere;
      this.close(code, 'the relay is going down');
      return;
    }
    metrics.session(adopted !== undefined ? 'adopted' : secret === null ? 'new' : 'forgotten');
    const session = sessions.begin(identity, this.info.address, adopted);
    this.#begin(session, false, identity, { token, received: 0, isPaced });
  }

  /** The id of the client whose session can go on here, although no relay has it; undefined where none can. */
  #adoptable(secret: string | null, identity: Identity): string | undefined {
    const { sessions, peers } = this.#context;
    return sessions.isAdoptable && secret !== null ? peers?.clientOf(secret, identity.name) : undefined;
  }

  /** @returns undefined when the socket is closed. */
  async #identify(token: string | null): Promise<Identity | undefined> {
    const identity = await this.#context.admission.identify(token ?? undefined, this.info);
    if (this.#isClosing) return undefined;
    if (identity === undefined) {
      if (this.#arrival?.entrance !== undefined) this.#context.metrics.peer('token');
      this.close(
        CloseCode.unauthorized,
        token === null ? 'a token is needed' : 'the token is wrong or has expired',
      );
    }
    return identity;
  }

  /** The relay that dials takes it from there. A session is begun where the client is connected, and nothing is passed on twice. */
  #refusePeer(secret: string | null): void {
    const { peers, metrics } = this.#context;
    const isOwn = secret !== null && peers?.ownerOf(secret) === peers?.id;
    metrics.peer(isOwn ? 'unknown' : 'loop');
    if (isOwn) this.close(CloseCode.unknownSession, 'the session is forgotten');
    else this.close(CloseCode.forbidden, 'the session is not one of this relay');
  }

  /** @returns whether the client is taken care of: not where a session has to begin here. */
  async #passOn(secret: string, identity: Identity, peers: Peers, greeting: Buffer): Promise<boolean> {
    const owner = peers.ownerOf(secret);
    if (owner === peers.id) return false;
    const { address, origin = '' } = this.info;
    const { host = '', via = '' } = this.#arrival ?? {};
    const passed = new PassedSession(this, this.#context);
    this.#passed = passed;
    if (!passed.ask(peers, owner, { client: { address, origin, host, via }, greeting })) return false;
    this.#context.budget.set(this, 0);
    this.#counted = 0;
    this.#group = groupOf(address, identity);
    this.waiting(greeting.length);
    return passed.isTaken;
  }

  #begin(
    session: ClientSession,
    isResumed: boolean,
    identity: Identity,
    { token, received, isPaced }: GreetingParts,
  ): void {
    const { sessions, limits, metrics, budget } = this.#context;
    this.greeted();
    if (isResumed) metrics.session('resumed');
    if (this.#arrival?.entrance !== undefined) metrics.peer('taken');
    sessions.connect(session, this, identity);
    this.session = session;
    budget.set(this, 0);
    session.admitted({ token: token ?? undefined, info: this.info });
    const { maxFrame, window, heartbeat, resumeWindow } = limits;
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
        FEATURES + (sessions.isAdoptable ? ADOPTS : 0),
      ),
    );
    session.resume(this, received, isPaced);
  }

  #close(code: number, reason: string): void {
    this.#isClosing = true;
    this.#stopTimer();
    this.#context.budget.set(this, 0);
    this.#ended?.resolve();
    // The relay's own reason says more than its echo.
    const why = this.#why ?? { code, reason };
    this.#passed?.ended(why.code, why.reason);
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
