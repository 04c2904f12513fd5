/** How long connections to the metrics of roles may take for what they want. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MetricsServer, serveMetrics } from '../../serve/index.ts';
import { within } from '../support/wait.ts';

/** More than the sockets of two ends hold when one does not read. */
const MUCH = 32 * 1_048_576;

let server: MetricsServer;
beforeAll(async () => {
  const missing = ['x'.repeat(MUCH)];
  server = await serveMetrics({ name: 'own', metrics: () => [], missing, closed: new Promise(() => {}) });
});
afterAll(() => server.close());

async function dial(): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => {});
  await within(5_000, once(socket, 'connect'), 'a connection');
  return socket;
}

it.concurrent.each([
  ['has no byte', ''],
  ['has no end', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
])('a head that %s after 10 seconds ends its connection, and not before', async (_, sent) => {
  const socket = await dial();
  const began = performance.now();
  socket.resume().write(sent);
  await within(15_000, once(socket, 'close'), 'the end of the connection');
  expect(performance.now() - began).toBeGreaterThan(9_900);
});

it.concurrent('a request that has no end keeps no connection for longer than 20 seconds', async () => {
  const socket = await dial();
  socket.resume().write('GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nx');
  await within(21_500, once(socket, 'close'), 'the end of the connection');
});

// Node lets an answer wait for twice its time, because it counts what the system has taken of it at first.
it.concurrent.each([
  [29, true],
  [63, false],
])(
  'an answer of which nothing is taken for %i seconds is still there: %s',
  async (seconds, isThere) => {
    const socket = await dial();
    socket.pause().write('GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    let bytes = 0;
    socket.on('data', (data) => {
      bytes += data.length;
    });
    socket.resume();
    await within(10_000, once(socket, 'close'), 'the end of the connection');
    expect(bytes > MUCH).toBe(isThere);
  },
  90_000,
);
