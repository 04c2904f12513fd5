/** Several Masters under one address share its work, and each worker works for all of them. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Master, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { eventually, within } from '../support/wait.ts';

let ground: NatsServer;
let masters: ScriptProcess[];
let workers: Worker[];
beforeEach(async () => {
  ground = await NatsServer.start();
  const script = fileURLToPath(new URL('master-process.ts', import.meta.url));
  masters = await Promise.all([1, 2].map(() => startScript(script, [ground.url])));
  workers = await Promise.all(
    [1, 2].map(() =>
      Worker.start({
        transport: nats({ servers: ground.url, heartbeat: 200 }),
        dbAddress: 'nats:crew',
        loggingLevel: 'silent',
        concurrency: 8,
        functions: {
          soon: async (payload) => {
            await new Promise((resolve) => setTimeout(resolve, 1));
            return payload;
          },
        },
      }),
    ),
  );
});
afterEach(async () => {
  for (const worker of workers) await worker.close({ timeout: 0 });
  for (const master of masters) master.signal('SIGKILL');
  await ground[Symbol.asyncDispose]();
});

const connect = () =>
  Client.connect({
    transport: nats({ servers: ground.url, heartbeat: 200 }),
    dbAddress: 'nats:crew',
    loggingLevel: 'silent',
    timeout: 60_000,
  });

it('two Masters share the inputs of a map, and both workers work for both', async () => {
  await using connected = await connect();
  const client = connected.with(text());
  const inputs = Array.from({ length: 10_000 }, (_, number) => String(number));
  const seen: string[] = [];
  const mapping = (async () => {
    for await (const answer of client.map('crew.soon', inputs)) seen.push(answer);
  })();
  await within(60_000, mapping, () => `the map, with ${seen.length} results`);
  expect(seen).toEqual(inputs);
  const answered = await Promise.all(masters.map(async (master) => Number(await master.ask('answered'))));
  for (const count of answered) expect(count).toBeGreaterThan(500);
  for (const { counters } of workers) expect(counters.answered).toBeGreaterThan(500);
}, 120_000);

it('a Master that is killed in the middle of a job of 5,000 inputs loses none, and none is seen twice', async () => {
  await using connected = await connect();
  const client = connected.with(text());
  const inputs = Array.from({ length: 5_000 }, (_, number) => String(number)).sort();
  const seen: string[] = [];
  const over = new AbortController();
  const reading = (async () => {
    for await (const answer of client.job('crew.soon', inputs, { signal: over.signal }))
      if (seen.push(answer) === 1_000) masters[0]?.signal('SIGKILL');
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  await Promise.race([eventually(async () => new Set(seen).size === inputs.length, 60_000), reading]);
  // Its answer comes behind all that the other Master had published.
  expect(await client.eval('crew.soon', 'after')).toBe('after');
  over.abort();
  await within(5_000, reading, 'the end of the job');
  expect(seen.sort()).toEqual(inputs);
}, 120_000);

it('Masters that start at the same time have addresses of their own for pushed work', async () => {
  const transport = nats({ servers: ground.url, heartbeat: 200 });
  const options = { transport, name: 'many', dbAddress: 'nats:many', loggingLevel: 'silent' } as const;
  const started = await Promise.all(Array.from({ length: 5 }, () => Master.start(options)));
  try {
    for (const key of ['workerPushAddress', 'workerPullAddress'] as const)
      expect(new Set(started.map((master) => master[key])).size).toBe(started.length);
  } finally {
    await Promise.all(started.map((master) => master.close()));
  }
});

it('a worker that is killed is noticed long before the heartbeat', async () => {
  const script = fileURLToPath(new URL('stuck-worker-process.ts', import.meta.url));
  const transport = nats({ servers: ground.url, heartbeat: 30_000 });
  const options = { transport, name: 'lone', dbAddress: 'nats:lone', loggingLevel: 'silent' } as const;
  await using master = await Master.start({ ...options, heartbeat: 200 });
  const worker = await startScript(script, [ground.url, master.dbAddress]);
  masters.push(worker);
  await using client = await Client.connect({ ...options, timeout: 30_000 });
  const call = client.eval('lone.stuck', new Uint8Array()).catch((error: unknown) => error);
  await worker.prints('begun');
  worker.signal('SIGKILL');
  const died = () =>
    master.metrics().find(({ name }) => name === 'frond_workers_died_total')?.samples[0]?.value;
  await eventually(async () => died() === 1, 5_000);
  const another = await startScript(script, [ground.url, master.dbAddress]);
  masters.push(another);
  await another.prints('begun');
  await client.close();
  await call;
}, 60_000);
