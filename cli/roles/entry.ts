/** Roles that run, and what can be said of them. */
import type { Counters } from '../../src/cluster/counters.ts';
import type { RoleDefinition, RunningRole } from '../../src/cluster/roles/start-role.ts';
import type { Fact } from '../../src/cli/facts.ts';
import { grouped } from '../terminal/progress.ts';

/** A role that runs, and the definition it came from. */
export interface Entry {
  readonly definition: RoleDefinition;
  readonly running: RunningRole;
}

/** What is told of a role when it is up. */
export interface Description {
  readonly role: RoleDefinition['role'];
  readonly name: string;
  /** By their keys in a server's cache; of a worker, that of its Master. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Names of its functions; a Master and Hub have none themselves. */
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

export function describe({ definition, running }: Entry): Description {
  // Where both say it, the role knows the port that the system chose.
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
  return { role: definition.role, name: running.name, addresses, functions: functionsOf(definition) };
}

/** Names of the functions that a role offers itself. */
export function functionsOf(definition: RoleDefinition): readonly string[] {
  if (definition.role === 'master' || definition.role === 'hub') return [];
  return [...new Set(['echo', ...Object.keys(definition.functions ?? {})])];
}

/** What people read of it, below its title. */
export function factsOf({ role, addresses, functions }: Description): readonly Fact[] {
  const text = role === 'master' || role === 'hub' ? 'those of its workers' : functions.join(', ');
  return [...Object.entries(addresses), ['functions', text]];
}

/** What a role did: `12 received · 12 answered · 1 failed`. */
export function deeds({ received, answered, failed, ended, dropped }: Counters): string {
  const parts = [
    `${grouped(received)} received`,
    `${grouped(answered)} answered`,
    `${grouped(failed)} failed`,
  ];
  if (ended > 0) parts.push(`${grouped(ended)} ended here`);
  if (dropped > 0) parts.push(`${grouped(dropped)} dropped`);
  return parts.join(' · ');
}
