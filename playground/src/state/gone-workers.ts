/** Workers that a master no longer has, so that the page can show that they died. */
import type { ServerStatus } from 'frond/cluster';

export interface GoneWorker {
  readonly name: string;
  /** Whether the master took it for dead. Otherwise it said good-bye. */
  readonly isDead: boolean;
  /** Time when it was missed first, as `performance.now()` gives it. */
  readonly since: number;
}

/** Milliseconds that one is shown after it is gone. */
const SHOWN = 300_000;

/** Workers that are shown so of one server: where they come and go all day, their names are others each time. */
const MOST = 6;

interface Before {
  readonly status: ServerStatus | undefined;
  readonly gone: readonly GoneWorker[];
}

/** @param status - what the server says now. */
export function goneWorkers(
  before: Before,
  status: ServerStatus | undefined,
  now: number,
): readonly GoneWorker[] {
  const names = new Set(status?.workers?.map(({ name }) => name));
  // After a restart the server does not know the workers of its run before.
  if (status?.workers === undefined || status.uptime < (before.status?.uptime ?? 0)) return [];
  const deaths = (status.losses?.workers ?? 0) - (before.status?.losses?.workers ?? 0);
  const missed = (before.status?.workers ?? [])
    .filter(({ name }) => !names.has(name))
    .map(({ name }, index): GoneWorker => ({ name, isDead: index < deaths, since: now }));
  const known = before.gone.filter(({ name, since }) => !names.has(name) && now - since < SHOWN);
  return [...known, ...missed].slice(-MOST);
}
