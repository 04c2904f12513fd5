/** The roles that run in a process: what they are, how to call them, and the order to close them in. */

import type { RoleDefinition, RunningRole } from '../../src/cluster/roles/start-role.ts';
import type { Counters } from '../../src/cluster/runtime/status.ts';
import { grouped } from '../terminal/progress.ts';
import type { Fact } from '../terminal/text.ts';

/** A running role and its definition. */
export interface RunningEntry {
  readonly definition: RoleDefinition;
  readonly running: RunningRole;
}

/** What is printed of a role when it has started. */
export interface Description {
  readonly role: RoleDefinition['role'];
  readonly name: string;
  /** By their keys in a server's cache. For a worker, only the db_address of its Master. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Names of its functions. Empty for a Master or Hub. */
  readonly functions: readonly string[];
}

const ADDRESS_KEYS = {
  dbAddress: 'db_address',
  pullAddress: 'pull_address',
  subAddress: 'sub_address',
  pubAddress: 'pub_address',
  workerPullAddress: 'worker_pull_address',
  workerPushAddress: 'worker_push_address',
} as const;

/** Describes a running role. */
export function describe({ definition, running }: RunningEntry): Description {
  // The role comes last: it knows the port that the system chose.
  const known: Readonly<Record<string, unknown>> = { ...definition, ...running };
  const addresses: Record<string, string> = {};
  for (const [property, key] of Object.entries(ADDRESS_KEYS)) {
    const address = known[property];
    if (typeof address === 'string' && (definition.role !== 'worker' || key === 'db_address'))
      addresses[key] = address;
  }
  if (definition.role === 'sink') {
    for (const [i, address = ''] of (definition.subAddresses ?? []).entries()) {
      addresses[`sub_address_${i}`] = address;
    }
  }
  return { role: definition.role, name: running.name, addresses, functions: running.functionNames };
}

/** A description as text, for below its title. */
export function factsOf({ role, addresses, functions }: Description): readonly Fact[] {
  const text = role === 'master' || role === 'hub' ? 'those of its workers' : functions.join(', ');
  return [...Object.entries(addresses), ['functions', text]];
}

/** What a role did: `12 received · 12 answered · 1 failed`. */
export function describeCounters({ received, answered, failed, ended, dropped }: Counters): string {
  const parts = [
    `${grouped(received)} received`,
    `${grouped(answered)} answered`,
    `${grouped(failed)} failed`,
  ];
  if (ended > 0) parts.push(`${grouped(ended)} ended here`);
  if (dropped > 0) parts.push(`${grouped(dropped)} dropped`);
  return parts.join(' · ');
}

/** What closing waits for, in words; undefined for nothing. @param inFlight - messages that are being worked on. */
export function finishing(inFlight: number): string | undefined {
  return inFlight > 0 ? `finishing ${grouped(inFlight)} under way` : undefined;
}

// Lines to paste that call the roles.

/** The address that a client on this machine can dial, for one that was bound to all addresses. */
export function localAddress(address: string): string {
  return address
    .replace(/^tcp:\/\/(0\.0\.0\.0|\*):/, 'tcp://127.0.0.1:')
    .replace(/^tcp:\/\/\[::\]:/, 'tcp://[::1]:');
}

/** A line for each role that answers clients. Words in capitals are for the user to fill in. */
export function exampleCalls(entries: readonly RunningEntry[], invocation: string): readonly string[] {
  return entries
    .filter(({ definition }) => answersClients(definition))
    .map((last) => {
      const stages = stagesTo(last, entries);
      const [first] = stages;
      const path = stages.map(({ server, run }) => `${server}.${run}`).join(',');
      const db = first?.entry === undefined ? 'ADDRESS' : localAddress(first.entry.running.dbAddress);
      const sub =
        stages.length > 1 && 'pubAddress' in last.running
          ? ` --sub ${localAddress(last.running.pubAddress)}`
          : '';
      return `${invocation} eval ${path} 'hello' --db ${db}${sub}`;
    });
}

interface Stage {
  /** Undefined for a server of another process. */
  readonly entry: Server | undefined;
  readonly server: string;
  readonly run: string;
}

type Server = RunningEntry & { readonly running: { readonly dbAddress: string } };

function answersClients(definition: RoleDefinition): boolean {
  switch (definition.role) {
    case 'worker':
      return false;
    case 'pipeline':
    case 'sink':
      return definition.toClient !== false;
    default:
      return definition.pipelined !== true;
  }
}

/** The stages of a call whose last server is `last`. */
function stagesTo(
  last: RunningEntry,
  entries: readonly RunningEntry[],
  behind: readonly RunningEntry[] = [],
): readonly Stage[] {
  const { definition, running } = last;
  const own: Stage = {
    entry: isServer(last) ? last : undefined,
    server: running.name,
    run: functionOf(last, entries),
  };
  if (!('previous' in definition)) return [own];
  const [before] = upstreamOf(last, entries);
  if (before !== undefined && !behind.includes(before)) {
    return [...stagesTo(before, entries, [...behind, last]), own];
  }
  const [previous = 'SERVER'] = [definition.previous].flat();
  return [{ entry: undefined, server: previous, run: 'FUNCTION' }, own];
}

function isServer(entry: RunningEntry): entry is Server {
  return 'dbAddress' in entry.running;
}

/** A function to try: for a Master or Hub, one of a worker in this process. */
function functionOf(entry: RunningEntry, entries: readonly RunningEntry[]): string {
  const { definition, running } = entry;
  const has = (one: RunningEntry) =>
    one === entry ||
    (one.definition.role === 'worker' &&
      'dbAddress' in running &&
      one.definition.dbAddress === running.dbAddress);
  const names = entries.filter(has).flatMap((one) => one.running.functionNames);
  const isSpread = definition.role === 'master' || definition.role === 'hub';
  return names.find((name) => name !== 'echo') ?? (isSpread && names.length === 0 ? 'FUNCTION' : 'echo');
}

// How messages go from role to role within the process.

/** The roles that publish to this one. */
export function upstreamOf(entry: RunningEntry, entries: readonly RunningEntry[]): readonly RunningEntry[] {
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
 * The order in which roles can be closed one after another without a loss: each before those it sends to. Workers come
 * last, because a Master cannot finish without them.
 */
export function closingOrder(entries: readonly RunningEntry[]): readonly RunningEntry[] {
  const workers = entries.filter(({ definition }) => definition.role === 'worker');
  const left = entries.filter((entry) => !workers.includes(entry));
  const order: RunningEntry[] = [];
  while (left.length > 0) {
    const free = left.findIndex((entry) => upstreamOf(entry, left).length === 0);
    // Roles that send to each other in a circle have no first one: any will do.
    order.push(...left.splice(Math.max(free, 0), 1));
  }
  return [...order, ...workers];
}
