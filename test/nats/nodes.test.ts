/** Three servers of NATS as one. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { objectsOf } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { NatsServer } from '../support/nats-server.ts';
import { collect, eventually, within } from '../support/wait.ts';

let nodes: NatsServer[];
beforeAll(async () => {
  nodes = await NatsServer.cluster(3);
  // JetStream has no leader at first.
  await eventually(async () => {
    await using connection = await nats({ servers: urlOf(0), replicas: 3 }).open();
    return await connection.bindPublish('nats:*').then(
      () => true,
      () => false,
    );
  }, 30_000);
}, 60_000);
afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
});

const urlOf = (number: number) => nodes[number]?.url ?? '';

it('a subscription at one node that is ready misses nothing of what is published at another', async () => {
  await using one = await nats({ servers: urlOf(0), replicas: 3 }).open();
  await using other = await nats({ servers: urlOf(1), replicas: 3 }).open();
  const publisher = await other.bindPublish('nats:source');
  const missed: number[] = [];
  for (let number = 0; number < 1_000; number++) {
    const subscription = one.subscribe(publisher.address, `client${number}/`);
    await within(10_000, subscription.ready(), 'a subscription');
    await publisher.publish([{ topic: `client${number}/1`, frames: [bytes(String(number))] }]);
    const came = collect(subscription, 1).catch(() => []);
    const [delivery] = await came;
    if (delivery?.frames.map(textOf).join() !== String(number)) missed.push(number);
    await subscription.close();
  }
  expect(missed).toEqual([]);
}, 120_000);

it('the command sets up streams on all three, and works at any of them', async () => {
  const own = ['--nats', nodes.map(({ url }) => url).join(','), '--nats-cluster', 'set-up'];
  const ready = await here(
    ['nats', 'setup', 'greeter', '--replicas', '3', '--timeout', '40000', '--json', ...own],
    {},
    50_000,
  );
  expect(ready.code).toBe(0);
  expect(objectsOf(ready.stdout)).toEqual(
    ['OUT', 'BIG', 'IN_greeter'].map((name) =>
      expect.objectContaining({ stream: `PALM_set-up_${name}`, isMade: true, replicas: 3 }),
    ),
  );
  await using palm = await Server.start({
    transport: nats({ servers: urlOf(0), cluster: 'set-up' }),
    name: 'greeter',
    dbAddress: 'nats:greeter',
    loggingLevel: 'silent',
  });
  const at = ['--nats', urlOf(1), '--nats-cluster', 'set-up'];
  const answer = await here(['eval', 'greeter.echo', 'x', '--db', palm.dbAddress, ...at]);
  expect([answer.stdout.toString(), answer.code]).toEqual(['x', 0]);
  const [state] = objectsOf((await here(['nats', 'status', '--json', ...at])).stdout);
  expect(state).toMatchObject({ server: 'greeter', waiting: 0, consumers: 5 });
}, 120_000);

it('a node that is killed ends no server, and calls go on at the others', async () => {
  const transport = (...numbers: number[]) =>
    nats({ servers: numbers.map(urlOf), replicas: 3, heartbeat: 300 });
  await using palm = await Server.start({
    transport: transport(1, 0),
    name: 'server',
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
  });
  await using connected = await Client.connect({
    transport: transport(0, 1),
    dbAddress: palm.dbAddress,
    loggingLevel: 'silent',
  });
  const client = connected.with(text());
  expect(await client.eval('server.echo', 'before')).toBe('before');
  await nodes[2]?.kill();
  const after = async () =>
    (await client.eval('server.echo', 'after', { timeout: 5_000 }).catch(() => '')) === 'after';
  await eventually(after, 60_000);
  await nodes[2]?.run();
}, 120_000);

it('replicas that the cluster has no nodes for are refused, not waited for', async () => {
  await using connection = await nats({ servers: urlOf(0), replicas: 5, cluster: 'five' }).open();
  await expect(within(20_000, connection.bindPublish('nats:*'), 'the refusal')).rejects.toMatchObject({
    code: 'INVALID_CALL',
    message: expect.stringContaining('try other replicas'),
  });
});

describe('while two of three nodes are away', () => {
  const transport = (cluster = 'palm') => nats({ servers: [0, 1, 2].map(urlOf), replicas: 3, cluster });
  const options = { name: 'late', dbAddress: 'nats:late', loggingLevel: 'silent' } as const;
  beforeEach(async () => {
    // With a node away NATS makes no stream of three copies.
    const before = await Server.start({ transport: transport(), ...options });
    await before.close();
    await Promise.all([nodes[0]?.kill(), nodes[1]?.kill()]);
  }, 60_000);
  afterEach(async () => {
    for (const node of nodes.slice(0, 2)) await node.kill();
    await Promise.all([nodes[0]?.run(), nodes[1]?.run()]);
  }, 40_000);

  it('a server that starts waits until they are back', async () => {
    const starting = Server.start({ transport: transport(), ...options });
    starting.catch(() => {});
    // Results are in memory: with one of the two back they have no leader.
    await Promise.all([nodes[0]?.run(), nodes[1]?.run()]);
    await using palm = await within(40_000, starting, 'the start of a server');
    await using client = await Client.connect({
      transport: transport(),
      dbAddress: palm.dbAddress,
      loggingLevel: 'silent',
    });
    expect(await client.with(text()).eval('late.echo', 'x', { timeout: 40_000 })).toBe('x');
  }, 120_000);

  it('what is bound goes to another node when the one that it asked is killed', async () => {
    const connection = await transport().open();
    const binding = connection.bindPull('nats:late');
    binding.catch(() => {});
    await Promise.all([nodes[0]?.run(), nodes[1]?.run()]);
    await nodes[2]?.kill();
    try {
      await within(40_000, binding, 'what is bound');
    } finally {
      await connection.close();
      await nodes[2]?.run();
    }
  }, 120_000);

  it('what is bound says after half a minute that there is no leader, and that at once when its connection is closed', async () => {
    const connection = await transport('new').open();
    const other = await transport('new').open();
    const told = expect(connection.bindPublish('nats:late')).rejects.toThrow(/choosing a leader/);
    const closed = expect(other.bindPublish('nats:late')).rejects.toMatchObject({ code: 'CLOSED' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await other.close();
    await within(5_000, closed, 'the end of what is bound');
    await within(60_000, told, 'the end of the wait');
    await connection.close();
  }, 120_000);
});
