/** A relay in a process of its own, until stdin ends: relay-process.ts DB [LIMITS]. Says its port; tells its memory at /memory. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRelay } from '../../../transports/relay/index.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { EVERYTHING, TOKEN } from '../../support/relay.ts';

const [dbAddress = '', limits = '{}'] = process.argv.slice(2);

const server = createServer((request, response) => {
  if (relay.respond(request, response)) return;
  // Twice: what the first frees may have held memory outside of the heap.
  for (let i = 0; i < 2; i++) globalThis.gc?.();
  response.end(JSON.stringify(process.memoryUsage()));
});
const relay = await createRelay({
  server,
  transport: zeromq(),
  servers: { server: { dbAddress } },
  authenticate: (token) => (token === TOKEN ? EVERYTHING : undefined),
  limits: JSON.parse(limits),
  loggingLevel: 'silent',
  metrics: () => true,
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().once('end', () => process.exit());
