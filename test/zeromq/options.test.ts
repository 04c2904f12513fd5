/** Options whose effect shows at raw sockets alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Transport } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { within } from '../support/wait.ts';

const { Publisher, Pull } = createRequire(import.meta.url)('zeromq') as typeof import('zeromq');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(transport: Transport) {
  const connection = await transport.open();
  closing.push(() => within(3_000, connection.close({ timeout: 0 })));
  return connection;
}

describe.each([
  ['zeromq()', zeromq],
  ['zmtp()', zmtp],
])('%s', (_name, make) => {
  it('waits for subscriptionMargin before it uses a subscription that nobody confirms', async () => {
    const publisher = new Publisher({ linger: 0 });
    closing.push(() => publisher.close());
    await publisher.bind('tcp://127.0.0.1:*');
    const connection = await open(make({ subscriptionMargin: 250 }));
    const start = performance.now();
    const subscription = connection.subscribe(publisher.lastEndpoint as string, 'me/');
    await within(5_000, subscription.ready());
    expect(performance.now() - start).toBeGreaterThanOrEqual(249);
    expect(subscription.isProved).toBe(false);
  });
});

it('sendHighWaterMark is how many messages zeromq() holds for a server that reads nothing', async () => {
  const server = new Pull({ receiveHighWaterMark: 1, linger: 0 });
  closing.push(() => server.close());
  // A Unix socket holds little itself.
  const address = `ipc://${join(tmpdir(), `frond-mark-${process.pid}-${Date.now()}`)}`;
  await server.bind(address);
  const frame = new Uint8Array(65_536);
  const sendAll = async (sendHighWaterMark: number): Promise<void> => {
    const pusher = (await open(zeromq({ sendHighWaterMark }))).push(address);
    await within(5_000, pusher.ready());
    for (let i = 0; i < 40; i++) await pusher.send([frame]);
  };
  await within(5_000, sendAll(64));
  let hasSent = false;
  const sending = sendAll(1).then(() => {
    hasSent = true;
  });
  // It ends with its connection.
  sending.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(hasSent).toBe(false);
});

it('reconnectMaxInterval is how long zeromq() waits before it dials again, after many times too', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const connection = await open(zeromq({ reconnectInterval: 10, reconnectMaxInterval: 20 }));
  connection.push(`tcp://127.0.0.1:${port}`);
  const dialled = async () => {
    let times = 0;
    for await (const { type } of connection.status()) if (type === 'reconnecting' && ++times === 14) return;
  };
  // With the default of 2 s the fourteenth comes after 12 s.
  await within(10_000, dialled());
});

it.runIf(process.platform === 'linux')(
  'connectTimeout is how long zmtp() waits for a server that does not accept',
  async () => {
    const source =
      "const server = require('node:net').createServer(); server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))";
    const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
    closing.push(() => child.kill('SIGKILL'));
    const [said] = await within(10_000, once(child.stdout, 'data'));
    const port = Number(String(said));
    // One that is stopped accepts nobody, and its system has places for two.
    child.kill('SIGSTOP');
    const waiting = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    closing.push(() => {
      for (const socket of waiting) socket.destroy();
    });
    await within(5_000, Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect'))));
    const connection = await open(zmtp({ connectTimeout: 60 }));
    connection.push(`tcp://127.0.0.1:${port}`);
    const reason = async () => {
      for await (const status of connection.status())
        if (status.type === 'reconnecting') return status.reason;
      return undefined;
    };
    expect(await within(5_000, reason())).toContain('nothing accepted the connection within 60 ms');
  },
);
