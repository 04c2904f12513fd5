import { Client, type ConnectOptions } from '../../src/index.ts';
import type { PylmCluster } from './pylm.ts';
import { transportHere } from './transport.ts';

/** A client of the first server of a cluster that takes its results from the last. */
export function connectTo(cluster: PylmCluster, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const { serverName, dbAddress, subAddress } = cluster.entry;
  return Client.connect({
    transport: transportHere(),
    serverName,
    dbAddress,
    subAddress,
    timeout: 10_000,
    loggingLevel: 'silent',
    ...options,
  });
}
