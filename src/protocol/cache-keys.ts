/**
 * Keys of the cache, and the request that writes one. In a file of its own, so that a page loads it with the cache's calls and not before.
 */
import type { Bytes } from './bytes.ts';
import type { CacheParties } from './cache-request.ts';
import { inspectValue, invalidCall } from './errors.ts';
import { EMPTY_MESSAGE, type PalmMessage } from './message.ts';

// A server keeps its configuration in the store that clients write to: name, db_address, pull_address, pub_address,
// sub_address, sub_address_0…, worker_pull_address, worker_push_address (pylm/servers.py). frond_… is ours.
const RESERVED = /^(name|\w*_address(_\d+)?|frond_\w*)$/;

/** Whether a key, as it is on the wire, belongs to the server's configuration. */
export function isReservedKey(key: string): boolean {
  return RESERVED.test(key);
}

/**
 * The key as it goes over the wire: the session in front of it, without a separator, as in `set` of pylm's client.
 * @throws PalmError `INVALID_CALL` when the key is not a string, or empty.
 */
export function wireKey(key: unknown, session: string | undefined): string {
  if (typeof key !== 'string' || key === '')
    throw invalidCall(`a key must be a non-empty string, not ${inspectValue(key)}`);
  return session === undefined ? key : session + key;
}

/**
 * Refuses a key that a client must not write.
 * @throws PalmError `INVALID_CALL` when the key is the server's configuration, by which others find the server.
 */
export function checkWritable(key: string): void {
  if (isReservedKey(key)) {
    throw invalidCall(
      `key ${inspectValue(key)} is the server's configuration: setting or deleting it would break every client`,
    );
  }
}

/** A request to store a value under a key. */
export function setRequest(
  { server, client }: CacheParties,
  key: string,
  value: Bytes,
  features: number,
): PalmMessage {
  return {
    ...EMPTY_MESSAGE,
    pipeline: client,
    client,
    function: `${server}.set`,
    cache: key,
    payload: value,
    features,
  };
}
