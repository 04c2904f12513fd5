/** Code that a client loads when it first needs it: jobs, maps, the cache, and following a server. */
import { CacheClient } from '../cache-client.ts';
import type { CacheLink } from '../cache-link.ts';

export { follow } from './follow.ts';
export { openJob } from './stream/job.ts';
export { openMap } from './stream/map.ts';

export function openCache(link: CacheLink): CacheClient {
  return new CacheClient(link);
}
