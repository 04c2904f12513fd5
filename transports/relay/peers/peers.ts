/** The relays beside this one, which own the sessions that they have begun. */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { Fifo } from '../../../src/async/fifo.ts';
import { PEER_ANSWER, PEER_DIALS } from '../../../src/flow-control.ts';
import { inspectValue, invalidCall, mustBe } from '../../../src/protocol/errors.ts';
import { PEER_SUBPROTOCOL } from '../../relay-protocol/frames.ts';
import type { RelayPeers } from './options.ts';
import { Passage, type PassedClient } from './passage.ts';
import { PeerEntrance } from './peer-entrance.ts';
import { ID_FORM, isPeerId, PeerKey, type SessionClient } from './peer-key.ts';
import { PeerLink, type PeerLinkSettings } from './peer-link.ts';

/** Makes a WebSocket to a URL, with these headers and the relay's bounds. */
export type DialUrl = (
  url: string,
  subprotocol: string,
  options: { readonly headers: Readonly<Record<string, string>>; readonly handshakeTimeout: number },
) => WebSocket;

/** A relay that sessions are passed on to. */
interface Peer {
  readonly url: string;
  /** Passages that the peer has not answered yet, and those that wait for one of their places. */
  dialling: number;
  readonly waiting: Fifo<() => boolean>;
}

export class Peers {
  readonly id: string;
  readonly #key: PeerKey;
  readonly #peers = new Map<string, Peer>();
  readonly #dialUrl: DialUrl;
  readonly #links = new Set<PeerLink>();

  /** @throws PalmError `INVALID_CALL` for an option that is not acceptable. The message does not contain the key. */
  constructor({ id, key, urls }: RelayPeers, dialUrl: DialUrl) {
    if (!isPeerId(id)) throw mustBe('peers.id', ID_FORM, id);
    this.id = id;
    this.#key = new PeerKey(key);
    this.#dialUrl = dialUrl;
    for (const [peer, url] of Object.entries(urls)) {
      if (!isPeerId(peer)) throw mustBe('an id in peers.urls', ID_FORM, peer);
      if (peer === id) throw invalidCall(`peers.urls has the relay ${id} itself: give only the others`);
      checkPeerUrl(`peers.urls.${peer}`, url);
      this.#peers.set(peer, { url, dialling: 0, waiting: new Fifo() });
    }
  }

  /** Passages whose owner goes on with the session, or has not answered yet. */
  get size(): number {
    return this.#links.size;
  }

  /** A new name for a session of this relay. @param client - whose it is, where another relay may adopt it. */
  nameSession(client?: SessionClient): string {
    return this.#key.nameSession(this.id, client);
  }

  /** The id of the client whose session may be adopted here; undefined where it may not, or is another identity's. */
  clientOf(session: string, identity: string): string | undefined {
    return this.#key.clientOf(session, identity);
  }

  /** The relay that has begun the session of this name; undefined for a name that is made up. */
  ownerOf(session: string): string | undefined {
    return this.#key.ownerOf(session);
  }

  /** How a relay comes in that dials this one; undefined for an upgrade that is not a relay's. */
  entrance(request: IncomingMessage): PeerEntrance | undefined {
    return PeerEntrance.of(request, this.id, this.#key);
  }

  /**
   * Passes a session on to the relay that owns it. Only so many are on their way to one relay at once, so that the many that come
   * back together do not look like a flood to it.
   * @returns undefined when that relay is not known here.
   */
  pass(
    owner: string,
    { client, greeting }: Pick<PeerLinkSettings, 'client' | 'greeting'>,
    passed: PassedClient,
  ): Passage | undefined {
    const peer = this.#peers.get(owner);
    if (peer === undefined) return undefined;
    let hasPlace = false;
    const passage = new Passage(owner, passed, () => {
      if (!hasPlace) return;
      peer.dialling--;
      this.#dialNext(peer);
    });
    peer.waiting.push(() => {
      if (passage.hasEnded) return false;
      hasPlace = true;
      passage.dial((events) => {
        const settings = { key: this.#key, dialler: this.id, owner, client, greeting };
        const link: PeerLink = new PeerLink((headers) => this.#dial(peer.url, headers), settings, {
          welcomed: (message) => events.welcomed(message),
          received: (message) => events.received(message),
          ended: (...end) => {
            this.#links.delete(link);
            events.ended(...end);
          },
        });
        this.#links.add(link);
        return link;
      });
      return true;
    });
    this.#dialNext(peer);
    return passage;
  }

  /** Ends what is left of all links, and of those that are being closed. */
  close(): void {
    for (const link of [...this.#links]) link.terminate();
  }

  #dialNext(peer: Peer): void {
    while (peer.dialling < PEER_DIALS) {
      const begin = peer.waiting.shift();
      if (begin === undefined) return;
      if (begin()) peer.dialling++;
    }
  }

  #dial(url: string, headers: Readonly<Record<string, string>>): WebSocket {
    return this.#dialUrl(url, PEER_SUBPROTOCOL, { headers, handshakeTimeout: PEER_ANSWER });
  }
}

/** Checks the URL of a relay's WebSocket. @throws PalmError `INVALID_CALL` naming `what`. */
export function checkPeerUrl(what: string, url: unknown): string {
  let hasPassword = false;
  try {
    const { protocol, hash, username, password } = new URL(String(url));
    hasPassword = username + password !== '';
    if (['ws:', 'wss:'].includes(protocol) && hash === '' && !hasPassword) return String(url);
  } catch {
    // Said below.
  }
  if (hasPassword)
    throw invalidCall(
      `${what} must be without user and password: relays know each other by the key of peers`,
    );
  throw invalidCall(
    `${what} must be the URL of a WebSocket, such as ws://10.0.0.2:7766/, not ${inspectValue(url)}`,
  );
}
