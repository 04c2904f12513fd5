import { deferred } from '../../src/async/deferred.ts';
import { startTimer } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { remoteReason } from '../../src/protocol/printable.ts';
import type { ChannelStatus } from '../../src/transport.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { endsSession, finalError } from '../relay-protocol/close-codes.ts';
import {
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

/** What the relay said of a session when it began. */
export interface SessionTerms {
  /** Id of the client. */
  readonly client: string;
  readonly maxFrame: number;
  readonly window: number;
  /** Bytes that an envelope counts for within it, at most. */
  readonly heaviest: number;
  readonly keyPrefix: string;
}

export interface RelaySessionEvents {
  report(status: ChannelStatus): void;
  /** A session began: everything is to be opened in it. */
  began(terms: SessionTerms): void;
  /** Frames of the session, each once and in order. */
  arrived(frames: readonly RelayFrame[]): void;
  /** The session is over, and with it what was under way in it. */
  lost(error: PalmError): void;
  /** The relay will not be dialled again. */
  ended(error: PalmError): void;
}

/** Of the time that two pings take: silence after which the link counts as broken, and the time between two looks. */
const SILENCE = 1.7;
const LOOKS = 8;
/** Milliseconds that the relay gets to answer when the link may have died unseen. */
const PATIENCE = 3_000;
/** Milliseconds that a timer is late by when the machine has slept, or the page was stopped. */
const NAP = 5_000;

/** A session with a relay, over as many WebSockets as it takes. */
export class RelaySession {
  readonly #settings: WebsocketSettings;
  readonly #events: RelaySessionEvents;
  readonly #backoff: Backoff;
  readonly #stopWake: () => void;
  #socket: ClientSocket | undefined;
  /** Of the session that goes on, with or without a socket. */
  #session:
    | {
        readonly id: string;
        readonly log: ReliableLog;
        readonly incoming: Incoming<RelayFrame>;
        readonly resumeWindow: number;
      }
    | undefined;
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
      () => this.#socket?.drop(CloseCode.silent, 'the page is put away'),
    );
  }

  /** Whether there is a session to post in. */
  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  start(): void {
    this.#events.report({ type: 'connecting', address: this.#settings.url });
    this.#dial();
  }

  /** Sends a frame of the session, now or when the link is back. */
  post(frame: Frame, flow?: () => string): void {
    this.#session?.log.post(frame, flow);
  }

  /** Whether the reader keeps up: while it does not, what comes is not confirmed, and the relay stops before long. */
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
      // The platform will have none to this URL, as a page's security policy may say.
      this.#end(PalmError.from(error, 'FORBIDDEN', `no WebSocket to ${url}`));
    }
  }

  #greet(socket: ClientSocket, token: string | null): void {
    const session = this.#session;
    socket.send(loneMessage([Type.hello, token, session?.id ?? null, session?.log.received ?? 0], FEATURES));
  }

  #receive(message: Bytes): void {
    this.#lastSeen = performance.now();
    try {
      const { sequence, confirmed, frames } = readRelayMessage(message);
      if (this.#connectedAt === undefined) {
        this.#welcome(frames[0], confirmed);
        return;
      }
      const session = this.#session;
      if (session?.log.take({ sequence, confirmed, frames }, message.length) !== true) return;
      const whole = session.incoming.whole(frames);
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
      throw broken('the relay did not begin with a welcome');
    }
    const [, id, client, isResumed, received, maxFrame, window, heartbeat, resumeWindow, keyPrefix] =
      frame satisfies Welcome;
    this.#stopResume();
    this.#connectedAt = performance.now();
    this.#wasRefused = false;
    this.#heartbeat = heartbeat;
    const before = this.#session;
    if (!isResumed && before !== undefined) {
      this.#lose('the relay forgot the session: it was restarted, or the client was away or too slow');
    }
    const session = (isResumed && before) || {
      id,
      log: new ReliableLog(),
      incoming: new Incoming(readRelayFrame, maxFrame + MESSAGE_ROOM),
      resumeWindow,
    };
    this.#session = session;
    const { log } = session;
    if (this.#isHeld) log.hold();
    log.resume((message) => socket.send(message), isResumed ? received : 0, features > 0);
    socket.established();
    this.#watch();
    this.#events.report({ type: 'connected', address: this.#settings.url });
    if (!isResumed)
      this.#events.began({
        client,
        maxFrame,
        window,
        heaviest: Math.ceil(window / (1 + (features & FEATURES))),
        keyPrefix,
      });
  }

  #disconnected({ code, reason }: SocketEnd): void {
    this.#socket = undefined;
    this.#stopWatch();
    this.#session?.log.suspend();
    if (this.#isClosed) return;
    const wasUp = this.#connectedAt !== undefined;
    if (this.#connectedAt !== undefined) this.#backoff.held(performance.now() - this.#connectedAt);
    this.#connectedAt = undefined;
    const text = reason === '' ? `the link to the relay broke (close code ${code})` : remoteReason(reason);
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
      // The relay forgets it then, so nobody needs to wait for it any longer.
      this.#stopResume = startTimer(session.resumeWindow, () => {
        this.#lose(`the link to the relay is away: ${text}`);
        // It may be about to go on with it.
        this.#socket?.drop(CloseCode.silent, 'the session was given up');
      });
    }
    this.#retry(text);
  }

  /** A token that is refused may have expired: one that is asked for anew gets another chance, once. */
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

  /** Looks whether the relay still lives: it sends something at every heartbeat. */
  #watch(isSecondLook = false, pause = this.#heartbeat / LOOKS): void {
    const begin = Date.now();
    this.#stopWatch();
    this.#stopWatch = startTimer(pause, () => {
      const isSilent = performance.now() - this.#lastSeen > SILENCE * this.#heartbeat;
      // What came while the page was frozen is read before the second look.
      if (isSilent && isSecondLook) this.#socket?.drop(CloseCode.silent, 'nothing came from the relay');
      // The clock of the system goes on while a machine sleeps; the other one does not everywhere.
      else if (Date.now() - begin > pause + NAP) this.#wake();
      else this.#watch(isSilent);
    });
  }

  /** The link may be dead and nobody knows: the relay is asked, and the link dropped when no answer comes soon. */
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

