import { deferred } from '../../src/async/deferred.ts';
import { startTimer } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { remoteReason } from '../../src/protocol/printable.ts';
import type { ChannelStatus } from '../../src/transport.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { endsSession, finalError } from '../relay-protocol/close-codes.ts';
import {
  ADOPTS,
  FEATURES,
  type Frame,
  loneMessage,
  type RelayFrame,
  readRelayFrame,
  readRelayMessage,
  Type,
  type Welcome,
} from '../relay-protocol/frames.ts';
import { broken } from '../relay-protocol/msgpack.ts';
import { Incoming } from '../relay-protocol/pieces.ts';
import { MESSAGE_ROOM, ReliableLog } from '../relay-protocol/reliable-log.ts';
import { ClientSocket, type SocketEnd } from './client-socket.ts';
import type { WebsocketSettings } from './options.ts';
import type { SessionReader, SessionTerms, SharedSession } from './shared-session.ts';

export interface RelaySessionEvents extends SessionReader {
  report(status: ChannelStatus): void;
  /** A session began: all channels must be opened in it. */
  began(terms: SessionTerms): void;
  /** The session is over. Everything under way in it is lost. */
  lost(error: PalmError): void;
  /** The relay will not be dialled again. */
  ended(error: PalmError): void;
}

/** Heartbeats of silence after which the connection counts as broken, and how often in a heartbeat it is checked. */
const SILENCE = 1.7;
const LOOKS = 8;
/** Milliseconds that the relay gets to answer when the connection may be dead. */
const PATIENCE = 3_000;
/** Milliseconds of a timer's delay that show that the machine has slept, or the page was stopped. */
const NAP = 5_000;

/** A session with a relay, which outlives its WebSockets. */
export class RelaySession {
  readonly #settings: WebsocketSettings;
  readonly #events: RelaySessionEvents;
  readonly #backoff: Backoff;
  readonly #stopWake: () => void;
  #socket: ClientSocket | undefined;
  /** The current session, with or without a socket. */
  #session: SharedSession | undefined;
  #heartbeat = Number.POSITIVE_INFINITY;
  #lastSeen = 0;
  #connectedAt: number | undefined;
  #wasRefused = false;
  #isClosed = false;
  #isHeld = false;
  #stopRetry: (() => void) | undefined;
  #stopAsking = () => {};
  #stopResume = () => {};
  #stopWatch = () => {};

