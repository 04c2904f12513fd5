/** A function that computes for longer than a worker may be silent (`workerTimeout`: 30 s), beside ten thousand calls. */
import { expect, it } from 'vitest';
import type { Master, Worker } from '../../../src/cluster/index.ts';
import { zmtp } from '../../../transports/zmtp/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/test-cluster.ts';
import { until } from '../../support/wait.ts';

const cluster = testCluster(() => ({ transport: zmtp(), any: 'tcp://127.0.0.1:*' }));

it('is not taken for dead, and 10,000 other calls are answered meanwhile', { timeout: 120_000 }, async () => {
  const { start, connect } = cluster();
  const master = await start<Master>({ role: 'master', name: 'm' });
  const { dbAddress } = master;
  const module = new URL('./functions.mjs', import.meta.url);
  const worker = await start<Worker>({ role: 'worker', dbAddress, module, threads: 2 });
  const client = await connect({ dbAddress });
  const long = client.eval('m.compute', bytes('35000'), { timeout: 90_000 });
  let count = 0;
  for await (const _ of client.map('m.upper', Array(10_000).fill(bytes('x')))) count++;
  expect(count).toBe(10_000);
  expect(worker.counters.inFlight).toBe(1);
  expect(textOf(await long)).toBe('35000');
  expect(master.counters).toMatchObject({ failed: 0, received: 10_001 });
});

it('leaves its thread within the grace time when it is cancelled', { timeout: 60_000 }, async () => {
  const { start, connect } = cluster();
  const { dbAddress } = await start<Master>({ role: 'master', name: 'm' });
  const module = new URL('./functions.mjs', import.meta.url);
  const options = { module, threads: 1, threadGrace: 500 };
  const worker = await start<Worker>({ role: 'worker', dbAddress, ...options });
  const client = await connect({ dbAddress });
  const abort = new AbortController();
  const long = client.eval('m.compute', bytes('60000'), { timeout: 90_000, signal: abort.signal });
  long.catch(() => {});
  await until(() => worker.counters.inFlight === 1);
  const aborted = performance.now();
  abort.abort();
  expect(textOf(await client.eval('m.upper', bytes('x')))).toBe('X');
  const freed = performance.now() - aborted;
  expect(freed).toBeGreaterThan(400);
  // The thread that takes its place is started in this time, too.
  expect(freed).toBeLessThan(5_000);
});
