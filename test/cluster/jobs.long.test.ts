/** Jobs of many messages while workers and Masters come and go: nothing is lost, and nothing comes twice. */
import { describe, expect, it } from 'vitest';
import type { Master, Worker } from '../../src/cluster/index.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { notOnce, readNumber, runJob, startProcess } from '../support/jobs.ts';
import { startProxy } from '../support/proxy.ts';
import { within } from '../support/wait.ts';

const MANY = 100_000;

describe.each(grounds)('a job on %s', (_, make) => {
  const cluster = testCluster(make);

  async function open(workers: number, given: object = {}) {
    const { start, connect } = cluster();
    const master = await start<Master>({ role: 'master', name: 'master' });
    const { dbAddress } = master;
    const work = () => start<Worker>({ role: 'worker', dbAddress, ...given });
    const crew = await Promise.all(Array.from({ length: workers }, work));
    return { start, connect, master, crew, work, client: await connect({ dbAddress }) };
  }

  it('loses nothing when one of two workers is stopped midway', async () => {
    const { client, crew, master } = await open(2);
    const times = await runJob(client, 'master.echo', MANY, { [MANY / 2]: () => crew[0]?.close() });
    expect(notOnce(times)).toEqual([]);
    expect(client.unclaimed).toBe(0);
    expect(master.counters).toMatchObject({ received: MANY, answered: MANY, inFlight: 0 });
    for (const { counters } of crew) expect(counters.answered).toBeGreaterThan(0);
  });

  it('loses nothing while workers come and go', async () => {
    const { client, crew, work, master } = await open(3);
    const at: Record<number, () => unknown> = {};
    for (let turn = 1; turn < 10; turn++) {
      at[(turn * MANY) / 10] = async () => {
        const [eldest] = crew.splice(0, 1);
        await Promise.all([eldest?.close(), work().then((one) => crew.push(one))]);
      };
    }
    const times = await runJob(client, 'master.echo', MANY, at);
    expect(notOnce(times)).toEqual([]);
    expect(client.unclaimed).toBe(0);
    expect(master.counters).toMatchObject({ answered: MANY, inFlight: 0 });
  });

  it('loses nothing when workers are stopped that have not finished in time', async () => {
    const functions = {
      // One in a thousand takes longer than the worker has to close.
      mostly: async (payload: Uint8Array, { signal }: { readonly signal: AbortSignal }) => {
        const isSlow = readNumber(payload) % 1_000 === 500;
        if (isSlow) await new Promise((resolve) => setTimeout(resolve, signal.aborted ? 0 : 300));
        return payload;
      },
    };
    const { client, crew, work } = await open(2, { functions });
    const count = 5_000;
    const at: Record<number, () => unknown> = {};
    for (const turn of [1_000, 2_000, 3_000]) {
      at[turn] = () =>
        Promise.all([crew.shift()?.close({ timeout: 5 }), work().then((one) => crew.push(one))]);
    }
    expect(notOnce(await runJob(client, 'master.mostly', count, at))).toEqual([]);
    expect(client.unclaimed).toBe(0);
  });

  it('fails with a code when the Master closes, and the next one runs with the Master that comes', async () => {
    const { start, connect, client, master, crew } = await open(2);
    const { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress } = master;
    const same = { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress };
    const closed: Promise<void>[] = [];
    const job = runJob(client, 'master.echo', MANY, { 1000: () => closed.push(master.close()) });
    await expect(job).rejects.toMatchObject({ code: 'DISCONNECTED' });
    await within(5_000, Promise.all(closed));
    const next = await start<Master>({ role: 'master', name: 'master', ...same });
    for (const caller of [client, await connect({ dbAddress })]) {
      expect(notOnce(await runJob(caller, 'master.echo', 10_000))).toEqual([]);
    }
    expect(next.counters).toMatchObject({ inFlight: 0, failed: 0 });
    for (const { counters } of crew) expect(counters.inFlight).toBe(0);
  });
});

describe('a job over zeromq', () => {
  const cluster = testCluster(grounds[1][1]);

  it('loses nothing while the links of its workers are cut, and no function runs twice', async () => {
    const { start, connect } = cluster();
    const master = await start<Master>({ role: 'master', name: 'master', heartbeat: 5_000 });
    await using proxy = await startProxy(master.dbAddress);
    const count = 50_000;
    const runs = new Uint8Array(count);
    const functions = {
      count: (payload: Uint8Array) => {
        const number = readNumber(payload);
        runs[number] = (runs[number] ?? 0) + 1;
        return payload;
      },
    };
    const crew = await Promise.all(
      [1, 2].map(() => start<Worker>({ role: 'worker', dbAddress: proxy.address, functions })),
    );
    const client = await connect({ dbAddress: master.dbAddress });
    const at = Object.fromEntries(
      Array.from({ length: 9 }, (_cut, i) => [((i + 1) * count) / 10, () => proxy.cut()]),
    );
    expect(notOnce(await runJob(client, 'master.count', count, at))).toEqual([]);
    expect(notOnce(runs)).toEqual([]);
    expect(client.unclaimed).toBe(0);
    for (const worker of crew) await within(3_000, worker.close());
  });

  it('loses nothing when one of two workers, each a process, is stopped midway', async () => {
    const master = await within(40_000, startProcess('master'));
    const workers = await within(40_000, Promise.all([1, 2].map(() => startProcess('worker', master.said))));
    const client = await cluster().connect({ dbAddress: master.said });
    const codes: (number | null)[] = [];
    const stop = async () => codes.push((await workers[0]?.close()) ?? null);
    expect(notOnce(await runJob(client, 'master.echo', MANY, { [MANY / 2]: stop }))).toEqual([]);
    expect(client.unclaimed).toBe(0);
    codes.push((await within(5_000, workers[1]?.close() ?? Promise.resolve(null))) ?? null);
    codes.push(await within(5_000, master.close()));
    expect(codes).toEqual([0, 0, 0]);
  });
});
