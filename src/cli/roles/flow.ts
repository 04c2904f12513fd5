/** How messages go from role to role of one process. */
import type { RunningRole } from '../../cluster/start-role.ts';
import type { Entry } from './entry.ts';

/** The roles that publish what this one takes. */
export function upstreamOf(entry: Entry, entries: readonly Entry[]): readonly Entry[] {
  const { definition, running } = entry;
  if (!('previous' in definition)) return [];
  const own = 'subAddresses' in running ? running.subAddresses : [subAddressOf(running)];
  const dbs =
    definition.role === 'sink' ? (definition.previousDbAddresses ?? []) : [definition.previousDbAddress];
  return entries.filter(
    ({ running: other }) =>
      'pubAddress' in other && (own.includes(other.pubAddress) || dbs.includes(other.dbAddress)),
  );
}

function subAddressOf(running: RunningRole): string | undefined {
  return 'subAddress' in running ? running.subAddress : undefined;
}

/**
 * The order in which nothing is lost when one is closed after the other: who feeds others before them, and workers,
 * without which a Master cannot finish, last.
 */
export function closingOrder(entries: readonly Entry[]): readonly Entry[] {
  const workers = entries.filter(({ definition }) => definition.role === 'worker');
  const left = entries.filter((entry) => !workers.includes(entry));
  const order: Entry[] = [];
  while (left.length > 0) {
    const free = left.findIndex((entry) => upstreamOf(entry, left).length === 0);
    // Roles that feed each other in a circle have no first one.
    order.push(...left.splice(Math.max(free, 0), 1));
  }
  return [...order, ...workers];
}
