/** What a page loads when it first uses more of a client than `eval`: jobs, maps and the cache. */
import { CacheClient } from '../cache-client.ts';
import type { CacheLink } from '../cache-link.ts';

export { follow } from './follow.ts';
export { openJob } from './stream/job.ts';
export { openMap } from './stream/map.ts';

export function openCache(channel: CacheLink): CacheClient {
  return new CacheClient(channel);
}
