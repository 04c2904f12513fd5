/** One contract, served by Python on a stock pylm Server and by frond: the same client code gets the same answers. */
import { number, object, optional, string } from 'valibot';
import { afterEach, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { fn, functions, json, remote } from '../../src/functions/index.ts';
import { Client } from '../../src/index.ts';
import { connectTo } from './connect.ts';
import { startCluster } from './pylm.ts';
import { pylmCalls, textsOf } from './pylm-calls.ts';
import { transportHere } from './transport.ts';

const contract = functions({
  area: fn(
    {
      input: object({ w: number(), h: number(), name: optional(string(), 'none') }),
      output: json<{ area: number; name: string }>(),
    },
    ({ w, h, name }) => ({ area: w * h, name }),
  ),
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function byPython(): Promise<Client> {
  const cluster = await startCluster('server');
  const client = await connectTo(cluster);
  closing.push(
    () => cluster.stop(),
    () => client.close(),
  );
  return client;
}

async function startFrond(): Promise<Server> {
  const server = await Server.start({
    transport: transportHere(),
    name: 'own',
    dbAddress: 'tcp://127.0.0.1:*',
    pullAddress: 'tcp://127.0.0.1:*',
    pubAddress: 'tcp://127.0.0.1:*',
    loggingLevel: 'silent',
    functions: contract,
  });
  closing.push(() => server.close());
  return server;
}

async function byFrond(): Promise<Client> {
  const { dbAddress } = await startFrond();
  const client = await Client.connect({ transport: transportHere(), dbAddress });
  closing.push(() => client.close());
  return client;
}

it.each([
  ['Python', byPython],
  ['frond', byFrond],
])('a client gets the same answers of %s', async (_by, start) => {
  const client = await start();
  for (const definitions of [undefined, contract]) {
    const { area } = remote<typeof contract>(client, client.serverName, definitions);
    expect(await area({ w: 2, h: 3 })).toEqual({ area: 6, name: 'none' });
    const all = [];
    for await (const one of area.map([
      { w: 1, h: 1, name: 'a' },
      { w: 2, h: 2, name: 'ä' },
    ]))
      all.push(one);
    expect(all).toEqual([
      { area: 1, name: 'a' },
      { area: 4, name: 'ä' },
    ]);
  }
  const { area } = remote(client, client.serverName, contract);
  await expect(area({ w: 'x' as never, h: 1 })).rejects.toMatchObject({
    code: 'INVALID_CALL',
    issues: [{ path: ['w'] }],
  });
});

it("pylm's client calls a function with types, and gets 0 for wrong input", async () => {
  const { dbAddress, pullAddress, pubAddress } = await startFrond();
  const entry = { serverName: 'own', dbAddress, pushAddress: pullAddress, subAddress: pubAddress };
  const answers = await pylmCalls(entry, [
    ['eval', 'own.area', '--payload', '{"w": 2, "h": 3}'],
    ['eval', 'own.area', '--payload', '{"w": "x"}'],
  ]);
  expect(answers.map((answer) => textsOf(answer))).toEqual([['{"area":6,"name":"none"}'], ['0']]);
});
