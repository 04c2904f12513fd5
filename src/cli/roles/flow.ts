/** How messages go from role to role of one process. */
import type { Entry } from '../../../cli/roles/entry.ts';

/** The roles that publish what this one takes. */
export function upstreamOf(entry: Entry, entries: readonly Entry[]): readonly Entry[] {
  const { definition } = entry;
  const [subs, dbs] =
    definition.role === 'sink'
      ? [definition.subAddresses ?? [], definition.previousDbAddresses ?? []]
      : definition.role === 'pipeline' || definition.role === 'hub'
        ? [[definition.subAddress], [definition.previousDbAddress]]
        : [[], []];
  const sources = Array.from(
    { length: Math.max(subs.length, dbs.length) },
    (_, i) => [subs[i], dbs[i]] as const,
  );
  return sources.flatMap(([sub, db]) =>
    entries.filter(
      ({ running }) =>
        'pubAddress' in running &&
        ((sub !== undefined && running.pubAddress === sub) || (db !== undefined && running.dbAddress === db)),
    ),
  );
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