  constructor(settings: WebsocketSettings, events: RelaySessionEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#backoff = new Backoff(settings.maxDelay);
    this.#stopWake = onWake(
      () => this.#wake(),
      () => this.#socket?.drop(CloseCode.silent, 'put away'),
    );
  }

  start(): void {
    this.#events.report({ type: 'connecting', address: this.#settings.url });
    this.#dial();
  }

  /** Sends a frame of the session, now or after the next connection. */
  post(frame: Frame, flow?: () => string): void {
    this.#session?.log.post(frame, flow);
  }

  /** Set while a reader cannot keep up. Nothing is confirmed meanwhile, so the relay soon stops sending. */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    if (isHeld) this.#session?.log.hold();
    else this.#session?.log.release();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWake();
    this.#stopRetry?.();
    this.#stopAsking();
    this.#stopResume();
    this.#stopWatch();
    this.#socket?.drop(CloseCode.normal, '');
    this.#session = undefined;
  }

  async #dial(): Promise<void> {
    this.#stopRetry = undefined;
    const { WebSocket, url, token, connectTimeout } = this.#settings;
    const late = deferred<never>();
    this.#stopAsking = startTimer(connectTimeout, () =>
      late.reject(new Error(`nothing within ${connectTimeout} ms`)),
    );
    let given: string | undefined;
    try {
      given = await Promise.race([token(), late.promise]);
    } catch (error) {
      if (!this.#isClosed) this.#retry(`the token provider failed: ${messageOf(error)}`);
      return;
    } finally {
      this.#stopAsking();
    }
    if (this.#isClosed) return;
    try {
      const socket = new ClientSocket(WebSocket, url, connectTimeout, {
        opened: () => this.#greet(socket, given ?? null),
        received: (message) => this.#receive(message),
        ended: (end) => this.#disconnected(end),
      });
      this.#socket = socket;
    } catch (error) {
      // The platform refuses this URL, as by a page's security policy.
      this.#end(PalmError.from(error, 'FORBIDDEN', `no WebSocket to ${url}`));
    }
  }

  #greet(socket: ClientSocket, token: string | null): void {
    const session = this.#session;
    socket.send(loneMessage([Type.hello, token, session?.id ?? null, session?.log.received ?? 0], FEATURES));
  }

  #receive(bytes: Bytes): void {
    this.#lastSeen = performance.now();
    try {
      const message = readRelayMessage(bytes);
      if (this.#connectedAt === undefined) {
        this.#welcome(message.frames[0], message.confirmed);
        return;
      }
      const session = this.#session;
      if (session?.log.take(message, bytes.length) !== true) return;
      const whole = session.incoming.whole(message.frames);
      const type = whole[0]?.[0];
      if (type === Type.ping) session.log.tell([Type.pong]);
      else if (type !== undefined && type !== Type.pong) this.#events.arrived(whole);
    } catch (error) {
      this.#socket?.drop(CloseCode.badFrame, messageOf(error));
    }
  }

  #welcome(frame: RelayFrame | undefined, features: number): void {
    const socket = this.#socket;
    if (frame?.[0] !== Type.welcome || socket === undefined) {
      throw broken('no welcome');
    }
    const [, id, client, isResumed, received, maxFrame, window, heartbeat, resumeWindow, keyPrefix] =
      frame satisfies Welcome;
    this.#stopResume();
    this.#connectedAt = performance.now();
    this.#wasRefused = false;
    this.#heartbeat = heartbeat;
    const heaviest = Math.ceil(window / (1 + (features & FEATURES)));
    const terms = { client, maxFrame, window, heaviest, keyPrefix };
    if (!isResumed && !this.#session?.goesOn?.(id, terms))
      this.#lose('the relay forgot the session: it was restarted, or the client away or too slow');
    // None either where a relay says that it has resumed what this client does not have.
    const before = this.#session;
    const session: SharedSession = before ?? {
      id,
      log: new ReliableLog(),
      incoming: new Incoming(readRelayFrame, maxFrame + MESSAGE_ROOM),
      resumeWindow,
    };
    this.#session = session;
    const { log } = session;
    if (this.#isHeld) log.hold();
    log.resume((message) => socket.send(message), before ? received : 0, features > 0);
    socket.established();
    this.#watch();
    this.#events.report({ type: 'connected', address: this.#settings.url });
    const begin = () => {
      if (this.#session === session) this.#events.began(terms);
    };
    if (before) return;
    // In a chunk of its own: few relays adopt sessions. Without it this one is lost with its relay, as any other.
    if (features & ADOPTS)
      import('./adoption.ts').then((own) => own.keep(session, terms, this.#events)).then(begin, begin);
    else begin();
  }

  #disconnected({ code, reason }: SocketEnd): void {
    this.#socket = undefined;
    this.#stopWatch();
    this.#session?.log.suspend();
    if (this.#isClosed) return;
    const wasUp = this.#connectedAt !== undefined;
    if (this.#connectedAt !== undefined) this.#backoff.held(performance.now() - this.#connectedAt);
    this.#connectedAt = undefined;
    const text =
      reason === '' ? `the connection to the relay broke (close code ${code})` : remoteReason(reason);
    const final = this.#finalError(code, wasUp);
    if (final !== undefined) {
      this.#end(
        new PalmError(final, `the relay at ${this.#settings.url} ended the connection: ${text}`, {
          sent: 'unknown',
        }),
      );
      return;
    }
    if (endsSession(code)) this.#lose(text);
    const session = this.#session;
    if (wasUp && session !== undefined) {
      // The relay forgets the session after that time.
      this.#stopResume = startTimer(session.resumeWindow, () => {
        this.#lose(`the session is lost: ${text}`);
        // A new connection may be about to resume it.
        this.#socket?.drop(CloseCode.silent, 'given up');
      });
    }
    this.#retry(text);
  }

  /** A refused token may have expired. If a fresh one can be asked for, the client tries again once. */
  #finalError(code: number, wasUp: boolean) {
    if (code === CloseCode.unauthorized && (wasUp || this.#settings.isTokenFresh) && !this.#wasRefused) {
      this.#wasRefused = true;
      return undefined;
    }
    return finalError(code);
  }

  #retry(reason: string): void {
    const { url } = this.#settings;
    const delay = this.#backoff.next();
    this.#events.report({ type: 'disconnected', address: url, reason });
    this.#events.report({ type: 'reconnecting', address: url, attempt: this.#backoff.attempt, delay });
    this.#stopRetry = startTimer(delay, () => this.#dial());
  }

  #lose(why: string): void {
    if (this.#session === undefined) return;
    this.#session = undefined;
    this.#events.lost(new PalmError('LOST', why, { sent: 'unknown' }));
  }

  #end(error: PalmError): void {
    this.close();
    this.#events.ended(error);
  }

  /** Checks whether the relay is alive: it sends something at every heartbeat. */
  #watch(isSecondLook = false, pause = this.#heartbeat / LOOKS): void {
    const begin = Date.now();
    this.#stopWatch();
    this.#stopWatch = startTimer(pause, () => {
      const isSilent = performance.now() - this.#lastSeen > SILENCE * this.#heartbeat;
      // Messages that came while the page was frozen are read before the second check.
      if (isSilent && isSecondLook) this.#socket?.drop(CloseCode.silent, 'nothing came');
      // The system's clock goes on while a machine sleeps; `performance.now()` does not everywhere.
      else if (Date.now() - begin > pause + NAP) this.#wake();
      else this.#watch(isSilent);
    });
  }

  /** The connection may be dead without an event: sends a ping, and drops the connection when no answer comes soon. */
  #wake(): void {
    if (this.#stopRetry !== undefined) {
      this.#stopRetry();
      this.#dial();
    } else if (this.#connectedAt !== undefined) {
      this.#lastSeen = Number.NEGATIVE_INFINITY;
      this.#session?.log.ping();
      this.#watch(true, PATIENCE);
    }
  }
}

