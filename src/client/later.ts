/** What a page loads when it first uses more of a client than `eval`: jobs, maps and the cache. */
import { CacheCalls } from '../cache-client.ts';
import type { CacheChannel } from '../cache-link.ts';

export { follow } from './follow.ts';
export { openJob } from './stream/job.ts';
export { openMap } from './stream/map.ts';

export function openCache(channel: CacheChannel): CacheCalls {
  return new CacheCalls(channel);
}
