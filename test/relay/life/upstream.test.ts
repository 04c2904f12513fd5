/** Servers behind a relay that go and come back: at their addresses, at others, as something else. */
import { describe, expect, it } from 'vitest';
import type { Master, Server, Worker } from '../../../src/cluster/index.ts';
import { type Client, PalmError } from '../../../src/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, type TestGround, testCluster } from '../../support/cluster.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { connect, startRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';

const CLIENTS = 4;
const never = () => new Promise<Uint8Array>(() => {});

function scene(make: () => TestGround) {
  const open = testCluster(make);
  return async () => {
    const cluster = open();
    const start = (options: object = {}) =>
      cluster.start<Server>({
        role: 'server',
        name: 'server',
        functions: { never },
        concurrency: 256,
        ...options,
      });
    const server = await start();
    const { dbAddress } = server;
    const relay = cluster.own(
      await startRelay({ transport: cluster.transport, servers: { server: { dbAddress } } }),
    );
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(relay.url)));
    for (const client of clients) cluster.own(client);
    return { cluster, relay, server, start, clients };
  };
}

/** Calls of every kind that no server answers, by each client. */
async function beginCalls(clients: readonly Client[], server: Server): Promise<Promise<unknown>[]> {
  const calls = clients.flatMap((client) => [
    client.eval('server.never', bytes('x')),
    (async () => {
      for await (const _ of client.job('server.never', [bytes('a'), bytes('b')], { messages: 2 }));
    })(),
  ]);
  for (const call of calls) call.catch(() => {});
  await within(
    3_000,
    until(() => server.counters.inFlight === 3 * clients.length),
  );
  return calls;
}

async function expectBroken(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await within(5_000, Promise.allSettled(calls), 'the failures')) {
    if (outcome.status === 'fulfilled') throw new Error('a call was answered by nobody');
    expect(outcome.reason).toBeInstanceOf(PalmError);
    expect(outcome.reason).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
  }
}

async function expectAnswers(clients: readonly Client[], path = 'server.echo'): Promise<void> {
  const words = clients.map((_, i) => `to ${i}`);
  const calls = clients.map((client, i) => client.eval(path, bytes(words[i] ?? '')));
  expect((await within(8_000, Promise.all(calls), 'the next calls')).map(textOf)).toEqual(words);
  const sets = clients.map((client, i) => client.set(bytes('v'), `k${i}`));
  await within(5_000, Promise.all(sets), 'the next sets');
}

/** What becomes of a call once the client knows that the server was away. */
async function outcome(client: Client): Promise<unknown> {
  for (;;) {
    try {
      return await within(8_000, client.eval('server.echo', bytes('x')));
    } catch (error) {
      if (!(error instanceof PalmError) || error.code !== 'DISCONNECTED') return error;
    }
  }
}

describe.each(grounds)('on %s', (_, make) => {
  const open = scene(make);

  it('a server comes back at its addresses', async () => {
    const { server, start, clients } = await open();
    let current = server;
    const { dbAddress, pullAddress, pubAddress } = server;
    for (let round = 0; round < 2; round++) {
      const calls = await beginCalls(clients, current);
      await current.close({ timeout: 0 });
      current = await start({ dbAddress, pullAddress, pubAddress });
      await expectBroken(calls);
      await expectAnswers(clients);
    }
  }, 30_000);

  it('a server comes back at its db address alone', async () => {
    const { server, start, clients, relay } = await open();
    let current = server;
    const { dbAddress } = server;
    for (let round = 0; round < 2; round++) {
      const calls = await beginCalls(clients, current);
      const { pullAddress } = current;
      await current.close({ timeout: 0 });
      current = await start({ dbAddress });
      expect(current.pullAddress).not.toBe(pullAddress);
      await expectBroken(calls);
      await expectAnswers(clients);
    }
    // Who comes now finds it too.
    const late = await connect(relay.url);
    await expectAnswers([late]);
    await late.close();
  }, 30_000);

  it('a server goes again in the moment that it is back', async () => {
    const { server, start, clients } = await open();
    const { dbAddress } = server;
    const calls = await beginCalls(clients, server);
    await server.close({ timeout: 0 });
    for (let round = 0; round < 5; round++) {
      const brief = await start({ dbAddress });
      // Long enough for some of its questions, which are answered or not.
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      await brief.close({ timeout: 0 });
    }
    await start({ dbAddress });
    await expectBroken(calls);
    await Promise.all(clients.map(outcome));
    await expectAnswers(clients);
  }, 30_000);

  it('a Master comes in the place of a server', async () => {
    const { cluster, server, clients } = await open();
    const { dbAddress } = server;
    const calls = await beginCalls(clients, server);
    await server.close({ timeout: 0 });
    const master = await cluster.start<Master>({ role: 'master', name: 'server', dbAddress });
    await cluster.start<Worker>({ role: 'worker', dbAddress: master.dbAddress });
    await expectBroken(calls);
    await expectAnswers(clients);
  }, 30_000);

  it('a server of another name comes in its place: calls to the old one are refused', async () => {
    const { server, start, clients, relay } = await open();
    const { dbAddress, pullAddress, pubAddress } = server;
    await expectAnswers(clients);
    await server.close({ timeout: 0 });
    await start({ name: 'other', dbAddress, pullAddress, pubAddress });
    for (const client of clients) {
      expect(await outcome(client)).toMatchObject({ code: 'FORBIDDEN' });
    }
    const late = await connect(relay.url, { serverName: 'other', dbAddress: 'server' });
    await expectAnswers([late], 'other.echo');
    await late.close();
  }, 30_000);

  it('a stock server comes in its place: nothing passes that could stop it', async () => {
    const { cluster, server, clients } = await open();
    const { dbAddress } = server;
    await expectAnswers(clients);
    await server.close({ timeout: 0 });
    const stock = await startRawServer(
      {
        ...cluster.transport,
        open: async () => {
          const connection = await cluster.transport.open();
          const { bindReply } = connection;
          connection.bindReply = (_address, answer) => bindReply.call(connection, dbAddress, answer);
          return connection;
        },
      },
      cluster.any,
      ({ client, payload }) => [payload.slice()].map((frame) => ({ topic: client, frames: [frame] })),
      { name: 'server' },
    );
    cluster.own(stock);
    for (const client of clients) {
      expect(await outcome(client)).toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(stock.received).toEqual([]);
  }, 30_000);
});
