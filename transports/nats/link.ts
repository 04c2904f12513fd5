/** A connection's way to NATS: it connects at the first use, and again after each end. */
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { atMost, startTimer } from '../../src/async/timers.ts';
import { isClosed, PalmError } from '../../src/protocol/errors.ts';
import { NoLeader } from './leader.ts';
import type { NatsSettings } from './options.ts';
import type { Packages } from './packages.ts';
import { Session } from './session.ts';
import { WatchedEnds } from './watched-ends.ts';

/** First and longest wait in milliseconds before NATS is dialled again. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 2_000;

/** Milliseconds in which a leader must be chosen for what cannot go on without one. It takes up to ten seconds when a node has gone. */
const ELECTION = 30_000;

/** Milliseconds before what nobody did is tried again. */
const DO_AGAIN = 500;

/** What stands on a session. */
export interface SessionUser {
  /** A session is there. */
  up(session: Session): void;
  /** The session has ended. */
  down(error: PalmError): void;
  /** NATS was not reached, or will not do. The next attempt follows after `delay` milliseconds. */
  failed(error: PalmError, attempt: number, delay: number): void;
}

/** The way of one connection to NATS. */
export class NatsLink {
  readonly settings: NatsSettings;
  readonly watched: WatchedEnds = new WatchedEnds();
  readonly #packages: Packages;
  readonly #users = new Set<SessionUser>();
  #session: Session | undefined;
  /** Settles with the first outcome: a session, or why there is none. */
  #first: Deferred<void> | undefined;
  #stopWaiting: (() => void) | undefined;
  readonly #closed = deferred<void>();
  #isClosed = false;
  #attempts = 0;

  constructor(settings: NatsSettings, packages: Packages) {
    this.settings = settings;
    this.#packages = packages;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Adds a user, which is told of the session that is there, or of the next. */
  use(user: SessionUser): void {
    this.#users.add(user);
    this.#begin();
    if (this.#session !== undefined) user.up(this.#session);
  }

  /** Removes a user. */
  leave(user: SessionUser): void {
    this.#users.delete(user);
  }

  /**
   * The session, once there is one.
   * @throws PalmError why there is none: what the first attempt, or the last one, met.
   */
  async connected(): Promise<Session> {
    const attempt = this.#begin();
    if (this.#session !== undefined) return this.#session;
    await attempt;
    if (this.#session === undefined) throw isClosed('the connection');
    return this.#session;
  }

  /**
   * Does something over a session, and again while NATS has no leader for it, or the node that was asked has gone.
   * @throws PalmError what the last attempt met, `CLOSED` when the connection is closed.
   */
  async led<T>(run: (session: Session) => Promise<T>): Promise<T> {
    const end = performance.now() + ELECTION;
    for (;;) {
      try {
        return await run(await this.connected());
      } catch (error) {
        if (this.#isClosed) throw isClosed('the connection');
        if (!(error instanceof NoLeader) || performance.now() > end) throw error;
      }
      await atMost(DO_AGAIN, this.#closed.promise);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve();
    this.#stopWaiting?.();
    this.#first ??= deferred();
    this.#first.promise.catch(() => {});
    this.#first.reject(isClosed('the connection'));
    this.#users.clear();
    await this.#session?.close();
  }

  #begin(): Promise<void> {
    if (this.#first !== undefined) return this.#first.promise;
    this.#first = deferred();
    // Who waits for it sees it. Perhaps nobody does.
    this.#first.promise.catch(() => {});
    void this.#connect();
    return this.#first.promise;
  }

  async #connect(): Promise<void> {
    try {
      const session = await Session.open(this.settings, this.#packages);
      if (this.#isClosed) return await session.close();
      session.ended.then((error) => this.#ended(error));
      this.#session = session;
      this.#attempts = 0;
      this.#first?.resolve();
      for (const user of [...this.#users]) user.up(session);
    } catch (reason) {
      if (this.#isClosed) return;
      const error = PalmError.from(reason, 'DISCONNECTED', 'connecting to NATS');
      this.#first?.reject(error);
      this.#first = undefined;
      const delay = Math.min(FIRST_WAIT * 2 ** this.#attempts++, LONGEST_WAIT);
      for (const user of [...this.#users]) user.failed(error, this.#attempts, delay);
      this.#connectAfter(delay);
    }
  }

  #ended(error: PalmError): void {
    if (this.#isClosed) return;
    this.#session = undefined;
    this.#first = undefined;
    for (const user of [...this.#users]) user.down(error);
    this.#connectAfter(0);
  }

  #connectAfter(delay: number): void {
    this.#stopWaiting = startTimer(delay, () => {
      if (this.#first !== undefined) return;
      this.#first = deferred();
      this.#first.promise.catch(() => {});
      void this.#connect();
    });
  }
}
