/** Requests to a server's key-value store, and what their replies say (pylm/parts/services.py, CacheService). */

import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import type { EnvelopeCodec } from './envelope.ts';
import { PalmError } from './errors.ts';
import { Feature, type PalmMessage, palmMessage, Status } from './message.ts';

/** Who asks, and whom. */
export interface CacheParties {
  /** The server's name, or `_` when it is not known, as pylm's workers do. */
  readonly server: string;
  readonly client: string;
}

/** A request for the value of a key (`get`), or to delete it (`delete`). */
export function keyRequest(
  operation: string,
  { server, client }: CacheParties,
  key: string,
  features: number,
): PalmMessage {
  return palmMessage({
    pipeline: client,
    client,
    function: `${server}.${operation}`,
    payload: encodeUtf8(key),
    features,
  });
}

/** What a reply says. A plain reply, as pylm gives it, cannot tell a missing key from an empty value. */
export interface CacheReply {
  readonly value: Bytes;
  readonly status: number;
  readonly error: string;
  /** The {@link Feature} bits of a frond server; undefined for a plain reply. */
  readonly features: number | undefined;
  /** The whole envelope; undefined for a plain reply. */
  readonly message: PalmMessage | undefined;
}

// The first byte of field 1000's tag. It is never valid in UTF-8, so a plain reply that is text holds none.
const FEATURES_TAG = 0xc0;

/**
 * Reads a reply to a request that carried {@link Feature.replies}.
 * @param plainIsText - whether a plain reply would be UTF-8 (a name, an address, a key): then both kinds are told
 * apart; else the reply must be an envelope, from a server known to send them.
 * @throws PalmError `PROTOCOL` when it is neither.
 */
export function readReply(codec: EnvelopeCodec, reply: Bytes, plainIsText: boolean): CacheReply {
  if (plainIsText && !reply.includes(FEATURES_TAG)) return plainReply(reply);
  const message = codec.decode(reply);
  if ((message.features & Feature.replies) === 0) {
    throw new PalmError('PROTOCOL', 'the reply of the cache is no envelope of a frond server');
  }
  const { payload: value, status, error, features } = message;
  return { value, status, error, features, message };
}

/** A reply from a server that answers with the bare value. */
export function plainReply(reply: Bytes): CacheReply {
  return { value: reply, status: Status.ok, error: '', features: undefined, message: undefined };
}

/** The text of a reply that is a key, a name or an address. */
export function replyText(reply: CacheReply): string {
  return decodeUtf8(reply.value);
}
