/** `frond nats`: queues are made without a server, looked at, and emptied. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { type ConsumerInfo, loadPackages } from '../../transports/nats/packages.ts';
import { bytes } from '../support/bytes.ts';
import { objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';
import { freeAddress, portOf } from '../support/ports.ts';
import { collect, eventually } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Runs it in a cluster of its own; gives what it wrote. */
async function frondNats(cluster: string, ...argv: string[]) {
  const given = ['nats', ...argv, '--nats', server.url, '--nats-cluster', cluster];
  const { code, stdout, stderr } = await here(given);
  return { code, stdout: stdout.toString(), stderr };
}

async function statesOf(cluster: string, ...names: string[]) {
  const { code, stdout, stderr } = await frondNats(cluster, 'status', '--json', ...names);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return objectsOf(stdout) as Record<string, unknown>[];
}

it('setup makes the streams with the settings that it is given, and leaves those that are there', async () => {
  const settings = ['--queue-bytes', '1000000', '--queue-age', '60000', '--result-bytes', '2000000'];
  const first = await frondNats('made', 'setup', 'a.b', '--json', ...settings);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const common = { isMade: true, replicas: 1 };
  const queue = { ...common, storage: 'file', maxBytes: 1_000_000, maxAge: 60_000 };
  expect(objectsOf(first.stdout)).toEqual([
    { ...common, stream: 'PALM_made_OUT', storage: 'memory', maxBytes: 2_000_000, maxAge: 300_000 },
    { ...queue, stream: 'PALM_made_BIG' },
    { ...queue, stream: 'PALM_made_IN_a%2Eb' },
  ]);
  const second = await frondNats('made', 'setup', 'nats:a.b', 'crew', '--workers', '--queue-age', '1000');
  expect(second.code).toBe(0);
  expect(second.stdout.split('\n').map((line) => line.replace(/:.*/, ''))).toEqual(
    ['OUT', 'BIG', 'IN_a%2Eb', 'IN_a%2Eb%2Fworkers', 'WORK_a%2Eb%2Fworkers', 'IN_crew', 'IN_crew%2Fworkers']
      .concat('WORK_crew%2Fworkers')
      .map((name) => `PALM_made_${name}`)
      .concat(''),
  );
  expect(second.stdout).toMatch(/^PALM_made_IN_crew: made: 1 copy, in file, 1,073,741,824 bytes, 1\.0 s$/m);
  expect(second.stdout).toMatch(/^PALM_made_IN_a%2Eb: was there: .* 1,000,000 bytes/m);
  expect(second.stderr).toMatch(/PALM_made_IN_a%2Eb keeps max_age 60000, not 1000; NATS's own tools/);
  // A server that starts now uses them.
  await using role = await Server.start({
    transport: nats({ servers: server.url, cluster: 'made' }),
    name: 'a',
    dbAddress: 'nats:a.b',
    loggingLevel: 'silent',
  });
  expect(role.dbAddress).toBe('nats:a.b');
  const [state] = await statesOf('made', 'a.b');
  expect(state).toMatchObject({ server: 'a.b', holds: 'calls', waiting: 0, consumers: 5 });
});

it('setup has calls read as a server would have them read', async () => {
  const transport = nats({ servers: server.url, cluster: 'read' });
  expect((await frondNats('read', 'setup', 'before')).code).toBe(0);
  await using _ = await Server.start({
    transport,
    name: 'own',
    dbAddress: 'nats:own',
    loggingLevel: 'silent',
  });
  await using connection = await stranger(server.url);
  const { consumers } = await loadPackages().jetstreamManager(connection);
  const [before, own] = await Promise.all(
    ['before', 'own'].map(async (name) => {
      const info = (await consumers.info(`PALM_read_IN_${name}`, 'frond')) as ConsumerInfo & {
        readonly config: { readonly ack_wait: number; readonly max_ack_pending: number };
      };
      return { wait: info.config.ack_wait, most: info.config.max_ack_pending };
    }),
  );
  expect(before).toEqual(own);
});

it('setup says what NATS cannot give, and what to try', async () => {
  const { code, stderr } = await frondNats('copies', 'setup', 'a', '--replicas', '3');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^frond: INVALID_CALL: making the stream PALM_copies_OUT at NATS failed: .*replicas/,
  );
});