/** The most milliseconds of the first delay, and of any. */
const FIRST = 200;
const LONGEST = 30_000;
/** How many delays long a connection must have held for the next attempt to count as the first. */
const STABLE = 5;

/**
 * Delays between attempts: random, up to a bound that doubles ("full jitter"), so that clients that lost their connections
 * together do not come back together.
 */
export class Backoff {
  readonly #longest: number;
  readonly #random: () => number;
  #attempt = 0;

  /** @param longest - the most milliseconds of a delay. */
  constructor(longest: number = LONGEST, random: () => number = Math.random) {
    this.#longest = longest;
    this.#random = random;
  }

  /** Attempts since the last connection that held. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const bound = this.#bound;
    this.#attempt++;
    return this.#random() * bound;
  }

  /** A connection held for so many milliseconds. */
  held(duration: number): void {
    if (duration >= STABLE * this.#bound) this.#attempt = 0;
  }

  get #bound(): number {
    return Math.min(this.#longest, FIRST * 2 ** Math.min(this.#attempt, 30));
  }
}

/** The part of the global object that this needs, which not all platforms have. */
interface Page {
  addEventListener?(type: string, listener: (event: PageEvent) => void, isCapturing: true): void;
  removeEventListener?(type: string, listener: (event: PageEvent) => void, isCapturing: true): void;
}

interface PageEvent {
  readonly type: string;
  readonly persisted?: boolean;
}

const EVENTS = ['visibilitychange', 'online', 'pageshow', 'resume', 'pagehide'] as const;

/**
 * Calls `wake` when a page's connection may be dead: the page is shown or hidden, the network is back, or the browser had stopped the
 * page. Calls `leave` when the page is put away and may come back. Returns a function that stops this.
 */
export function onWake(wake: () => void, leave: () => void): () => void {
  const page = globalThis as Page;
  const listener = ({ type, persisted }: PageEvent) => {
    if (type !== 'pagehide') wake();
    else if (persisted === true) leave();
  };
  // Some events are the window's, some the document's. A capturing listener on the window gets all.
  for (const type of EVENTS) page.addEventListener?.(type, listener, true);
  return () => {
    for (const type of EVENTS) page.removeEventListener?.(type, listener, true);
  };
}
