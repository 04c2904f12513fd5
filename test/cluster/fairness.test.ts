/**
 * One client's job does not keep another's call waiting, and a call may be urgent: on every transport that binds, and through a relay.
 * It is counted in calls of the job that are done first, and not in time.
 */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Hub, Master, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { bytes } from '../support/bytes.ts';
import { grounds, type TestCluster, testCluster } from '../support/cluster.ts';
import { connect, startRelay } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';

const untilSo = (condition: () => boolean, what: string) => within(10_000, until(condition), what);

/** The first byte of inputs of the job. */
const JOB = 1;
/** Inputs of the job: far more than what is done while a test runs. */
const INPUTS = 1_000_000;

/** Functions that take a millisecond once `begin` has resolved, and count the inputs of the job that are done. */
function counting(begin: Promise<void> = Promise.resolve()) {
  const done = { ofJob: 0, order: [] as number[] };
  const functions = {
    f: async (payload: Uint8Array) => {
      await begin;
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (payload[0] === JOB) done.ofJob++;
      else done.order.push(payload[0] ?? 0);
      return payload.slice();
    },
  };
  return { done, functions };
}

/** Starts a job that has more inputs than it will ever get results. It is over when its client is closed. */
function keepBusy(client: Client, path: string | string[]): void {
  const input = bytes(String.fromCharCode(JOB));
  const inputs = (function* () {
    for (let i = 0; i < INPUTS; i++) yield input;
  })();
  const read = async () => {
    for await (const _ of client.job(path, inputs, { window: INPUTS }));
  };
  read().catch(() => {});
}

type Functions = ReturnType<typeof counting>['functions'];

/** Where calls come in, and the calls that have come to the role that runs them or hands them out. */
interface Started {
  readonly entry: { readonly dbAddress: string };
  readonly arrived: () => number;
}

/** Calls that have come to a role that runs them. It counts those as received that it has begun. */
function arrivedAt(role: Server | Pipeline | Sink): number {
  const waiting = role.metrics().find(({ name }) => name === 'frond_messages_waiting')?.samples[0]?.value;
  return role.counters.received + Number(waiting);
}

/** Each role that runs calls or hands them out, behind a server of its own where it needs one. */
const ROLES: readonly [
  role: string,
  path: string | string[],
  start: (cluster: TestCluster, functions: Functions) => Promise<Started>,
][] = [
  [
    'server',
    'server.f',
    async (cluster, functions) => {
      const server = await cluster.start<Server>({ role: 'server', name: 'server', functions });
      return { entry: server, arrived: () => arrivedAt(server) };
    },
  ],
  [
    'master',
    'server.f',
    async (cluster, functions) => {
      const master = await cluster.start<Master>({ role: 'master', name: 'server' });
      for (let i = 0; i < 2; i++)
        await cluster.start<Worker>({ role: 'worker', dbAddress: master.dbAddress, functions });
      return { entry: master, arrived: () => master.counters.received };
    },
  ],
  [
    'hub',
    ['server.echo', 'last.f'],
    async (cluster, functions) => {
      const first = await cluster.start<Server>({ role: 'server', name: 'server', pipelined: true });
      const { dbAddress: previousDbAddress } = first;
      const hub = await cluster.start<Hub>({
        role: 'hub',
        name: 'last',
        previous: 'server',
        previousDbAddress,
      });
      await cluster.start<Worker>({ role: 'worker', dbAddress: hub.dbAddress, functions });
      await hub.ready();
      return { entry: first, arrived: () => hub.counters.received };
    },
  ],
  [
    'pipeline',
    ['server.echo', 'last.f'],
    async (cluster, functions) => {
      const first = await cluster.start<Server>({ role: 'server', name: 'server', pipelined: true });
      const { dbAddress: previousDbAddress } = first;
      const last = await cluster.start<Pipeline>({
        role: 'pipeline',
        name: 'last',
        previous: 'server',
        previousDbAddress,
        functions,
      });
      await last.ready();
      return { entry: first, arrived: () => arrivedAt(last) };
    },
  ],
  [
    'sink',
    ['server.echo', 'last.f'],
    async (cluster, functions) => {
      const first = await cluster.start<Server>({ role: 'server', name: 'server', pipelined: true });
      const last = await cluster.start<Sink>({
        role: 'sink',
        name: 'last',
        previous: ['server'],
        previousDbAddresses: [first.dbAddress],
        functions,
      });
      await last.ready();
      return { entry: first, arrived: () => arrivedAt(last) };
    },
  ],
];

