/** A pylm Hub that is slower than the pylm Server before it, which drops what the Hub cannot take. */
import { afterEach, expect, it } from 'vitest';
import { type MixedCluster, type Part, startMixed } from './mixed.ts';

let cluster: MixedCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** Large ones: of small ones the system's buffers take thousands. */
const payload = new Uint8Array(20_000);
const COUNT = 5_000;

/** How many results of a job come. */
async function run(isLast: boolean): Promise<number> {
  const parts: Part[] = [
    { kind: 'Server', label: 'first', by: 'pylm', pipelined: true },
    { kind: 'Hub', label: 'hub', by: 'pylm', from: ['first'], pipelined: !isLast },
    { kind: 'Worker', label: 'worker', by: 'frond', master: 'hub' },
  ];
  if (!isLast) parts.push({ kind: 'Pipeline', label: 'third', by: 'frond', from: ['hub'] });
  const third = isLast ? [] : ['third.same'];
  const proof = { path: ['first.same', 'hub.who', ...third].join(' '), answers: ['worker'] };
  cluster = await startMixed(parts, [proof]);
  const payloads = Array.from({ length: COUNT }, () => payload);
  const job = (await cluster.connect()).job(['first.same', 'hub.same', ...third], payloads, {
    messages: COUNT,
    idleTimeout: 3_000,
  });
  try {
    for await (const _ of job);
  } catch (error) {
    expect(error).toMatchObject({ code: 'TIMEOUT' });
  }
  return job.progress.received;
}

it('gets all of a job when the client listens to it', async () => {
  expect(await run(true)).toBe(COUNT);
});

it('gets all of a job when the client listens to a frond Pipeline after it', async () => {
  expect(await run(false)).toBe(COUNT);
});
