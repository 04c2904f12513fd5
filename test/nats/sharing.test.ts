/** Several servers under one address share its work, and lose nothing when one of them is killed. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import { Client, text } from '../../src/index.ts';
import type { Connection } from '../../src/transport.ts';
import { nats } from '../../transports/nats/index.ts';
import { loadPackages } from '../../transports/nats/packages.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';
import { type ScriptProcess, startScript } from '../support/processes.ts';
import { eventually, readAll, within } from '../support/wait.ts';

let ground: NatsServer;
let processes: ScriptProcess[];
beforeEach(async () => {
  ground = await NatsServer.start();
  processes = [];
});
afterEach(async () => {
  for (const one of processes) one.signal('SIGKILL');
  await ground[Symbol.asyncDispose]();
});

const SCRIPT = fileURLToPath(new URL('sharing-process.ts', import.meta.url));

async function start(...args: string[]): Promise<ScriptProcess> {
  const started = await startScript(SCRIPT, [ground.url, ...args]);
  processes.push(started);
  return started;
}

async function connect(timeout = 60_000) {
  const transport = nats({ servers: ground.url, heartbeat: 200 });
  return Client.connect({ transport, dbAddress: 'nats:server', loggingLevel: 'silent', timeout });
}

/** Calls that NATS keeps for the servers. */
async function waiting(): Promise<number> {
  await using connection = await stranger(ground.url);
  const { streams } = await loadPackages().jetstreamManager(connection);
  const { state } = await streams.info('PALM_palm_IN_server');
  return state.messages;
}

it('two servers share 2,000 calls, and both work', async () => {
  const [first, second] = await Promise.all([start(), start()]);
  await using connected = await connect();
  const client = connected.with(text());
  const calls = Array.from({ length: 2_000 }, (_, number) => String(number));
  const answers = await within(60_000, readAll(client.map('server.pid', calls)), 'the map');
  const by = (pid: number) => answers.filter((answer) => answer === String(pid)).length;
  const shares = [first, second].map(({ pid }) => by(pid));
  expect(shares[0] ?? 0).toBeGreaterThan(200);
  expect(shares[1] ?? 0).toBeGreaterThan(200);
  expect((shares[0] ?? 0) + (shares[1] ?? 0)).toBe(calls.length);
  await eventually(async () => (await waiting()) === 0, 5_000);
});

