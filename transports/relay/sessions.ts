import { startTimer } from '../../src/async/deadline.ts';
import { randomId } from '../../src/protocol/ids.ts';
import type { Delivery } from '../../src/transport.ts';
import type { Identity } from './identity.ts';
import { Peer, type PeerSettings } from './peer.ts';
import type { Upstream } from './upstream.ts';

export interface SessionsSettings {
  /** What the ids of all clients begin with. */
  readonly relayId: string;
  /** Sessions that may be remembered at once. */
  readonly most: number;
  /** Milliseconds that one without a socket is remembered. */
  readonly resumeWindow: number;
  readonly peers: PeerSettings;
}

interface Entry {
  readonly peer: Peer;
  /** Ends the time that it is remembered without a socket; undefined while it has one. */
  stopForgetting: (() => void) | undefined;
}

/** The clients of a relay, those that are connected and those that may come back. */
export class Sessions {
  readonly #settings: SessionsSettings;
  /** By what is between the first two slashes of their topics. */
  readonly #byNumber = new Map<string, Entry>();
  readonly #bySecret = new Map<string, Entry>();
  #next = 1;

  constructor(settings: SessionsSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#bySecret.size;
  }

  *[Symbol.iterator](): IterableIterator<Peer> {
    for (const { peer } of this.#bySecret.values()) yield peer;
  }

  /** A session that begins. When there is no room, the one that has been without a socket for longest is forgotten. */
  begin(identity: Identity): Peer {
    if (this.#bySecret.size >= this.#settings.most) this.#makeRoom();
    const number = (this.#next++).toString(36);
    const session = randomId();
    const peer = new Peer(`${this.#settings.relayId}/${number}`, session, identity, this.#settings.peers);
    const entry = { peer, stopForgetting: undefined };
    this.#byNumber.set(number, entry);
    this.#bySecret.set(session, entry);
    return peer;
  }

  /** The session of a client that is back; undefined when it is forgotten, or another's. */
  resume(session: string, identity: Identity): Peer | undefined {
    const entry = this.#bySecret.get(session);
    if (entry === undefined || entry.peer.identity.name !== identity.name) return undefined;
    entry.stopForgetting?.();
    entry.stopForgetting = undefined;
    return entry.peer;
  }

  /** Its socket is gone. It is remembered for a while. */
  leave(peer: Peer): void {
    const entry = this.#bySecret.get(peer.session);
    if (entry === undefined) return;
    peer.away();
    entry.stopForgetting?.();
    entry.stopForgetting = startTimer(this.#settings.resumeWindow, () => this.forget(peer));
    // Behind those that were left before it.
    this.#bySecret.delete(peer.session);
    this.#bySecret.set(peer.session, entry);
  }

  forget(peer: Peer): void {
    const entry = this.#bySecret.get(peer.session);
    if (entry === undefined) return;
    entry.stopForgetting?.();
    this.#bySecret.delete(peer.session);
    this.#byNumber.delete(numberOf(peer.id));
    peer.close();
  }

  /** Hands each client what is published for it. */
  deliver(upstream: Upstream, deliveries: readonly Delivery[]): void {
    for (let i = 0; i < deliveries.length; ) {
      const number = numberOf(deliveries[i]?.topic ?? '');
      let end = i + 1;
      while (end < deliveries.length && numberOf(deliveries[end]?.topic ?? '') === number) end++;
      const own = i === 0 && end === deliveries.length ? deliveries : deliveries.slice(i, end);
      this.#byNumber.get(number)?.peer.deliver(upstream, own);
      i = end;
    }
  }

  #makeRoom(): void {
    for (const { peer, stopForgetting } of this.#bySecret.values()) {
      if (stopForgetting === undefined) continue;
      this.forget(peer);
      return;
    }
  }
}

/** The client's number in its id or in one of its topics. */
function numberOf(topic: string): string {
  const start = topic.indexOf('/') + 1;
  const end = topic.indexOf('/', start);
  return end < 0 ? topic.slice(start) : topic.slice(start, end);
}
