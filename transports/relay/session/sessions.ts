import { startTimer } from '../../../src/async/timers.ts';
import { relayedClient, relayedId } from '../../../src/protocol/topics.ts';
import type { Delivery } from '../../../src/transport.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { Identity } from '../auth/identity.ts';
import { networkOf } from '../http/proxies.ts';
import type { SessionClient } from '../peers/peer-key.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { Expiry } from './expiry.ts';
import { ClientSession, type SessionSettings, type SessionSocket } from './session.ts';

export interface SessionsSettings {
  /** The first part of all clients' ids. */
  readonly relayId: string;
  /** The most sessions at once, connected or away. */
  readonly most: number;
  /** The most sessions without a socket of one group. */
  readonly mostAbsent: number;
  /** A new name of a session, that nobody can guess: all that a client needs to resume it. */
  readonly nameSession: (client: SessionClient) => string;
  /** Milliseconds that a session without a socket is remembered. */
  readonly resumeWindow: number;
  readonly sessions: Omit<SessionSettings, 'forget'>;
}

interface SessionEntry {
  readonly session: ClientSession;
  /** Stops the timer that forgets the session; undefined while it has a socket. */
  stopForgetting: (() => void) | undefined;
}

/** The group that a client is counted with: its network and its identity's name. */
export function groupOf(address: string, identity: Identity): string {
  return `${networkOf(address)} ${identity.name}`;
}

/** The sessions of a relay's clients, connected or away. */
export class Sessions {
  readonly #settings: SessionsSettings;
  /** By the client's id. */
  readonly #byClient = new Map<string, SessionEntry>();
  readonly #bySecret = new Map<string, SessionEntry>();
  /** Sessions without a socket, by group; in each group the one that has been away for longest is first. */
  readonly #absent = new Map<string, Set<ClientSession>>();
  readonly #expiry = new Expiry();
  readonly #sessionSettings: SessionSettings;
  #next = 1;

  constructor(settings: SessionsSettings) {
    this.#settings = settings;
    this.#sessionSettings = { ...settings.sessions, forget: (session) => this.forget(session) };
  }

  /** Whether other relays can go on with them. */
  get isAdoptable(): boolean {
    return this.#settings.sessions.isAdoptable;
  }

  get size(): number {
    return this.#bySecret.size;
  }

  *[Symbol.iterator](): IterableIterator<ClientSession> {
    for (const { session } of this.#bySecret.values()) yield session;
  }

  /**
   * Begins a session. When there is no room, a session without a socket is forgotten: the one that has been away for longest, of
   * the group with the most of them.
   * @param address - network address of the client.
   * @param adopted - the client's id, where another relay had its session.
   */
  begin(identity: Identity, address: string, adopted?: string): ClientSession {
    const before = adopted === undefined ? undefined : this.#byClient.get(adopted)?.session;
    // It has been elsewhere meanwhile: what is known of it here is out of date.
    if (before !== undefined) {
      before.disconnect(CloseCode.replaced, 'the client goes on with its session elsewhere');
      this.forget(before, true);
    }
    if (this.#bySecret.size >= this.#settings.most) this.#makeRoom();
    const group = groupOf(address, identity);
    const id = adopted ?? relayedId(this.#settings.relayId, (this.#next++).toString(36));
    const secret = this.#settings.nameSession({ id, identity: identity.name });
    const isAdopted = adopted !== undefined;
    const session = new ClientSession({ id, isAdopted, secret, identity, group }, this.#sessionSettings);
    const entry = { session, stopForgetting: undefined };
    this.#byClient.set(id, entry);
    this.#bySecret.set(secret, entry);
    return session;
  }

  /** The session of a client that comes back; undefined when it is forgotten, or belongs to another identity. */
  resume(secret: string, identity: Identity): ClientSession | undefined {
    const entry = this.#bySecret.get(secret);
    if (entry === undefined || entry.session.identity.name !== identity.name) return undefined;
    entry.stopForgetting?.();
    entry.stopForgetting = undefined;
    this.#isBack(entry.session);
    return entry.session;
  }

  /** The client is connected by this socket, as who it is now. */
  connect(session: ClientSession, socket: SessionSocket, identity: Identity): void {
    session.attach(socket);
    this.identified(session, identity);
  }

  /** The client is who it was. What it may do, or until when, may have changed. */
  identified(session: ClientSession, identity: Identity): void {
    session.identified(identity);
    if (session.isConnected) this.#expiry.watch(session);
  }

  /**
   * The socket has ended. If the client was connected by it, its session is forgotten, or remembered for a while.
   * @param mayReturn - whether the client may come back to the session.
   */
  disconnected(session: ClientSession, socket: SessionSocket, mayReturn: boolean): void {
    if (!session.detach(socket)) return;
    this.#expiry.forget(session);
    if (mayReturn) this.#leave(session);
    else this.forget(session);
  }

  #leave(session: ClientSession): void {
    const entry = this.#bySecret.get(session.secret);
    if (entry === undefined) return;
    session.away();
    entry.stopForgetting?.();
    entry.stopForgetting = startTimer(this.#settings.resumeWindow, () => this.forget(session, true));
    const absent = this.#absent.get(session.group) ?? new Set();
    this.#absent.set(session.group, absent);
    absent.add(session);
    // Clients that come and go without end push out sessions of their own group only.
    if (absent.size > this.#settings.mostAbsent) this.#forgetOldest(absent);
  }

  /** @param mayReturn - whether the client has not said that it is done: where it can, it may go on at another relay. */
  forget(session: ClientSession, mayReturn = false): void {
    const entry = this.#bySecret.get(session.secret);
    if (entry === undefined) return;
    entry.stopForgetting?.();
    this.#bySecret.delete(session.secret);
    this.#byClient.delete(session.id);
    this.#isBack(session);
    session.close(mayReturn && this.isAdoptable);
  }

  /** Gives each client the deliveries for its topics. */
  deliver(upstream: Upstream, deliveries: readonly Delivery[]): void {
    for (let i = 0; i < deliveries.length; ) {
      const client = relayedClient(deliveries[i]?.topic ?? '');
      let end = i + 1;
      while (end < deliveries.length && relayedClient(deliveries[end]?.topic ?? '') === client) end++;
      const own = i === 0 && end === deliveries.length ? deliveries : deliveries.slice(i, end);
      this.#byClient.get(client)?.session.deliver(upstream, own);
      i = end;
    }
  }

  #makeRoom(): void {
    let most: ReadonlySet<ClientSession> = new Set();
    for (const absent of this.#absent.values()) if (absent.size > most.size) most = absent;
    this.#forgetOldest(most);
  }

  #forgetOldest(absent: ReadonlySet<ClientSession>): void {
    for (const session of absent) {
      this.forget(session, true);
      return;
    }
  }

  /** The session has a socket again, or is forgotten. */
  #isBack(session: ClientSession): void {
    const absent = this.#absent.get(session.group);
    absent?.delete(session);
    if (absent?.size === 0) this.#absent.delete(session.group);
  }
}
