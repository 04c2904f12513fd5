/** The commands that call what runs. */
import type { RoleDefinition } from '../../cluster/roles/start-role.ts';
import { localAddress } from '../demo/addresses.ts';
import { type Entry, functionsOf } from '../../../cli/roles/entry.ts';
import { upstreamOf } from './flow.ts';

/** One line to paste for each role that answers clients; in capitals what is not known here. */
export function callsOf(entries: readonly Entry[], invocation: string): readonly string[] {
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
  /** Undefined when it runs elsewhere. */
  readonly entry: Server | undefined;
  readonly server: string;
  readonly run: string;
}

type Server = Entry & { readonly running: { readonly dbAddress: string } };

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

/** The stages of a call that ends at `last`. */
function stagesTo(last: Entry, entries: readonly Entry[], behind: readonly Entry[] = []): readonly Stage[] {
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

function isServer(entry: Entry): entry is Server {
  return 'dbAddress' in entry.running;
}

/** A function to try: of a Master or Hub, one that a worker has here. */
function functionOf(entry: Entry, entries: readonly Entry[]): string {
  const { definition, running } = entry;
  const has = (one: Entry) =>
    one === entry ||
    (one.definition.role === 'worker' &&
      'dbAddress' in running &&
      one.definition.dbAddress === running.dbAddress);
  const names = entries.filter(has).flatMap((one) => functionsOf(one.definition));
  const isSpread = definition.role === 'master' || definition.role === 'hub';
  return names.find((name) => name !== 'echo') ?? (isSpread && names.length === 0 ? 'FUNCTION' : 'echo');
}
