/** `frond/memory`: clients and servers in one process or page. */
import { macrotasks } from '../../src/async/macrotask.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { checkMemoryAddress } from './address.ts';
import { MemoryConnection } from './connection.ts';
import { MemoryNetwork } from './network.ts';

/**
 * A transport within one process or page: the embedded default. Addresses are `memory://name`; binding
 * `memory://*` has the name chosen. Everyone who is to meet shares the one that this gives: two calls give two
 * networks that know nothing of each other.
 *
 * @example
 * const transport = memory();
 * await using server = await Server.start({ transport, name: 'server', … });
 * await using client = await Client.connect({ transport, serverName: 'server', dbAddress: server.dbAddress });
 */
export function memory(): BindingTransport {
  const network = new MemoryNetwork(macrotasks());
  return {
    name: 'memory',
    checkAddress: checkMemoryAddress,
    resolveAddress: (advertised) => advertised,
    open: async () => new MemoryConnection(network),
  };
}
