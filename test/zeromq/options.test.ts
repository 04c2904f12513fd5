/** Options whose effect shows at raw sockets of libzmq alone. */
import { createRequire } from 'node:module';
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
