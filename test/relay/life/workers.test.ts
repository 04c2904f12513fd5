/** Workers that reach their Master through a relay: who may be one, and what becomes of what they hold. */
import { describe, expect, it } from 'vitest';
import { type Master, Worker, type WorkerOptions } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { RelayIdentity } from '../../../transports/relay/options.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, type TestGround, testCluster } from '../../support/cluster.ts';
import { notOnce, runJob } from '../../support/jobs.ts';
import { connect, EVERYTHING, startRelay, TOKEN, toRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';
import { startChild } from './child.ts';
import { Scissors } from './scissors.ts';

const COUNT = 10_000;
/** Milliseconds that a worker is waited for which is not to come back, and that one may be away under a burden. */
const SHORT = 200;
const LONG = 10_000;

function scene(make: () => TestGround) {
  const open = testCluster(make);
  return async (
    identity: () => RelayIdentity | undefined = () => EVERYTHING,
    resumeWindow = SHORT,
    heartbeat = 2_000,
  ) => {
    const cluster = open();
    const master = await cluster.start<Master>({ role: 'master', name: 'master', heartbeat });
    const { dbAddress } = master;
    const relay = cluster.own(
      await startRelay({
        transport: cluster.transport,
        servers: { master: { dbAddress } },
        authenticate: (token) => (token === TOKEN ? EVERYTHING : identity()),
        limits: { resumeWindow },
      }),
    );
    const startWorker = async (url = relay.url, options: Partial<WorkerOptions> = {}) =>
      cluster.own(
        await Worker.start({
          transport: toRelay(url),
          dbAddress: 'master',
          loggingLevel: 'silent',
          timeout: 10_000,
          ...options,
        }),
      );
    const client = async () => cluster.own(await connect(relay.url, { serverName: 'master' }));
    const wire = async () => cluster.own(await startWire(relay.port));
    return { cluster, master, relay, startWorker, client, wire };
  };
}

const received = (workers: readonly Worker[]) =>
  workers.map(({ counters }) => counters.received).reduce((sum, count) => sum + count);

describe.each(grounds)('on %s', (_, make) => {
  const open = scene(make);

  it('do a job of 10 000, each message once', async () => {
    const { startWorker, client } = await open();
    const workers = await Promise.all([startWorker(), startWorker()]);
    expect(notOnce(await runJob(await client(), 'master.echo', COUNT))).toEqual([]);
    expect(received(workers)).toBe(COUNT);
    for (const worker of workers) expect(received([worker])).toBeGreaterThan(COUNT / 10);
  }, 30_000);

  it('are cut and go on: nothing is lost, and nothing is run twice', async () => {
    // A Master gives away what a worker holds that is away for half a heartbeat.
    const { startWorker, client, wire } = await open(undefined, LONG, 2 * LONG);
    const cut = await wire();
    const workers = await Promise.all([startWorker(cut.url), startWorker(cut.url)]);
    const scissors = new Scissors(cut, 3);
    const cutting = scissors.run(100);
    for (let round = 0; round < 3; round++)
      expect(notOnce(await runJob(await client(), 'master.echo', COUNT))).toEqual([]);
    scissors.isOver = true;
    await within(3_000, cutting, 'the cuts');
    expect(scissors.cuts).toBeGreaterThan(10);
    expect(received(workers)).toBe(3 * COUNT);
  }, 30_000);

  it('one vanishes in the middle of a job: what it held is for the other at once', async () => {
    const { startWorker, client, wire, master } = await open();
    const cut = await wire();
    const [, vanishing] = await Promise.all([startWorker(), startWorker(cut.url)]);
    const begin = performance.now();
    const times = await runJob(await client(), 'master.echo', COUNT, {
      [COUNT / 2]: () => {
        cut.isOpen = false;
        cut.cut('rst');
      },
    });
    expect(notOnce(times)).toEqual([]);
    expect(received([vanishing])).toBeGreaterThan(0);
    // The Master itself would miss it after 30 seconds.
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(master.counters.inFlight).toBe(0);
  }, 30_000);

  it('one vanishes while it holds something and the others have nothing to do', async () => {
    const { startWorker, client, wire } = await open();
    const cut = await wire();
    const functions = { slow: () => new Promise<Uint8Array>(() => {}) };
    const vanishing = await startWorker(cut.url, { functions });
    const caller = await client();
    const call = caller.eval('master.slow', bytes('x'));
    await within(
      3_000,
      until(() => vanishing.counters.inFlight === 1),
    );
    await startWorker(undefined, { functions: { slow: (payload) => payload } });
    cut.isOpen = false;
    cut.cut('rst');
    expect(textOf(await within(SHORT + 2_000, call, 'the answer'))).toBe('x');
  }, 30_000);

  it('one that is away for too long works again when it is back', async () => {
    const { startWorker, client, wire, relay } = await open();
    const cut = await wire();
    const worker = await startWorker(cut.url);
    const caller = await client();
    for (let round = 0; round < 2; round++) {
      cut.isOpen = false;
      cut.cut('rst');
      const call = caller.eval('master.echo', bytes('x'));
      while ((await relay.figure('sessions')) > 1) await new Promise((resolve) => setTimeout(resolve, 10));
      cut.isOpen = true;
      expect(textOf(await within(5_000, call, 'the answer'))).toBe('x');
    }
    expect(worker.counters.answered).toBe(2);
  }, 30_000);
});

describe('that are not let in', () => {
  const open = scene(grounds[0][1]);

  it('may not be one without the grant: start says so soon, and that is all', async () => {
    const { relay, startWorker } = await open(() => ({ ...EVERYTHING, name: 'visitor', work: false }));
    const transport = toRelay(relay.url, { token: 'visitor' });
    for (const addresses of [{}, { pushAddress: 'master', pullAddress: 'master/results' }]) {
      const start = startWorker(undefined, { transport, ...addresses });
      await expect(within(1_000, start, 'the refusal')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    const refusals = () =>
      Promise.all(['request', 'channel'].map((what) => relay.figure(`refusals_total{what="${what}"}`)));
    const before = await refusals();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await refusals()).toEqual(before);
    expect(relay.relay.connections).toBe(0);
  });

  it('are refused with the relay itself: start says so soon', async () => {
    const { relay, startWorker } = await open(() => undefined);
    const start = startWorker(undefined, { transport: toRelay(relay.url, { token: 'wrong' }) });
    await expect(within(2_000, start, 'the refusal')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('find no relay: start says so when its time is up', async () => {
    const { relay, startWorker, wire } = await open();
    const cut = await wire();
    cut.isOpen = false;
    const start = startWorker(cut.url, { timeout: 200 });
    await expect(within(2_000, start, 'the time-out')).rejects.toMatchObject({ code: 'TIMEOUT' });
    // What it dialled last may be on its way.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { count } = cut;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cut.count).toBe(count);
    expect(relay.relay.connections).toBe(0);
  });

  it('are thrown out for good: they end, and say so', async () => {
    let isWelcome = true;
    const { relay, startWorker } = await open(() =>
      isWelcome ? { ...EVERYTHING, name: 'guest' } : undefined,
    );
    const logged: string[] = [];
    const log = (text: string) => logged.push(text);
    const logger = { debug: log, info: log, warning: log, error: log };
    const worker = await startWorker(undefined, {
      transport: toRelay(relay.url, { token: 'guest' }),
      logger,
      loggingLevel: 'warning',
    });
    isWelcome = false;
    await relay.close();
    const next = await startRelay({
      transport: memory(),
      servers: {},
      port: relay.port,
      authenticate: () => undefined,
    });
    expect(await within(5_000, worker.closed, 'the end')).toMatchObject({ code: 'FORBIDDEN' });
    await new Promise(setImmediate);
    const { length } = logged;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(logged.slice(length)).toEqual([]);
    await next.close();
  });
});

const openOnZeromq = scene(grounds[1][1]);

it('a worker whose process is killed: what it held is given to others, while the relay still waits for it', async () => {
  const { relay, startWorker, client } = await openOnZeromq(undefined, LONG);
  const killed = await startChild('worker-process.ts', relay.url);
  const caller = await client();
  const calls = Array.from({ length: 5 }, () => caller.eval('master.slowly', bytes('x')));
  expect(await killed.go()).toBe('full');
  await startWorker(undefined, { functions: { slowly: (payload) => payload } });
  killed.kill();
  const answers = await within(3_000, Promise.all(calls), 'the answers');
  expect(answers.map(textOf)).toEqual(Array.from({ length: 5 }, () => 'x'));
}, 30_000);
