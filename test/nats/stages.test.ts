/** Several Pipelines, Sinks or Hubs under one address share what a server before them publishes, and lose nothing when one is killed. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pipeline, Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { eventually, readAll, within } from '../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('stage-process.ts', import.meta.url));
const silent = { loggingLevel: 'silent' } as const;

let ground: NatsServer;
let processes: ScriptProcess[];
let opened: AsyncDisposable[];

const transport = () => nats({ servers: ground.url, heartbeat: 200 });

function own<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

beforeEach(async () => {
  ground = await NatsServer.start();
  processes = [];
  opened = [];
  for (const name of ['first', 'other'])
    own(
      await Server.start({
        ...silent,
        transport: transport(),
        name,
        dbAddress: `nats:${name}`,
        pipelined: true,
      }),
    );
});
afterEach(async () => {
  for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  for (const one of processes) one.signal('SIGKILL');
  await ground[Symbol.asyncDispose]();
});

async function start(role: string): Promise<ScriptProcess> {
  const started = await startScript(SCRIPT, [ground.url, role]);
  processes.push(started);
  return started;
}

async function connect(dbAddress = 'nats:first') {
  const options = { dbAddress, subAddress: 'nats:last', timeout: 60_000 };
  return own(await Client.connect({ ...silent, ...options, transport: transport() })).with(text());
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number));

describe.each(['pipeline', 'sink', 'hub'])('a %s', (role) => {
  it('shares the work with another one, each input once', async () => {
    const stages = await Promise.all([start(role), start(role)]);
    const client = await connect();
    const inputs = numbers(1_000);
    const results = await within(60_000, readAll(client.map(['first.echo', 'last.soon'], inputs)), 'the map');
    expect(results).toEqual(inputs);
    const answered = await Promise.all(stages.map(async (stage) => Number(await stage.ask('answered'))));
    for (const count of answered) expect(count).toBeGreaterThan(100);
    expect(answered.reduce((a, b) => a + b)).toBe(inputs.length);
  });
});

it.each(['pipeline', 'sink', 'hub'])(
  'a %s that is killed in the middle of a job of 2,000 inputs loses none, and none is seen twice',
  async (role) => {
    const [stage] = await Promise.all([start(role), start(role)]);
    const client = await connect();
    const inputs = numbers(2_000).sort();
    const seen: string[] = [];
    const over = new AbortController();
    const reading = (async () => {
      const options = { signal: over.signal };
      for await (const answer of client.job(['first.echo', 'last.soon'], inputs, options))
        if (seen.push(answer) === 500) stage.signal('SIGKILL');
    })().catch((error: unknown) => {
      if (!over.signal.aborted) throw error;
    });
    await Promise.race([eventually(async () => new Set(seen).size === inputs.length, 60_000), reading]);
    // Its answer comes behind all that the other one had published.
    expect(await client.eval(['first.echo', 'last.soon'], 'after')).toBe('after');
    over.abort();
    await within(5_000, reading, 'the end of the job');
    expect(seen.sort()).toEqual(inputs);
  },
  90_000,
);

it('what a killed stage had goes to the next one that starts, and what came meanwhile', async () => {
  const stuck = await start('pipeline');
  // Holds the address, so that the caller's link stays.
  const kept = own(await transport().open());
  await kept.bindPublish('nats:last', { shared: 'pipeline last' });
  const client = await connect();
  const path = ['first.echo', 'last.stuck'];
  const calls = numbers(4).map((input) => client.eval(path, input, { timeout: 12_000 }).catch(() => 'late'));
  await eventually(async () => stuck.lines.filter((line) => line === 'begun').length === 4, 10_000);
  stuck.signal('SIGKILL');
  await within(5_000, stuck.ended, 'its death');
  const meanwhile = client.eval(['first.echo', 'last.soon'], 'meanwhile');
  // It is there to see how much waits.
  await eventually(async () => {
    const { stdout } = await here(['nats', 'status', 'last', '--json', '--nats', ground.url]);
    const states = objectsOf(stdout.toString()) as readonly Record<string, unknown>[];
    const own = states.find(({ holds }) => holds === 'published');
    return Number(own?.['waiting']) + Number(own?.['working']) === 5;
  }, 10_000);
  const next = await start('pipeline');
  expect(await within(15_000, meanwhile, 'what came meanwhile')).toBe('meanwhile');
  await eventually(async () => next.lines.filter((line) => line === 'begun').length === 4, 15_000);
  next.signal('SIGKILL');
  await Promise.all(calls);
}, 60_000);

it('a stage that closes finishes what it has, and leaves the rest to others', async () => {
  const other = await start('pipeline');
  const closing = await Pipeline.start({
    ...silent,
    transport: transport(),
    name: 'last',
    dbAddress: 'nats:last',
    previous: 'first',
    previousDbAddress: 'nats:first',
    concurrency: 8,
    functions: {
      soon: async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return payload;
      },
    },
  });
  await closing.ready();
  const client = await connect();
  const inputs = numbers(500);
  const mapping = readAll(client.map(['first.echo', 'last.soon'], inputs));
  await eventually(async () => closing.counters.answered > 10, 10_000);
  await closing.close({ timeout: 10_000 });
  expect(await within(30_000, mapping, 'the map')).toEqual(inputs);
  const { answered, received } = closing.counters;
  expect(answered).toBe(received);
  expect(answered + Number(await other.ask('answered'))).toBe(inputs.length);
});

it('a stage of another name at the address is refused', async () => {
  await start('pipeline');
  const refused = Pipeline.start({
    ...silent,
    transport: transport(),
    name: 'another',
    dbAddress: 'nats:last',
    previous: 'first',
    previousDbAddress: 'nats:first',
  });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_CALL', message: /already bound/ });
});

it('a topic that is too long to be shared is refused', async () => {
  const connection = own(await transport().open());
  const subscribe = () => connection.subscribe('nats:first', 'x'.repeat(3_000), { shared: 'nats:last' });
  expect(subscribe).toThrow(/^the topic x+… is too long for NATS/);
});

it('a stage whose address the system chooses shares with nobody', async () => {
  const stages: Pipeline[] = [];
  for (let i = 0; i < 2; i++) {
    const previous = { previous: 'first', previousDbAddress: 'nats:first' };
    const options = { ...silent, ...previous, transport: transport(), name: 'last', dbAddress: 'nats:*' };
    stages.push(own(await Pipeline.start(options)));
  }
  await Promise.all(stages.map((stage) => stage.ready()));
  const [one] = stages;
  const options = { dbAddress: 'nats:first', subAddress: one?.pubAddress };
  const client = own(await Client.connect({ ...silent, ...options, transport: transport() })).with(text());
  expect(await client.eval(['first.echo', 'last.echo'], 'x')).toBe('x');
  await eventually(async () => stages.every(({ counters }) => counters.received === 1), 5_000);
});