/** Calls of the job that are done between a call of another client and its answer: the least of five times. */
async function passedBy(client: Client, path: string | string[], done: { readonly ofJob: number }) {
  const counts: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = done.ofJob;
    await within(10_000, client.eval(path, bytes('x')), 'an answer beside the job');
    counts.push(done.ofJob - before);
  }
  return Math.min(...counts);
}

/** Messages that each worker, and the function itself, may have begun or fetched before. Thousands wait behind them. */
const FEW = 40;

describe.each(grounds)('on %s', (_ground, make) => {
  const open = testCluster(make);

  it.each(ROLES)('a %s answers one client’s call beside another’s job', async (_role, path, start) => {
    const cluster = open();
    const { done, functions } = counting();
    const {
      entry: { dbAddress },
    } = await start(cluster, functions);
    const busy = await cluster.connect({ serverName: 'server', dbAddress });
    const other = await cluster.connect({ serverName: 'server', dbAddress });
    keepBusy(busy, path);
    await untilSo(() => done.ofJob > 200, 'the job is under way');
    expect(await passedBy(other, path, done)).toBeLessThan(FEW);
  });
});

describe.each(grounds.filter(([name]) => name !== 'zeromq'))('on %s', (_ground, make) => {
  const open = testCluster(make);

  it('a server that has read as much as it may answers one client’s call beside another’s job', async () => {
    const cluster = open();
    const { done, functions } = counting();
    // Some 30 messages. The transport has thousands more of the job.
    const { dbAddress } = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions,
      maxWaiting: 32_768,
    });
    const busy = await cluster.connect({ serverName: 'server', dbAddress });
    const other = await cluster.connect({ serverName: 'server', dbAddress });
    keepBusy(busy, 'server.f');
    await untilSo(() => done.ofJob > 200, 'the job is under way');
    expect(await passedBy(other, 'server.f', done)).toBeLessThan(FEW);
  });
});

describe('through a relay', () => {
  const open = testCluster(grounds[2][1]);

  it('a Master answers one client’s call beside another’s job', async () => {
    const cluster = open();
    const { done, functions } = counting();
    const master = await cluster.start<Master>({ role: 'master', name: 'server' });
    const { dbAddress } = master;
    for (let i = 0; i < 2; i++) await cluster.start<Worker>({ role: 'worker', dbAddress, functions });
    const { transport } = cluster;
    const relay = cluster.own(await startRelay({ transport, servers: { server: { dbAddress } } }));
    const busy = cluster.own(await connect(relay.url));
    const other = cluster.own(await connect(relay.url));
    keepBusy(busy, 'server.f');
    await untilSo(() => done.ofJob > 200, 'the job is under way');
    expect(await passedBy(other, 'server.f', done)).toBeLessThan(FEW);
  });

  it('a call is urgent where its client may say so, and refused elsewhere', async () => {
    const cluster = open();
    const { functions } = counting();
    const server = await cluster.start<Server>({ role: 'server', name: 'server', functions });
    const { transport } = cluster;
    const grants = { servers: ['*'], functions: ['*'] };
    const relay = cluster.own(
      await startRelay({
        transport,
        servers: { server: { dbAddress: server.dbAddress } },
        anonymous: grants,
        authenticate: () => ({ name: 'urgent', ...grants, priority: 5 }),
      }),
    );
    const may = cluster.own(await connect(relay.url));
    expect(await may.eval('server.f', bytes('x'), { priority: 5 })).toEqual(bytes('x'));
    await expect(may.eval('server.f', bytes('x'), { priority: 6 })).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('a priority of 5 here at most, not 6'),
    });
    expect(server.counters.received).toBe(1);
  });
});

describe.each(grounds)('priorities on %s', (_ground, make) => {
  const open = testCluster(make);

  it.each(ROLES)('order one client’s calls at a %s', async (_role, path, start) => {
    const cluster = open();
    const begin = deferred<void>();
    const { done, functions } = counting(begin.promise);
    const {
      entry: { dbAddress },
      arrived,
    } = await start(cluster, functions);
    const client = await cluster.connect({ serverName: 'server', dbAddress });
    // The first ones are taken before the others are there.
    const calls = Array.from({ length: 60 }, () => client.eval(path, bytes('\u0002')));
    calls.push(client.eval(path, bytes('\u0003'), { priority: -1 }));
    for (let i = 0; i < 30; i++) calls.push(client.eval(path, bytes('\u0002')));
    calls.push(client.eval(path, bytes('\u0004'), { priority: 1 }));
    await untilSo(() => arrived() === calls.length, 'all calls are there');
    begin.resolve();
    await within(10_000, Promise.all(calls), 'all answers');
    expect(done.order).toHaveLength(92);
    expect(done.order.indexOf(4)).toBeLessThan(60);
    expect(done.order.indexOf(3)).toBeGreaterThan(80);
  });
});
