import { checkThreads, type ThreadOptions } from './options.ts';
import type { ThreadPool, ThreadPoolSettings } from './thread-pool.ts';

/**
 * Starts the threads of a role. Their code is loaded by roles that have some.
 * @returns undefined for a role without threads.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable, and for a module that cannot be used.
 */
export async function startThreads(
  options: ThreadOptions,
  role: Pick<ThreadPoolSettings, 'name' | 'logger' | 'closing'>,
): Promise<ThreadPool | undefined> {
  const settings = checkThreads(options);
  if (settings === undefined) return undefined;
  const { ThreadPool } = await import('./thread-pool.ts');
  return ThreadPool.start({ ...settings, ...role });
}