/** Milliseconds of an attempt's first delay, at most, and of any. */
const FIRST = 200;
const LONGEST = 30_000;
/** So many delays long a link must have held for the next attempt to count as a first one. */
const STABLE = 5;

/**
 * Delays between attempts: random ones up to a bound that doubles ("full jitter"), so that clients that were cut at the same
 * time do not come back at the same time.
 */
export class Backoff {
  readonly #longest: number;
  readonly #random: () => number;
  #attempt = 0;

  /** @param longest - milliseconds that no delay is beyond. */
  constructor(longest: number = LONGEST, random: () => number = Math.random) {
    this.#longest = longest;
    this.#random = random;
  }

  /** Attempts since the last link that held. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const bound = this.#bound;
    this.#attempt++;
    return this.#random() * bound;
  }

  /** A link was up for so many milliseconds. */
  held(duration: number): void {
    if (duration >= STABLE * this.#bound) this.#attempt = 0;
  }

  get #bound(): number {
    return Math.min(this.#longest, FIRST * 2 ** Math.min(this.#attempt, 30));
  }
}

/** The part of the platform's global object that this needs; not all have it. */
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
 * Calls `wake` when a page may come back to life: it is shown or hidden, the network is back, or the browser had stopped it. What it took for
 * a link may be none by then. Calls `leave` when the page is put away and may come back. Gives the function that ends this.
 */
export function onWake(wake: () => void, leave: () => void): () => void {
  const page = globalThis as Page;
  const listener = ({ type, persisted }: PageEvent) => {
    if (type !== 'pagehide') wake();
    else if (persisted === true) leave();
  };
  // Some are the window's and some the document's; capturing, the window hears of all.
  for (const type of EVENTS) page.addEventListener?.(type, listener, true);
  return () => {
    for (const type of EVENTS) page.removeEventListener?.(type, listener, true);
  };
}
