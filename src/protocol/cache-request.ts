/** Requests to a server's key-value store, and their replies (pylm/parts/services.py, CacheService). */

import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import type { EnvelopeCodec } from './envelope.ts';
import { PalmError } from './errors.ts';
import { EMPTY_MESSAGE, Feature, type PalmMessage, Status } from './message.ts';

/** The two ends of a request. */
export interface CacheParties {
  /** The server's name, or `_` when it is not known: pylm's workers write that. */
  readonly server: string;
  /** Id of the client. */
  readonly client: string;
}

/** A request for the value of a key (`get`), or to delete the key (`delete`). */
export function keyRequest(
  operation: string,
  { server, client }: CacheParties,
  key: string,
  features: number,
): PalmMessage {
  return {
    ...EMPTY_MESSAGE,
    pipeline: client,
    client,
    function: `${server}.${operation}`,
    payload: encodeUtf8(key),
    features,
  };
}

/** What a reply says. A plain reply, as pylm sends it, cannot tell a missing key from an empty value. */
export interface CacheReply {
  readonly value: Bytes;
  /** A {@link Status}. */
  readonly status: number;
  /** Why the request failed; empty when it did not. */
  readonly error: string;
  /** The {@link Feature} bits of a frond server; undefined for a plain reply. */
  readonly features: number | undefined;
  /** The whole envelope; undefined for a plain reply. */
  readonly message: PalmMessage | undefined;
}

// The first byte of field 1000's tag. UTF-8 never has this byte, so a plain reply that is a string does not hold it.
const FEATURES_TAG = 0xc0;

/**
 * Reads a reply to a request that carried {@link Feature.replies}.
 * @param plainIsText - whether a plain reply would be UTF-8 (a name, an address, a key): only then both kinds can be told
 * apart. Otherwise the reply must be an envelope, from a server that is known to send them.
 * @throws PalmError `PROTOCOL` when the reply is neither.
 */
export function readReply(codec: EnvelopeCodec, reply: Bytes, plainIsText: boolean): CacheReply {
  if (plainIsText && !reply.includes(FEATURES_TAG)) return plainReply(reply);
  const message = codec.decode(reply);
  if ((message.features & Feature.replies) === 0) {
    throw new PalmError('PROTOCOL', 'the reply of the cache is not an envelope of a frond server');
  }
  const { payload: value, status, error, features } = message;
  return { value, status, error, features, message };
}

/** The reply of a server that answers with the bare value. */
export function plainReply(reply: Bytes): CacheReply {
  return { value: reply, status: Status.ok, error: '', features: undefined, message: undefined };
}

/** The string in a reply that is a key, a name or an address. */
export function replyText(reply: CacheReply): string {
  return decodeUtf8(reply.value);
}