it('setup waits for a NATS that is just starting, and says so', async () => {
  const url = `nats://127.0.0.1:${portOf(await freeAddress())}`;
  const running = here(['nats', 'setup', 'a', '--nats', url, '--timeout', '300']);
  const { code, stderr } = await running;
  expect(code).toBe(4);
  expect(stderr).toMatch(/^frond: warning: waiting for NATS: NATS at .* cannot be reached/);
  expect(stderr).toMatch(/^frond: DISCONNECTED: NATS at/m);
  // The others do not wait.
  expect((await here(['nats', 'status', '--nats', url])).stderr).toMatch(/^frond: DISCONNECTED: NATS at/);
});

it('status tells what waits, what is worked at, its age, and the results that are kept', async () => {
  await using connection = await nats({ servers: server.url, cluster: 'seen' }).open();
  const [pull, publisher] = [
    await connection.bindPull('nats:busy'),
    await connection.bindPublish('nats:busy'),
  ];
  await connection.push('nats:busy').send(Array.from({ length: 5_000 }, () => bytes('call')));
  await publisher.publish(Array.from({ length: 7 }, (_, n) => ({ topic: `c/${n}`, frames: [bytes('x')] })));
  await eventually(async () => {
    const [state] = await statesOf('seen');
    return state?.['results'] === 7 && Number(state['waiting']) + Number(state['working']) > 0;
  }, 10_000);
  const [state, ...others] = await statesOf('seen');
  expect(others).toEqual([]);
  expect(state).toEqual({
    server: 'busy',
    holds: 'calls',
    // Its reader has room for 4,096 alone.
    waiting: expect.any(Number),
    working: expect.any(Number),
    oldest: expect.any(Number),
    bytes: expect.any(Number),
    consumers: 1,
    results: 7,
  });
  expect(Number(state?.['waiting']) + Number(state?.['working'])).toBeGreaterThan(0);
  expect(Number(state?.['bytes'])).toBeGreaterThan(1_000);
  expect(Number(state?.['oldest'])).toBeLessThan(60_000);
  const { stdout } = await frondNats('seen', 'status');
  expect(stdout).toMatch(
    /^server +holds +waiting +worked at +oldest +bytes +consumers +results\nbusy +calls +\d/,
  );
  expect((await collect(pull, 1)).length).toBeGreaterThan(0);
  expect((await frondNats('nothing', 'status')).stdout).toBe('cluster nothing has no queues\n');
  const { code, stderr } = await frondNats('seen', 'status', 'bussy');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^frond: MISSING: cluster "seen" has no queue of "bussy"/);
});

it('purge removes what waits, when it is meant, and of no other server', async () => {
  expect((await frondNats('full', 'setup', 'one', 'two')).code).toBe(0);
  await using connection = await nats({ servers: server.url, cluster: 'full' }).open();
  for (const name of ['one', 'two']) {
    const bound = await connection.bindPull(`nats:${name}`);
    bound.stop();
    const sent = connection.push(`nats:${name}`).send(Array.from({ length: 5_000 }, () => bytes('call')));
    await sent;
    await bound.close();
  }
  const countOf = async (name: string) => {
    const [state] = await statesOf('full', name);
    return Number(state?.['waiting']) + Number(state?.['working']);
  };
  const before = await countOf('one');
  expect(before).toBeGreaterThan(0);
  const asked = await frondNats('full', 'purge', 'one');
  expect(asked.code).toBe(2);
  expect(asked.stderr).toMatch(
    /^frond: USAGE: this would remove [\d,]+ messages of "one" for good\n {2}try: .*--yes/,
  );
  expect(await countOf('one')).toBe(before);
  const meant = await frondNats('full', 'purge', 'nats:one', '--yes', '--json');
  expect(objectsOf(meant.stdout)).toEqual([{ server: 'one', removed: before }]);
  expect([await countOf('one'), (await countOf('two')) > 0]).toEqual([0, true]);
  expect((await frondNats('full', 'purge', 'one', '--yes')).stdout).toBe('removed 0 messages of one\n');
  for (const yes of [[], ['--yes']])
    expect(await frondNats('full', 'purge', 'three', ...yes)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^frond: MISSING: cluster "[^"]+" has no queue of "three"/),
    });
});

it('a server whose queue was emptied goes on with what comes', async () => {
  const transport = nats({ servers: server.url, cluster: 'after' });
  await using role = await Server.start({
    transport,
    name: 'own',
    dbAddress: 'nats:own',
    loggingLevel: 'silent',
  });
  await using client = await Client.connect({ transport, dbAddress: role.dbAddress });
  await client.eval('own.echo', bytes('before'));
  expect((await frondNats('after', 'purge', 'own', '--yes')).code).toBe(0);
  expect(await client.eval('own.echo', bytes('after'))).toEqual(bytes('after'));
});
