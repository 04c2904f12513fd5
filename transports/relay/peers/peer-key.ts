/** What relays prove with the key that they share, and nobody else has. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalidCall } from '../../../src/protocol/errors.ts';
import { randomId } from '../../../src/protocol/ids.ts';

/** The fewest characters of the key: strangers may try keys against a proof for as long as they like. */
const SHORTEST_KEY = 32;

/** Characters of the proof in a session's name: 132 bits. */
const NAME_PROOF_LENGTH = 22;

/** What an id of a relay is, for errors. */
export const ID_FORM = 'a name of up to 64 letters, digits, - and _';

/** Whether a relay may have this id: it stands before the dot in the names of its sessions. */
export function isPeerId(id: unknown): id is string {
  return typeof id === 'string' && /^[\w-]{1,64}$/.test(id);
}

/** What both sides of a connection between two relays have in common: its proofs are of no use for any other. */
export interface Exchange {
  /** Ids of the relay that dials, and of the one that is dialled. */
  readonly dialler: string;
  readonly owner: string;
  /** What each of them has chosen at random for this connection. */
  readonly diallerNonce: string;
  readonly ownerNonce: string;
}

/** Whose session it is. */
export interface SessionClient {
  /** Id of the client. */
  readonly id: string;
  /** Name of its identity: no other may have the session. */
  readonly identity: string;
}

/** Makes proofs with a key, and checks them in a time that says nothing about them. */
export class PeerKey {
  readonly #key: string;

  /** @throws PalmError `INVALID_CALL` for a key that is too short. The message does not contain it. */
  constructor(key: unknown) {
    if (typeof key !== 'string' || key.length < SHORTEST_KEY)
      throw invalidCall(`peers.key must be a string of ${SHORTEST_KEY} characters or more`);
    this.#key = key;
  }

  /** A new name for a session of the relay `id`. With a client it says whose session it is, so that another relay can adopt it. */
  nameSession(id: string, client?: SessionClient): string {
    const own = client === undefined ? '' : `.${client.id}.${this.#clientProof(client)}`;
    const name = `${id}.${randomId()}${own}`;
    return `${name}.${this.#nameProof(name)}`;
  }

  /**
   * The id of the client whose session has this name; undefined for a name that no relay with the key has given, that does not say it, or
   * that was given to another identity.
   */
  clientOf(session: string, identity: string): string | undefined {
    if (this.ownerOf(session) === undefined) return undefined;
    const [, , id, proof] = session.split('.');
    // A name that says nothing of its client ends with the proof of the name.
    if (id === undefined || proof === undefined) return undefined;
    return isSame(proof, this.#clientProof({ id, identity })) ? id : undefined;
  }

  /** The relay that has given a session this name; undefined for a name that no relay with the key has given. */
  ownerOf(session: string): string | undefined {
    const end = session.lastIndexOf('.');
    const name = session.slice(0, Math.max(0, end));
    const [id = ''] = name.split('.', 1);
    return isSame(session.slice(end + 1), this.#nameProof(name)) ? id : undefined;
  }

  /** Proves that the relay that was dialled has the key. */
  ownerProof({ dialler, owner, diallerNonce, ownerNonce }: Exchange): string {
    return this.#proof('owner', dialler, owner, diallerNonce, ownerNonce);
  }

  /** Proves that the relay that dials has the key, and says this about the client. */
  diallerProof({ dialler, owner, diallerNonce, ownerNonce }: Exchange, said: readonly string[]): string {
    return this.#proof('dialler', dialler, owner, diallerNonce, ownerNonce, ...said);
  }

  #clientProof({ id, identity }: SessionClient): string {
    return this.#proof('client', id, identity).slice(0, NAME_PROOF_LENGTH);
  }

  #nameProof(name: string): string {
    return this.#proof('session', name).slice(0, NAME_PROOF_LENGTH);
  }

  /** The parts are written as JSON, so that no two lists of parts are the same bytes. */
  #proof(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify(['frond.peer.v1', ...parts]))
      .digest('base64url');
  }
}

/** Whether a proof is the one that is expected. */
export function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
