/** The cache of a server at NATS is one register for each key, whoever is killed: what clients were told is held against that. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Client, type PalmError, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { faultOf, isLinearizable, type Operation } from '../support/linearizable.ts';
import { NatsServer } from '../support/nats-server.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { chosenSeed } from '../support/random.ts';
import { eventually, within } from '../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('sharing-process.ts', import.meta.url));
const KEYS = ['a key', 'ключ'];
const CLIENTS = 4;

let ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

interface Ground {
  readonly urls: readonly string[];
  readonly replicas: number;
}

/** Runs clients that set, get and delete until `over` resolves. Gives what they were told, by key. */
async function historiesOf(
  { urls, replicas }: Ground,
  over: Promise<void>,
): Promise<Map<string, Operation[]>> {
  const histories = new Map(KEYS.map((key) => [key, [] as Operation[]]));
  let isOver = false;
  const faults = over.finally(() => {
    isOver = true;
  });
  const seed = chosenSeed();
  console.log(`seed ${seed}`);
  const run = async (number: number) => {
    const transport = nats({ servers: urls, replicas, heartbeat: 200 });
    const options = { transport, dbAddress: 'nats:server', loggingLevel: 'silent', timeout: 3_000 } as const;
    const connected = await Client.connect({ ...options, timeout: 30_000 });
    ends.push(() => connected.close());
    const client = connected.with(text());
    const dice = generator(seed + number);
    for (let count = 0; !isOver; count++) {
      const key = KEYS[dice(KEYS.length)] ?? '';
      const kind = (['set', 'get', 'get', 'delete'] as const)[dice(4)] ?? 'get';
      const value = kind === 'set' ? `${number}/${count}` : undefined;
      const start = performance.now();
      const answer = (async () => {
        if (kind === 'get') return client.get(key);
        if (kind === 'delete') return (await client.delete(key)) ? 'something' : undefined;
        await client.set(value ?? '', key);
        return value;
      })();
      const told = await within(20_000, answer).then(
        (own) => ({ value: own, end: performance.now(), isSure: true }),
        (error: PalmError) => ({ value, end: Number.POSITIVE_INFINITY, isSure: false, sent: error.sent }),
      );
      if (!('sent' in told) || told.sent !== false) histories.get(key)?.push({ kind, start, ...told });
      await new Promise((resolve) => setTimeout(resolve, dice(20)));
    }
  };
  await Promise.all([faults, ...Array.from({ length: CLIENTS }, (_, number) => run(number))]);
  return histories;
}

/** Numbers below another one, the same for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
}

async function start(urls: readonly string[], replicas: number): Promise<ScriptProcess> {
  const started = await startScript(SCRIPT, [urls.join(','), 'serves', String(replicas)]);
  ends.push(async () => started.signal('SIGKILL'));
  return started;
}

/** Kills one of two servers after the other, so many times. */
async function killServers(ground: Ground, times: number): Promise<void> {
  const begin = () => start(ground.urls, ground.replicas);
  const servers = [await begin(), await begin()];
  for (let round = 0; round < times; round++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    servers[round % 2]?.signal('SIGKILL');
    // While NATS chooses a leader, it waits for that.
    servers[round % 2] = await begin();
  }
}

function judge(histories: ReadonlyMap<string, readonly Operation[]>): void {
  for (const [key, history] of histories) {
    const sure = history.filter(({ isSure }) => isSure);
    console.log(`${key}: ${history.length} operations, ${sure.length} of them answered`);
    expect(sure.length).toBeGreaterThan(50);
    expect(sure.filter(({ kind, value }) => kind === 'get' && value !== undefined).length).toBeGreaterThan(
      10,
    );
    const isRight = isLinearizable(history);
    expect(isRight, isRight ? key : `the history of ${key}, in milliseconds:\n${faultOf(history)}`).toBe(
      true,
    );
  }
}

it('while servers are killed', async () => {
  const server = await NatsServer.start();
  ends.push(async () => server[Symbol.asyncDispose]());
  const ground = { urls: [server.url], replicas: 1 };
  judge(await historiesOf(ground, killServers(ground, 6)));
}, 120_000);

it('while servers and nodes of NATS are killed', async () => {
  const nodes = await NatsServer.cluster(3);
  ends.push(() => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]())));
  const ground = { urls: nodes.map(({ url }) => url), replicas: 3 };
  // JetStream has no leader at first.
  const opens = async () => {
    await using connection = await nats({ servers: ground.urls, replicas: 3 }).open();
    return await connection.bindPublish('nats:*').then(
      () => true,
      () => false,
    );
  };
  await eventually(opens, 30_000);
  const killNodes = async () => {
    for (const node of [nodes[0], nodes[1]]) {
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      await node?.kill();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await node?.run();
      // With a second one gone before this one has caught up, nothing could be stored.
      await eventually(opens, 30_000);
    }
  };
  judge(
    await historiesOf(
      ground,
      Promise.all([killServers(ground, 4), killNodes()]).then(() => {}),
    ),
  );
}, 180_000);
