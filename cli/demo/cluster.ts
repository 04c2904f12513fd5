/** The roles of the demo: a server, a master with workers, and three servers one after another. */
import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import type { CommandContext } from '../command.ts';
import { type Description, describe } from '../roles/entry.ts';
import type { Fleet } from '../roles/fleet.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { type DemoAddresses, localAddress } from '../../src/cli/demo/addresses.ts';
import { CLEAN, COUNT, CREW, DEMO, TALLY } from '../../src/cli/demo/functions.ts';

export interface Cluster {
  /** db_address of the server `demo`, as it was bound. */
  readonly boundAt: string;
  /** The same for who is on this machine. */
  readonly dbAddress: string;
  readonly roles: readonly Description[];
}

/**
 * Starts them all; each is ready then for what the others send it.
 * @param any - an address that is free.
 */
export async function startCluster(
  fleet: Fleet,
  any: string,
  addresses: DemoAddresses,
  { options, screen }: CommandContext,
): Promise<Cluster> {
  const roles: Description[] = [];
  const loggingLevel = options.flag('verbose') ? 'info' : 'error';
  const start = async (definition: RoleDefinition) => {
    const logger = stderrLogger(screen, options.flag('json'), definition.name);
    const description = describe(await fleet.start({ ...definition, logger, loggingLevel }));
    roles.push(description);
    const { db_address: db = '', pub_address: pub = '' } = description.addresses;
    return { db, pub };
  };

  const demo = await start({ role: 'server', name: 'demo', ...addresses, functions: DEMO });

  const bound = { dbAddress: any, pubAddress: any };
  const workers = { workerPullAddress: any, workerPushAddress: any };
  const crew = await start({ role: 'master', name: 'crew', ...bound, pullAddress: any, ...workers });
  for (const name of ['ann', 'ben', 'cat'])
    await start({ role: 'worker', name, dbAddress: crew.db, functions: CREW });

  const pipelined = { pullAddress: any, pipelined: true, functions: CLEAN };
  const clean = await start({ role: 'server', name: 'clean', ...bound, ...pipelined });
  const onward = { subAddress: clean.pub, previous: 'clean', toClient: false, functions: COUNT };
  const count = await start({ role: 'pipeline', name: 'count', ...bound, ...onward });
  const last = { subAddresses: [count.pub], previous: ['count'], functions: TALLY };
  await start({ role: 'sink', name: 'tally', ...bound, ...last });
  return { boundAt: demo.db, dbAddress: localAddress(demo.db), roles };
}

/** The servers that clients can reach by name: db_addresses by their names. */
export function serversOf({ roles }: Cluster): Readonly<Record<string, string>> {
  const servers = roles.filter(({ role }) => role !== 'worker');
  return Object.fromEntries(
    servers.map(({ name, addresses }) => [name, localAddress(addresses['db_address'] ?? '')]),
  );
}
