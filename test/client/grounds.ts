/** A server and its client on several transports, for suites of what a client does. */
import type { PalmFunctions, Server } from '../../src/cluster/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { type TestGround, testCluster } from '../support/cluster.ts';
import { throughRelay } from '../support/through-relay/through.ts';

export const GROUNDS: readonly (readonly [string, () => TestGround])[] = [
  ['memory', () => ({ transport: memory(), any: 'memory://*' })],
  ['zeromq', () => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' })],
  ['a relay to memory', () => ({ ...throughRelay(memory(), { wrap: false }), any: 'memory://*' })],
  ['a relay to zeromq', () => ({ ...throughRelay(zeromq(), { wrap: false }), any: 'tcp://127.0.0.1:*' })],
];

/** Gives what starts a server with these functions, and its client. They are closed when the test is over. */
export function serverAndClient(make: () => TestGround) {
  const open = testCluster(make);
  return async (functions: PalmFunctions = {}) => {
    const cluster = open();
    const server = await cluster.start<Server>({ role: 'server', name: 'server', functions });
    const client = await cluster.connect({ dbAddress: server.dbAddress });
    return { cluster, server, client };
  };
}
