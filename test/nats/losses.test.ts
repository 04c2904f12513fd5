/** What NATS has lost or cannot give is told to who waits for it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NatsOptions, nats } from '../../transports/nats/index.ts';
import { loadPackages } from '../../transports/nats/packages.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { stranger } from '../support/nats-stranger.ts';
import { collect, eventually, within } from '../support/wait.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await NatsServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A publisher, a subscription that is ready, and its breaks. */
async function subscribed(options: NatsOptions) {
  const connection = await nats({ servers: server.url, ...options }).open();
  const publisher = await connection.bindPublish('nats:source');
  const subscription = connection.subscribe('nats:source', 'me/');
  const breaks: unknown[] = [];
  await within(5_000, subscription.ready(), 'the subscription');
  subscription.onBreak(({ code, sent, message }) => breaks.push({ code, sent, message }));
  return { connection, publisher, subscription, breaks, [Symbol.asyncDispose]: () => connection.close() };
}

it('a delivery that cannot be read is LOST, and the subscription goes on behind it', async () => {
  await using own = await subscribed({ cluster: 'unreadable' });
  await using other = await stranger(server.url);
  const headers = loadPackages().headers();
  headers.set('Frond-Pieces', 'nothing sensible');
  other.publish('palm.unreadable.out.source.me.1', bytes(''), { headers });
  await other.flush();
  await own.publisher.publish([{ topic: 'me/2', frames: [bytes('after')] }]);
  const [delivery] = await collect(own.subscription, 1);
  expect([delivery?.topic, delivery?.frames.map(textOf)]).toEqual(['me/2', ['after']]);
  expect(own.breaks).toEqual([
    { code: 'LOST', sent: true, message: 'a message in pieces says nothing sensible of them' },
  ]);
  expect(own.subscription.isReady).toBe(true);
});

it('what NATS has dropped before a slow reader read it is LOST', async () => {
  await using own = await subscribed({ cluster: 'slow', resultBytes: 2_000_000 });
  // The reader has 16 MiB and 128 deliveries, and NATS 2 MB.
  const count = 600;
  for (let number = 0; number < count; number++) {
    const frames = [bytes(String(number).padEnd(100_000))];
    await own.publisher.publish([{ topic: 'me/1', frames }]);
  }
  // Closing waits until NATS has them all.
  await own.publisher.close({ timeout: 10_000 });
  const seen: number[] = [];
  const reading = (async () => {
    for await (const batch of own.subscription)
      for (const { frames } of batch) seen.push(Number(frames.map(textOf).join()));
  })();
  await eventually(async () => seen.includes(count - 1), 20_000);
  const lost = {
    code: 'LOST',
    sent: true,
    message:
      'NATS has dropped deliveries from nats:source that were not read yet: read faster, or raise resultBytes or resultAge',
  };
  expect(own.breaks).toContainEqual(lost);
  expect(seen.length).toBeLessThan(count);
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
  await own.subscription.close();
  await within(5_000, reading, 'the end of the reader');
});

it('what NATS has dropped once the reader had it is no loss', async () => {
  await using own = await subscribed({ cluster: 'held', resultBytes: 2_000_000 });
  const other = own.connection.subscribe('nats:source', 'me/');
  await within(5_000, other.ready(), 'the other subscription');
  // More than 16 MiB, and no more than 128 deliveries beyond that.
  const count = 260;
  for (let number = 0; number < count; number++) {
    await own.publisher.publish([{ topic: 'me/1', frames: [bytes(String(number).padEnd(100_000))] }]);
    // No faster than it is delivered.
    await collect(other, 1);
  }
  const came = await collect(own.subscription, count);
  expect(came.map(({ frames }) => Number(frames.map(textOf).join()))).toEqual([...Array(count).keys()]);
  await own.publisher.publish([{ topic: 'me/2', frames: [bytes('after')] }]);
  await collect(own.subscription, 1);
  expect(own.breaks).toEqual([]);
});

it('a server that goes between being found and being asked for work is tried again, with why', async () => {
  await using other = await stranger(server.url);
  let asked = 0;
  other.subscribe('palm.gone.at.push.server', {
    callback: (_error, { reply }) => {
      asked++;
      if (reply !== undefined) other.publish(reply, bytes('an-end-that-is-gone'));
    },
  });
  await other.flush();
  await using connection = await nats({ servers: server.url, cluster: 'gone', heartbeat: 100 }).open();
  const reasons = new Set<string>();
  void (async () => {
    for await (const status of connection.status())
      if (status.type === 'reconnecting') reasons.add(String(status.reason));
  })();
  const puller = connection.pull('nats:server');
  await eventually(async () => asked > 1 && reasons.size > 0, 10_000);
  expect([...reasons]).toEqual(['the server at nats:server is gone']);
  expect(puller.isReady).toBe(false);
});

it('a subscription from a position behind which something was dropped is LOST at once, and goes on with what is there', async () => {
  await using own = await subscribed({ cluster: 'dropped', resultBytes: 2_000_000 });
  const { connection, publisher } = own;
  await publisher.publish([{ topic: 'me/1', frames: [bytes('first')] }]);
  const [first] = await collect(own.subscription, 1);
  for (let number = 0; number < 30; number++) {
    await publisher.publish([{ topic: 'me/1', frames: [bytes(String(number).padEnd(100_000))] }]);
    // No faster than it is delivered.
    await collect(own.subscription, 1);
  }
  const late = connection.subscribe('nats:source', 'me/', { from: first?.position });
  const breaks: unknown[] = [];
  late.onBreak(({ code, sent }) => breaks.push({ code, sent }));
  await within(5_000, late.ready(), 'the late subscription');
  expect(breaks).toEqual([{ code: 'LOST', sent: true }]);
  const seen: number[] = [];
  const batches = late[Symbol.asyncIterator]();
  while (!seen.includes(29)) {
    const { value = [] } = await within(5_000, batches.next(), 'the next deliveries');
    for (const { frames } of value) seen.push(Number(frames.map(textOf).join()));
  }
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => 30 - seen.length + i));
});

it('a subscription from a position gives nothing a second time that had come before it', async () => {
  await using own = await subscribed({ cluster: 'again' });
  const { connection, publisher } = own;
  const publish = (topic: string, ...own: readonly string[]) =>
    publisher.publish([{ topic, frames: own.map(bytes), ids: own.map((id) => `source/${id}`) }]);
  await publish('me/1', '1', '2');
  const [first] = await collect(own.subscription, 1);
  // A server that had died runs again what it had; what is stored together is another part.
  await publish('me/1', '2', '3');
  await publish('me/1', '1');
  await publish('me/1', '4');
  const late = connection.subscribe('nats:source', 'me/', { from: first?.position });
  const given = await collect(late, 2);
  expect(given.map(({ frames }) => frames.map(textOf))).toEqual([['3'], ['4']]);
  expect(given.map(({ position = 0 }) => position > (first?.position ?? 0))).toEqual([true, true]);
});

it('a topic that is too long for a subject cannot be stored', async () => {
  await using connection = await nats({ servers: server.url, cluster: 'long' }).open();
  const storing = connection.store?.('nats:source', { topic: 'x'.repeat(3_000), frames: [bytes('')] });
  await expect(within(5_000, Promise.resolve(storing), 'storing')).rejects.toThrow(
    expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining('too long') }),
  );
});
