import { CommandError } from '../../../cli/errors.ts';
import { quoted } from '../../../cli/terminal/text.ts';

/** What the server `demo` binds. */
export interface DemoAddresses {
  readonly dbAddress: string;
  readonly pullAddress: string;
  readonly pubAddress: string;
}

/**
 * Addresses that are free, or the db_address that was asked for and two more beside it.
 * @param any - an address that is free.
 * @throws CommandError `USAGE` for one that no other process can reach.
 */
export function demoAddresses(dbAddress: string | undefined, any: string): DemoAddresses {
  if (dbAddress === undefined) return besides(any, any, any);
  if (dbAddress.startsWith('tcp://')) {
    const free = dbAddress.replace(/:[^:\]]*$/, ':*');
    return besides(dbAddress, free, free);
  }
  if (dbAddress.startsWith('ipc://')) return besides(dbAddress, `${dbAddress}.pull`, `${dbAddress}.pub`);
  const text = `--db must be tcp://host:port or ipc://path for others to reach it, not ${quoted(dbAddress)}`;
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
