import { CommandError } from '../exit.ts';

/** What the server of `frond demo` binds. */
export interface DemoAddresses {
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
}

/**
 * Free ports of this machine, or the db_address that was asked for and two more beside it.
 * @throws CommandError `USAGE` for one that no other process can reach.
 */
export function demoAddresses(dbAddress: string | undefined): DemoAddresses {
  if (dbAddress === undefined) return besides('tcp://127.0.0.1:*', 'tcp://127.0.0.1:*', 'tcp://127.0.0.1:*');
  if (dbAddress.startsWith('tcp://')) {
    const free = dbAddress.replace(/:[^:\]]*$/, ':*');
    return besides(dbAddress, free, free);
  }
  if (dbAddress.startsWith('ipc://')) return besides(dbAddress, `${dbAddress}.pull`, `${dbAddress}.pub`);
  const text = `--db must be tcp://host:port or ipc://path for others to reach it, not ${JSON.stringify(dbAddress)}`;
  throw new CommandError('USAGE', text);
}

/** The address for who is on the same machine: a server that binds everywhere is here too. */
export function localAddress(address: string): string {
  return address
    .replace(/^tcp:\/\/(0\.0\.0\.0|\*):/, 'tcp://127.0.0.1:')
    .replace(/^tcp:\/\/\[::\]:/, 'tcp://[::1]:');
}

function besides(dbAddress: string, pullAddress: string, pubAddress: string): DemoAddresses {
  return { dbAddress, pullAddress, pubAddress };
}
