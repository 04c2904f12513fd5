/** What only a cluster, or a relay that ends, can show of maps. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { createRelay } from '../../transports/relay/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { until, within } from '../support/wait.ts';

const ANY = 'tcp://127.0.0.1:*';
const silent = { loggingLevel: 'silent' } as const;
let cleanup: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of cleanup.reverse()) await within(5_000, close(), 'closing');
  cleanup = [];
});

async function startServer(): Promise<Server> {
  const server = await Server.start({
    transport: zeromq(),
    name: 'server',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    ...silent,
  });
  cleanup.push(() => server.close());
  return server;
}

const wait = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

it('a slow task holds up no other: 98 of the quick ones come before it', async () => {
  const transport = zeromq();
  const master = await Master.start({
    transport,
    name: 'master',
    dbAddress: ANY,
    pullAddress: ANY,
    pubAddress: ANY,
    workerPullAddress: ANY,
    workerPushAddress: ANY,
    ...silent,
  });
  cleanup.push(() => master.close({ timeout: 0 }));
  const functions = {
    sleep: async (payload: Uint8Array) => {
      await wait(Number(new TextDecoder().decode(payload)));
      return payload;
    },
  };
  for (let i = 0; i < 2; i++) {
    const worker = await Worker.start({
      transport,
      name: `worker${i}`,
      dbAddress: master.dbAddress,
      functions,
      ...silent,
    });
    cleanup.push(() => worker.close({ timeout: 0 }));
  }
  const client = await Client.connect({ transport, dbAddress: master.dbAddress, ...silent });
  cleanup.push(() => client.close());
  const inputs = Array.from({ length: 100 }, (_, i) => (i === 10 ? '3000' : '10'));
  const results: string[] = [];
  const reading = async () => {
    for await (const result of client.with(text()).map('master.sleep', inputs, { ordered: false }))
      results.push(result);
  };
  await within(15_000, reading());
  expect(results).toHaveLength(100);
  expect(results.indexOf('3000')).toBeGreaterThanOrEqual(98);
});

it('through a relay that is restarted again and again every input has its one result, in order', async () => {
  const transport = zeromq();
  const server = await startServer();
  const startRelay = async (port: number) => {
    const http = createServer();
    http.listen(port, '127.0.0.1');
    await once(http, 'listening');
    const relay = await createRelay({
      server: http,
      transport,
      servers: { server: { dbAddress: server.dbAddress } },
      anonymous: { servers: ['*'], functions: ['*'] },
      ...silent,
    });
    return {
      port: (http.address() as AddressInfo).port,
      close: async () => {
        await relay.close({ timeout: 0 });
        http.closeAllConnections();
        await new Promise((resolve) => http.close(resolve));
      },
    };
  };
  let relay = await startRelay(0);
  const { port } = relay;
  cleanup.push(() => relay.close());
  const dialled = websocket(`ws://127.0.0.1:${port}/`, { maxDelay: 50 });
  const client = await Client.connect({ transport: dialled, serverName: 'server', ...silent });
  cleanup.push(() => client.close());
  const count = 6_000;
  let taken = 0;
  async function* inputs() {
    for (; taken < count; taken++) {
      if (taken % 64 === 0) await wait(1);
      yield String(taken);
    }
  }
  const results: string[] = [];
  const map = client.with(text()).map('server.echo', inputs(), { retries: 20, retryDelay: 20 });
  const reading = (async () => {
    for await (const result of map) results.push(result);
  })();
  reading.catch(() => {});
  for (const mark of [1_000, 2_500, 4_000]) {
    await within(
      10_000,
      until(() => results.length >= mark),
    );
    await relay.close();
    relay = await startRelay(port);
  }
  await within(15_000, reading);
  expect(results).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  expect(map.progress).toMatchObject({ answered: count, failed: 0, inFlight: 0 });
});

it('a reader that sleeps in the middle of a job gets all of 6000 × 20 kB', async () => {
  const transport = zeromq();
  const server = await startServer();
  const client = await Client.connect({ transport, dbAddress: server.dbAddress, ...silent });
  cleanup.push(() => client.close());
  const payload = new Uint8Array(20_000);
  const payloads = Array.from({ length: 6_000 }, () => payload);
  // SLEEP=8000 is what slow readers do; the normal run has no time for that.
  const sleep = Number(process.env['SLEEP'] ?? 1_500);
  for (const results of [
    client.job('server.echo', payloads, { messages: 6_000 }),
    client.map('server.echo', payloads),
  ]) {
    let bytes = 0;
    let count = 0;
    const reading = async () => {
      for await (const result of results) {
        bytes += result.length;
        if (++count === 3_000) await wait(sleep);
      }
    };
    await within(30_000, reading());
    expect([count, bytes]).toEqual([6_000, 120_000_000]);
  }
});
