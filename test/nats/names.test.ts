/** Names with what has a meaning at NATS, and clusters beside each other. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { collect, within } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

it.each(['a.b', 'a*', '>', '100%', 'a/b\\c', 'шина', '*', 'PALM_x_IN_y'])(
  'a server at %j serves calls and results',
  async (name) => {
    const transport = nats({ servers: server.url, queueBytes: 1_000_000 });
    await using palm = await Server.start({
      transport,
      name: 'server',
      dbAddress: `nats:${name}`,
      loggingLevel: 'silent',
    });
    await using client = (await Client.connect({ transport, dbAddress: palm.dbAddress })).with(text());
    expect(await client.eval('server.echo', 'x')).toBe('x');
    await client.set('value', 'ключ с пробелом\0.*>');
    expect(await client.get('ключ с пробелом\0.*>')).toBe('value');
  },
);

it('topics may have what has a meaning at NATS, and empty parts', async () => {
  await using connection = await nats({ servers: server.url }).open();
  const publisher = await connection.bindPublish('nats:*');
  const topics = ['me/', 'me//', 'me/a.b', 'me/*/>', 'me/ \0\t', 'me/шина', 'me/%2E', 'me/%'];
  const subscription = connection.subscribe(publisher.address, 'me/');
  const one = connection.subscribe(publisher.address, 'me/*');
  await within(5_000, Promise.all([subscription.ready(), one.ready()]), 'the subscriptions');
  await publisher.publish(['me', 'men/1', ...topics].map((topic) => ({ topic, frames: [bytes(topic)] })));
  const came = await collect(subscription, topics.length);
  expect(came.map(({ topic }) => topic)).toEqual(topics);
  expect(came.map(({ frames }) => frames.map(textOf).join())).toEqual(topics);
  expect(
    (await collect(one, 1)).map(({ topic }) => topic),
    'a star of a topic is no wildcard',
  ).toEqual(['me/*/>']);
});

it('a topic too long for NATS ends no connection', async () => {
  await using connection = await nats({ servers: server.url }).open();
  const publisher = await connection.bindPublish('nats:*');
  const subscription = connection.subscribe(publisher.address, 'me/');
  await within(5_000, subscription.ready(), 'the subscription');
  let breaks = 0;
  subscription.onBreak(() => breaks++);
  await publisher.publish(
    [`me/${' '.repeat(2_000)}`, 'me/1'].map((topic) => ({ topic, frames: [bytes('x')] })),
  );
  expect((await collect(subscription, 1)).map(({ topic }) => topic)).toEqual(['me/1']);
  expect(breaks).toBe(0);
});

it('frames larger than a message of NATS arrive whole, in order, and leave nothing behind', async () => {
  await using connection = await nats({ servers: server.url, cluster: 'large' }).open();
  const large = new Uint8Array(5_000_000).map((_, at) => at % 251);
  const is = (frame: Uint8Array | undefined) => Buffer.compare(frame ?? bytes('nothing'), large) === 0;
  const { address } = await connection.bindReply('nats:*', (request) => request);
  expect(is(await connection.request(address, large).reply), 'a request and its reply').toBe(true);
  const pull = await connection.bindPull('nats:*');
  await connection.push(pull.address).send([bytes('a'), large, bytes('b')]);
  const frames = await collect(pull, 3);
  expect([frames[0], frames[2]].map((frame) => frame && textOf(frame))).toEqual(['a', 'b']);
  expect(is(frames[1]), 'a push').toBe(true);
  const publisher = await connection.bindPublish('nats:*');
  const both = ['me/', 'me/1'].map((topic) => connection.subscribe(publisher.address, topic));
  await within(5_000, Promise.all(both.map((own) => own.ready())), 'the subscriptions');
  await publisher.publish([{ topic: 'me/1', frames: [bytes('x'), large] }]);
  for (const own of both) {
    const [delivery] = await collect(own, 1);
    expect(is(delivery?.frames[1]), 'a publication, at each subscriber').toBe(true);
  }
});

it('clusters of other names on the same NATS do not see each other', async () => {
  const named = (cluster: string) => nats({ servers: server.url, cluster });
  await using one = await named('one').open();
  await using two = await named('two').open();
  await one.bindReply('nats:server', () => bytes('one'));
  await two.bindReply('nats:server', () => bytes('two'));
  expect(textOf(await one.request('nats:server', bytes('x')).reply)).toBe('one');
  expect(textOf(await two.request('nats:server', bytes('x')).reply)).toBe('two');
  const pulls = await Promise.all([one, two].map((own) => own.bindPull('nats:server')));
  await two.push('nats:server').send([bytes('to two')]);
  expect((await collect(pulls[1] as (typeof pulls)[number], 1)).map(textOf)).toEqual(['to two']);
});
