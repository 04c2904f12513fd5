/**
 * A relay of the built package in a process of its own, until stdin ends: node relay.mjs zeromq|zmtp NAME=ADDRESS…
 * Prints its URL once it is up. Anybody may call everything, and from one address come as many as like.
 */
import { createServer } from 'node:http';
import { answerMemory } from './settled.mjs';

const dist = new URL('../../dist/node/', import.meta.url);
const { createRelay } = await import(new URL('relay.js', dist).href);

const server = createServer((_, response) => response.end());
const [kind, ...servers] = process.argv.slice(2);
const transport = (await import(new URL(`${kind}.js`, dist).href))[kind]();
const named = servers.map((text) => text.split(/=(.*)/s, 2));
const relay = await createRelay({
  server,
  transport,
  servers: Object.fromEntries(named.map(([name, dbAddress]) => [name, { dbAddress }])),
  anonymous: { servers: ['*'], functions: ['*'] },
  limits: { maxConnections: 100_000, maxConnectionsPerAddress: 100_000 },
  loggingLevel: 'warning',
});
// Crowds come all at once.
server.listen(0, '127.0.0.1', 4_096, () => console.log(`ws://127.0.0.1:${server.address().port}`));
answerMemory();
process.stdin.on('end', async () => {
  await relay.close({ timeout: 0 });
  process.exit();
});
