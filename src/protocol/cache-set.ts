import type { Bytes } from './bytes.ts';
import type { CacheParties } from './cache-request.ts';
import { type PalmMessage, palmMessage } from './message.ts';

/** A request to store a value under a key. */
export function setRequest(
  { server, client }: CacheParties,
  key: string,
  value: Bytes,
  features: number,
): PalmMessage {
  return palmMessage({
    pipeline: client,
    client,
    function: `${server}.set`,
    cache: key,
    payload: value,
    features,
  });
}