/** Reads a job of these inputs, and ends it when NATS keeps none of them any more. Gives all that was seen. */
async function jobOf(
  client: Pick<Client<string, string>, 'job' | 'eval'>,
  path: string,
  inputs: readonly string[],
  onResult: (count: number) => void = () => {},
): Promise<string[]> {
  const seen: string[] = [];
  const over = new AbortController();
  const reading = (async () => {
    for await (const answer of client.job(path, inputs, { signal: over.signal })) onResult(seen.push(answer));
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  await Promise.race([eventually(async () => new Set(seen).size === inputs.length, 60_000), reading]);
  await eventually(async () => (await waiting()) === 0, 30_000);
  // Its answer comes behind all that was published before.
  expect(await client.eval('server.echo', 'after')).toBe('after');
  over.abort();
  await within(5_000, reading, 'the end of the job');
  return seen.sort();
}

it('a server that is killed in the middle of a job of 5,000 inputs loses none, and none is seen twice', async () => {
  const [first] = await Promise.all([start(), start()]);
  await using connected = await connect();
  const inputs = Array.from({ length: 5_000 }, (_, number) => String(number)).sort();
  const seen = await jobOf(connected.with(text()), 'server.soon', inputs, (count) => {
    if (count === 1_000) first.signal('SIGKILL');
  });
  expect(await within(1_000, first.ended, 'its death')).toBeNull();
  expect(seen).toEqual(inputs);
}, 120_000);

it('a function that takes longer than NATS waits for an acknowledgement runs once', async () => {
  const servers = await Promise.all([start(), start()]);
  await using connected = await connect();
  const client = connected.with(text());
  expect(await client.eval('server.long', '40000')).toBe('40000');
  const runs = servers.flatMap(({ lines }) => lines.filter((line) => line === 'begun'));
  expect(runs).toHaveLength(1);
  // NATS hears that it is done a moment after the answer.
  await eventually(async () => (await waiting()) === 0, 5_000);
}, 90_000);

describe('what a killed server had', () => {
  const inputs = ['a', 'b', 'c', 'd'];
  /** Milliseconds: fewer than NATS waits by itself. */
  const SOON = 15_000;
  const begun = () => processes.flatMap(({ lines }) => lines.filter((line) => line === 'begun'));

  it.each([
    ['its neighbour at once', true],
    ['the next one that starts, where it had no neighbour', false],
  ])(
    'goes to %s',
    async (_, hasNeighbour) => {
      const stuck = await start('stuck');
      await using connected = await connect();
      await using _kept = await keepAddress();
      const answers = readAll(connected.with(text()).map('server.soon', inputs));
      await eventually(async () => begun().length === inputs.length, 10_000);
      if (hasNeighbour) await start();
      stuck.signal('SIGKILL');
      await within(5_000, stuck.ended, 'its death');
      if (!hasNeighbour) await start();
      expect(await within(SOON, answers, 'its calls')).toEqual(inputs);
    },
    60_000,
  );

  it('is all that is given again: what a neighbour has stays with it', async () => {
    await start();
    await using connected = await connect();
    const lengths = ['8000', '8001', '8002', '8003'];
    const answers = readAll(connected.with(text()).map('server.long', lengths));
    await eventually(async () => begun().length === lengths.length, 10_000);
    // Some of these look first, whichever ids they have: one that starts looks once, and so does who sees one die.
    for (let round = 0; round < 3; round++) {
      const dying = await start();
      dying.signal('SIGKILL');
      await within(5_000, dying.ended, 'its death');
      await start();
    }
    expect(await within(SOON, answers, 'the long ones')).toEqual(lengths);
    expect(begun()).toHaveLength(lengths.length);
  }, 60_000);
});

/** Holds the address, so that callers' links stay while no server is there. It reads nothing. */
async function keepAddress() {
  const connection = await nats({ servers: ground.url }).open();
  const pull = await connection.bindPull('nats:server', { shared: 'server server' });
  pull.stop();
  await connection.bindPublish('nats:server', { shared: 'server server' });
  return connection;
}

it('a call that every server dies of is answered after maxDeliveries, and gone from the queue', async () => {
  let server = await start();
  await using connected = await connect();
  await using _kept = await keepAddress();
  const client = connected.with(text());
  const deadly = client.eval('server.deadly', 'x', { timeout: 170_000 }).catch((error: unknown) => error);
  // Others that its servers had are answered.
  const others = Array.from({ length: 20 }, (_, number) => String(number));
  const mapping = readAll(client.map('server.soon', others, { timeout: 170_000 }));
  for (let deaths = 0; deaths < 4; deaths++) {
    await within(30_000, server.ended, `death ${deaths}`);
    expect(server.lines).toContain('dying');
    server = await start();
  }
  expect(await deadly).toMatchObject({
    code: 'REMOTE',
    remoteName: 'ServerDied',
    message: expect.stringContaining('4 servers died with this message'),
  });
  expect(await within(30_000, mapping, 'the others')).toEqual(others);
  await eventually(async () => (await waiting()) === 0, 20_000);
  expect(await client.eval('server.echo', 'after')).toBe('after');
}, 200_000);

it('an answer that is stored when its server dies before it says so is seen once', async () => {
  const dying = await start('dies');
  await using connected = await connect();
  await using _kept = await keepAddress();
  const seeing = jobOf(connected.with(text()), 'server.echo', ['a', 'b', 'c']);
  await within(20_000, dying.ended, 'the death of the first');
  // NATS gives it what the first one had.
  await start();
  expect(await seeing).toEqual(['a', 'b', 'c']);
}, 120_000);

it('an end that is bound and not read yet takes nothing from the others', async () => {
  const transport = nats({ servers: ground.url, heartbeat: 200 });
  const [idle, busy, dialler] = [await transport.open(), await transport.open(), await transport.open()];
  try {
    await idle.bindPull('nats:server', { shared: 'server' });
    const pull = await busy.bindPull('nats:server', { shared: 'server' });
    await dialler.identify();
    const pusher = dialler.push('nats:server');
    await pusher.ready();
    await pusher.send(Array.from({ length: 20 }, (_, i) => new Uint8Array([i])));
    let came = 0;
    const reading = (async () => {
      for await (const batch of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
        came += batch.length;
        pull.settler?.settle(batch, 'done');
      }
    })();
    await eventually(async () => came === 20, 10_000);
    await pull.close();
    await within(5_000, reading, 'the end of the batches');
  } finally {
    for (const connection of [dialler, busy, idle]) await connection.close({ timeout: 0 });
  }
});

describe('a connection to servers that share an address', () => {
  /** What is asked on these subjects from now on. */
  async function questions(...subjects: readonly string[]) {
    const asked: string[] = [];
    const ear = await stranger(ground.url);
    for (const subject of subjects)
      ear.subscribe(subject, { callback: (_, message) => void asked.push(message.subject) });
    await ear.flush();
    return { asked, close: () => ear.close() };
  }

  it('asks for one end of one of them in each heartbeat, and not for each of its own', async () => {
    await start();
    await using _client = await connect();
    const { asked, close } = await questions('palm.palm.at.>', 'palm.palm.end.*.ping');
    await eventually(async () => asked.length >= 8, 10_000);
    await close();
    // The server itself listens to what it publishes, and asks for that.
    const ofClient = asked.filter((subject) => !subject.includes('.at.publish.'));
    expect([new Set(ofClient).size, ofClient[0]]).toEqual([1, expect.stringContaining('.end.')]);
    expect(asked.length - ofClient.length).toBeLessThanOrEqual(ofClient.length + 1);
  });

  /** Dials one end of each kind. Gives which of them have broken, as they do. */
  async function dialled(connection: Connection): Promise<string[]> {
    const gone: string[] = [];
    const requested = connection.request('nats:server', new Uint8Array(0)).reply;
    const pusher = connection.push('nats:server');
    const subscription = connection.subscribe('nats:server', 'me/');
    pusher.onBreak(() => gone.push('push'));
    subscription.onBreak(() => gone.push('subscribe'));
    await within(10_000, Promise.all([requested, pusher.ready(), subscription.ready()]));
    return gone;
  }

  it('stays with the others when that one is gone, until all are', async () => {
    const [first, second] = [await start(), await start()];
    await using connection = await nats({ servers: ground.url, heartbeat: 200 }).open();
    const gone = await dialled(connection);
    first.signal('SIGKILL');
    // The other one is still there.
    await within(
      10_000,
      connection.request('nats:server', new Uint8Array(0)).reply.catch(() => {}),
    );
    expect(gone).toEqual([]);
    second.signal('SIGKILL');
    await eventually(async () => gone.length === 2, 5_000);
    expect(gone.sort()).toEqual(['push', 'subscribe']);
  });

  it('asks for the others at once when that one is gone, and not for a heartbeat more', async () => {
    const server = await start();
    await using connection = await nats({ servers: ground.url, heartbeat: 3_000 }).open();
    const noticed = deferred<void>();
    const gone = await dialled(connection);
    (async () => {
      for await (const { type } of connection.status()) if (type === 'disconnected') noticed.resolve();
    })();
    server.signal('SIGKILL');
    await within(10_000, noticed.promise, 'the first end');
    await eventually(async () => gone.length === 2, 2_000);
    expect(gone.sort()).toEqual(['push', 'subscribe']);
  });
});
