/** Code that a client loads when it first needs it: jobs, maps, the cache, following a server, taps, metadata and interceptors. */
import { CacheClient } from '../cache-client.ts';
import type { CacheLink } from '../cache-link.ts';
import { Feature } from '../protocol/message.ts';
import { afterEvents } from './after-events.ts';
import type { CallLink } from './call-link.ts';
import type { ClientCore } from './core.ts';

export { follow } from './follow.ts';
export { startJob } from './stream/job.ts';
export { startMap } from './stream/map.ts';

/** Tells the server that a call is cancelled, unless it is detached. A server to which the link is broken hears of that. */
export async function cancel(
  core: ClientCore,
  link: CallLink,
  ...[call, { features }, reason]: Parameters<CallLink['cancel']>
): Promise<void> {
  if ((features & Feature.detached) !== 0 || !link.isReady) return;
  // In a chunk of its own: most pages cancel nothing.
  const own = await import('./canceller.ts');
  link.canceller ??= new own.Canceller(core, (run) => afterEvents(link, run));
  await link.canceller.cancel(call, reason);
}

/** Loads what calls with metadata, priorities, interceptors, progress and taps need: most pages have none. */
export const loadElaborate = (): Promise<typeof import('./elaborate.ts')> => import('./elaborate.ts');

/** Runs an eval that needs them. */
export async function elaborateEval(
  ...call: Parameters<typeof import('./elaborate.ts').elaborateEval>
): Promise<unknown> {
  return (await loadElaborate()).elaborateEval(...call);
}

export function openCache(link: CacheLink): CacheClient {
  return new CacheClient(link);
}
