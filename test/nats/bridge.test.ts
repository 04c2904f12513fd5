/** Stock pylm behind NATS: its stages between two of frond's, and its workers at a frond Master. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { bridge } from '../../transports/shared/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { startNode } from '../interop/node.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { eventually, readAll, within } from '../support/wait.ts';

const TCP = 'tcp://127.0.0.1:*';
const silent = { loggingLevel: 'silent' } as const;
const tag = (label: string) => ({ tag: (payload: Uint8Array) => bytes(`${textOf(payload)}|${label}`) });

let ground: NatsServer;
let ends: (() => Promise<unknown>)[];
beforeEach(async () => {
  ground = await NatsServer.start();
  ends = [];
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  await ground[Symbol.asyncDispose]();
});

function own<T extends AsyncDisposable>(one: T): T {
  ends.push(async () => one[Symbol.asyncDispose]());
  return one;
}

/** Workers that a Master knows. */
const workersOf = (master: Master) =>
  master.metrics().find(({ name }) => name === 'frond_workers')?.samples[0]?.value;

const overNats = () => nats({ servers: ground.url, heartbeat: 200 });
const both = () => bridge(overNats(), zmtp());

it('a pylm stage runs between two of frond’s, whose clients have NATS alone', async () => {
  const first = own(
    await Server.start({
      ...silent,
      transport: both(),
      name: 'first',
      dbAddress: 'nats:first',
      pubAddress: TCP,
      pipelined: true,
      functions: tag('first'),
    }),
  );
  const middle = await startNode({
    kind: 'Pipeline',
    label: 'middle',
    name: 'middle',
    pipelined: true,
    sub: [first.pubAddress],
    previous: ['first'],
  });
  ends.push(middle.stop);
  const last = own(
    await Pipeline.start({
      ...silent,
      transport: both(),
      name: 'last',
      previous: 'middle',
      subAddress: middle.addresses.pub,
      dbAddress: 'nats:last',
      functions: tag('last'),
    }),
  );
  const client = own(
    await Client.connect({
      ...silent,
      transport: overNats(),
      dbAddress: 'nats:first',
      subAddress: last.pubAddress,
      timeout: 1_000,
    }),
  ).with(text());
  const path = ['first.tag', 'middle.tag', 'last.tag'];
  // pylm's stage does not tell when it has subscribed.
  await eventually(async () => (await client.eval(path, 'x').catch(() => '')) !== '', 20_000);
  const inputs = Array.from({ length: 500 }, (_, number) => String(number));
  const results = await within(30_000, readAll(client.map(path, inputs, { timeout: 20_000 })), 'the map');
  expect(results).toEqual(inputs.map((input) => `${input}|first|middle|last`));
});

it('a worker of both works for all Masters that share an address at NATS, and for one on ZeroMQ', async () => {
  const masters = [
    own(await Master.start({ ...silent, transport: overNats(), name: 'crew', dbAddress: 'nats:crew' })),
    own(await Master.start({ ...silent, transport: overNats(), name: 'crew', dbAddress: 'nats:crew' })),
    own(await Master.start({ ...silent, transport: zmtp(), name: 'crew', dbAddress: TCP })),
  ];
  const addresses = new Set(masters.map(({ dbAddress }) => dbAddress));
  for (const dbAddress of addresses)
    own(await Worker.start({ ...silent, transport: both(), dbAddress, functions: tag('worker') }));
  const haveWorkers = async () => masters.every((master) => workersOf(master) === 1);
  await eventually(haveWorkers, 10_000);
  for (const dbAddress of addresses) {
    const client = own(await Client.connect({ ...silent, transport: both(), dbAddress })).with(text());
    expect(await within(5_000, client.eval('crew.tag', 'x'))).toBe('x|worker');
  }
});

it('pylm workers have the work of a Master whose clients are on NATS', async () => {
  const master = own(
    await Master.start({
      ...silent,
      transport: both(),
      name: 'crew',
      dbAddress: TCP,
      pullAddress: 'nats:crew',
      pubAddress: 'nats:crew',
      workerPullAddress: TCP,
      workerPushAddress: TCP,
    }),
  );
  for (const label of ['one', 'two']) {
    const worker = await startNode({
      kind: 'Worker',
      label,
      name: label,
      pipelined: false,
      sub: [],
      previous: [],
      db: master.dbAddress,
    });
    ends.push(worker.stop);
  }
  const client = own(
    await Client.connect({ ...silent, transport: both(), dbAddress: master.dbAddress, timeout: 1_000 }),
  ).with(text());
  const seen = new Set<string | undefined>();
  const haveBothWorked = async () => {
    seen.add((await client.eval('crew.tag', 'x').catch(() => '')).split('|')[1]);
    return seen.has('one') && seen.has('two');
  };
  await eventually(haveBothWorked, 20_000);
  const inputs = Array.from({ length: 500 }, (_, number) => String(number));
  const results = await within(
    30_000,
    readAll(client.map('crew.tag', inputs, { timeout: 20_000 })),
    'the map',
  );
  expect(results.map((result) => result.split('|')[0])).toEqual(inputs);
  for (const label of ['one', 'two'])
    expect(results.filter((result) => result.endsWith(`|${label}`)).length).toBeGreaterThan(50);
});
