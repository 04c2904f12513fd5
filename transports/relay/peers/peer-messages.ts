/** What two relays say to each other before they pass a session on: a text message each way (docs/protocol/relay.md, "Relays side by side"). */
import { PalmError } from '../../../src/protocol/errors.ts';

/** The header of the upgrade that says who dials, and what it has chosen at random. */
export const PEER_HEADER = 'frond-peer';

/** What the relay that was dialled says first. */
export interface Challenge {
  readonly id: string;
  readonly nonce: string;
  readonly proof: string;
}

/** A client as the relay that it is connected to sees it. */
export interface ForwardedClient {
  readonly address: string;
  /** Origin of its page, and the host that it has reached the relay at; empty where there is none. */
  readonly origin: string;
  readonly host: string;
  /** Address of the socket that it came by, which may be a proxy's. */
  readonly via: string;
}

/** What the relay that dials says then, of a client. */
export interface Introduction extends ForwardedClient {
  readonly proof: string;
}

/** Reads a challenge. @throws PalmError `PROTOCOL` when it is none. */
export function readChallenge(text: string): Challenge {
  return readStrings(text, ['id', 'nonce', 'proof']);
}

/** Reads an introduction. @throws PalmError `PROTOCOL` when it is none. */
export function readIntroduction(text: string): Introduction {
  return readStrings(text, ['proof', 'address', 'origin', 'host', 'via']);
}

function readStrings<K extends string>(text: string, keys: readonly K[]): Readonly<Record<K, string>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // It has none of the strings.
  }
  const given = Object(parsed) as Record<string, unknown>;
  const read: Partial<Record<K, string>> = {};
  for (const key of keys) {
    const value = given[key];
    if (typeof value !== 'string' || value.length > LONGEST) throw malformed();
    read[key] = value;
  }
  return read as Record<K, string>;
}

/** The most characters of a string between relays: a host name has 253 and a port. */
const LONGEST = 1_024;

function malformed(): PalmError {
  return new PalmError('PROTOCOL', 'the other relay said something that relays do not say');
}
