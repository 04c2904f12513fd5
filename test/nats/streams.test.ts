/** The streams that are made, and what full ones do. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nats } from '../../transports/nats/index.ts';
import { loadPackages } from '../../transports/nats/packages.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';
import { collect, within } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What NATS says of the settings of streams. */
async function configs(...names: string[]): Promise<object[]> {
  await using connection = await stranger(server.url);
  const { streams } = await loadPackages().jetstreamManager(connection);
  const found = await Promise.all(names.map(async (name) => (await streams.info(name)).config));
  return found;
}

it('are made as the options say, and keep that when another says something else', async () => {
  const options = {
    servers: server.url,
    cluster: 'a_b',
    storage: 'memory',
    queueBytes: 1_000_000,
    queueAge: 60_000,
    resultBytes: 2_000_000,
    resultAge: 30_000,
  } as const;
  const wanted = [
    { retention: 'workqueue', storage: 'memory', discard: 'new', max_bytes: 1_000_000, max_age: 60e9 },
    { retention: 'limits', storage: 'memory', discard: 'old', max_bytes: 2_000_000, max_age: 30e9 },
  ].map((own) => expect.objectContaining(own));
  for (const own of [options, { servers: server.url, cluster: 'a_b' }]) {
    await using connection = await nats(own).open();
    await connection.bindPull('nats:server');
    await connection.bindPublish('nats:server');
    expect(await configs('PALM_a%5Fb_IN_server', 'PALM_a%5Fb_OUT')).toEqual(wanted);
  }
});

it('of publications take more subscriptions than nats-server allows by default', async () => {
  await using connection = await nats({ servers: server.url, cluster: 'crowd' }).open();
  await connection.bindPublish('nats:crowd');
  await using other = await stranger(server.url);
  const { consumers } = await loadPackages().jetstreamManager(other);
  const add = () =>
    consumers.add('PALM_crowd_OUT', {
      durable_name: `one${count++}`,
      filter_subject: 'palm.crowd.out.>',
      deliver_policy: 'new',
      ack_policy: 'explicit',
      ack_wait: 10e9,
      max_ack_pending: 1,
    });
  let count = 0;
  while (count < 1_100) await Promise.all(Array.from({ length: 100 }, add));
}, 60_000);

it('of a Master and its workers have 64 MiB of the disk at most: 32 Masters share a server that has 8 GB', async () => {
  await using small = await NatsServer.start({
    config: 'jetstream { max_file_store: 8GB }',
    hasJetStream: false,
  });
  await using connection = await nats({ servers: small.url }).open();
  await connection.bindPull('nats:crew', { shared: 'master crew' });
  await connection.bindPublish('nats:crew', { shared: 'master crew' });
  for (let number = 0; number < 32; number++) {
    await connection.bindPull(`nats:crew/workers/${number}`);
    await connection.bindPush(`nats:crew/workers/${number}`);
  }
  const packages = loadPackages();
  await using other = await stranger(small.url);
  const { streams } = await packages.jetstreamManager(other);
  const bytesOf = async (name: string) => (await streams.info(name)).config.max_bytes;
  expect(await bytesOf('PALM_palm_IN_crew')).toBe(1_073_741_824);
  expect(await bytesOf('PALM_palm_IN_crew%2Fworkers%2F7')).toBe(67_108_864);
  expect(await bytesOf('PALM_palm_WORK_crew%2Fworkers%2F7')).toBe(67_108_864);
});

it('that are full hold up who sends, in order, until there is room', async () => {
  await using connection = await nats({ servers: server.url, queueBytes: 200_000 }).open();
  const pull = await connection.bindPull('nats:*');
  const pusher = connection.push(pull.address);
  const sent = Array.from({ length: 6_000 }, (_, number) => String(number));
  let taken = 0;
  const sending = Promise.all(
    sent.map(async (text) => {
      // 6 MB in all: the reader has 4 MiB before it waits.
      await pusher.send([bytes(text.padEnd(1_000))]);
      taken++;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(taken).toBeLessThan(sent.length);
  const came = await within(30_000, collect(pull, sent.length), 'all of them');
  expect(came.map((frame) => textOf(frame).trim())).toEqual(sent);
  await sending;
});

it('that were made for an address of the system go with it, and others stay', async () => {
  const transport = nats({ servers: server.url });
  await using connection = await transport.open();
  const [chosen, given] = [await connection.bindPull('nats:*'), await connection.bindPull('nats:kept')];
  const name = `PALM_palm_IN_${chosen.address.slice('nats:'.length).replace('*', '%2A')}`;
  expect(await configs(name)).toHaveLength(1);
  await chosen.close();
  await given.close();
  await expect(configs(name)).rejects.toThrow(/not found/);
  expect(await configs('PALM_palm_IN_kept')).toHaveLength(1);
});

it('keep what was pushed and not read for the next server', async () => {
  await using client = await nats({ servers: server.url }).open();
  const first = await nats({ servers: server.url }).open();
  const pull = await first.bindPull('nats:queue');
  const pusher = client.push('nats:queue');
  // It reads nothing: 4,096 frames wait in it, and these it has no room for.
  const frames = Array.from({ length: 5_000 }, (_, number) => bytes(String(number)));
  await within(20_000, pusher.send(frames), 'a send');
  await first.close();
  const read: string[] = [];
  for await (const batch of pull) read.push(...batch.map(textOf));
  expect(read.length).toBeLessThan(frames.length);
  await using second = await nats({ servers: server.url }).open();
  const next = await second.bindPull('nats:queue');
  // What had been handed to the first and not read comes after 10 s.
  const rest = await within(30_000, collect(next, frames.length - read.length), 'the rest');
  expect([...read, ...rest.map(textOf)].sort()).toEqual(frames.map(textOf).sort());
});
