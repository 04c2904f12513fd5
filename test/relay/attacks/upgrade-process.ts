/**
 * HTTP servers with relays in a process of its own, until stdin ends: upgrade-process.ts KIND. Says its port. KIND is
 * `one`, `two` (the other one at /other), or `foreign`: a WebSocket server of the owner's, which echoes, is at /echo.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { createRelay, type Relay } from '../../../transports/relay/index.ts';
import { EVERYTHING, TOKEN } from '../../support/relay.ts';

const [kind = 'one'] = process.argv.slice(2);
const transport = memory();
const { dbAddress } = await Server.start({
  transport,
  name: 'server',
  functions: {},
  loggingLevel: 'silent',
  dbAddress: 'memory://*',
  pullAddress: 'memory://*',
  pubAddress: 'memory://*',
});

const relays: Relay[] = [];
const http = createServer((request, response) => {
  if (!relays.some((relay) => relay.respond(request, response))) response.end('a page');
});
for (const path of kind === 'two' ? ['/', '/other'] : ['/']) {
  relays.push(
    await createRelay({
      server: http,
      path,
      transport,
      servers: { server: { dbAddress } },
      authenticate: (token) => (token === TOKEN ? EVERYTHING : undefined),
      limits: { greetingTimeout: 500 },
      loggingLevel: 'silent',
    }),
  );
}
if (kind === 'foreign') {
  const echo = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    if (request.url !== '/echo') return;
    // As one does that looks somewhere first whether it may.
    setTimeout(() => {
      if (socket.destroyed) return;
      echo.handleUpgrade(request, socket, head, (own) => {
        own.on('error', () => {});
        own.on('message', (data) => own.send(data));
      });
    }, 50);
  });
}
http.listen(0, '127.0.0.1', () => console.log((http.address() as AddressInfo).port));
process.stdin.resume().once('end', async () => {
  // Ends by itself when nothing holds it: whatever was upgraded is closed too.
  for (const relay of relays) await relay.close({ timeout: 0 });
  http.close(() => process.exit(0));
  http.closeIdleConnections();
});
