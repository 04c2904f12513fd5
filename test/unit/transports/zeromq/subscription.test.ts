/** What a subscription takes of a publisher, and when it counts as there. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Publisher, XPublisher } from 'zeromq';
import type { BindingConnection, ConnectionStatus } from '../../../../src/transport.ts';
import { type ZeromqOptions, zeromq } from '../../../../transports/zeromq/index.ts';
import { textOf } from '../../../support/bytes.ts';
import { collect, until, within } from '../../../support/wait.ts';

let publisher: XPublisher;
let address = '';
const open: BindingConnection[] = [];
const sockets: { close(): void }[] = [];

beforeEach(async () => {
  publisher = new XPublisher({ linger: 0, receiveTimeout: 3_000 });
  sockets.push(publisher);
  await publisher.bind('tcp://127.0.0.1:*');
  address = publisher.lastEndpoint ?? '';
});
afterEach(async () => {
  for (const own of open.splice(0)) await within(3_000, own.close({ timeout: 0 }));
  for (const own of sockets.splice(0)) own.close();
});

async function connect(options: ZeromqOptions = {}) {
  const connection = await zeromq({ reconnectInterval: 10, subscriptionMargin: 60_000, ...options }).open();
  open.push(connection);
  return connection;
}

/** The topic of the next subscription, or `not …` for the end of one. */
const news = async () => {
  const [report] = await publisher.receive();
  return `${report?.[0] === 1 ? '' : 'not '}${report?.subarray(1)}`;
};

describe('a subscription', () => {
  it('is there once the publisher confirms it with an empty delivery on its topic, and no other', async () => {
    const connection = await connect();
    const subscription = connection.subscribe(address, 'me/');
    expect(await news()).toBe('me/');
    await publisher.send(['me/1', '']);
    await publisher.send(['me/', 'x']);
    await collect(subscription, 1);
    expect([subscription.isProved, subscription.isReady]).toEqual([false, false]);
    await publisher.send(['me/', '']);
    await within(3_000, subscription.ready());
    expect([subscription.isProved, subscription.isReady]).toEqual([true, true]);
  });

  it('has a topic of its own for that where its topic asks for none', async () => {
    const subscription = (await connect()).subscribe(address, 'me');
    // ZeroMQ sends those that were made before the link is there in an order of its own.
    const topics = [await news(), await news()];
    expect(topics).toContain('me');
    const proof = topics.find((topic) => topic !== 'me') ?? '';
    expect(proof).toMatch(/^[\w-]{8,}\/$/);
    await publisher.send(['me', '']);
    await publisher.send(['me', 'x']);
    await collect(subscription, 1);
    expect(subscription.isProved).toBe(false);
    await publisher.send([proof, '']);
    await within(3_000, subscription.ready());
    expect(subscription.isProved).toBe(true);
  });

  it('tells its topics from that one, also where both are as long', async () => {
    const subscription = (await connect()).subscribe(address, 'é');
    const topics = [await news(), await news()];
    const proof = topics.find((topic) => topic !== 'é') ?? '';
    const other = `é${'~'.repeat(proof.length - 2)}`;
    await publisher.send([proof, '']);
    await publisher.send([other, 'x']);
    expect((await collect(subscription, 1)).map(({ topic }) => topic)).toEqual([other]);
    expect(Buffer.byteLength(other)).toBe(proof.length);
  });

  it('counts as there after a while where nobody confirms it', async () => {
    const start = performance.now();
    const subscription = (await connect({ subscriptionMargin: 100 })).subscribe(address, 'me/');
    await within(3_000, subscription.ready());
    expect(performance.now() - start).toBeGreaterThanOrEqual(99);
    expect(subscription.isProved).toBe(false);
  });

  it('waits as long as its user said for that, if it is longer', async () => {
    const connection = await connect({ subscriptionMargin: 0 });
    const start = performance.now();
    const subscription = connection.subscribe(address, 'me/', { proofTimeout: 150 });
    await within(3_000, subscription.ready());
    expect(performance.now() - start).toBeGreaterThanOrEqual(149);
  });

  it('takes deliveries of one frame or several, and passes over what is none', async () => {
    const subscription = (await connect()).subscribe(address, 'é/');
    await news();
    for (const parts of [
      ['é/1', 'a'],
      ['é/1'],
      ['é/1', ''],
      ['é/1', 'b', 'c'],
      ['é/2', '', ''],
      ['é/22', 'd'],
      ['é/2', 'e'],
      ['é/3', 'f'],
    ])
      await publisher.send(parts);
    const deliveries = await collect(subscription, 6);
    expect(deliveries.map(({ topic, frames }) => [topic, ...frames.map(textOf)])).toEqual([
      ['é/1', 'a'],
      ['é/1', 'b', 'c'],
      ['é/2', '', ''],
      ['é/22', 'd'],
      ['é/2', 'e'],
      ['é/3', 'f'],
    ]);
    for (const { frames } of deliveries)
      for (const frame of frames) expect(frame.constructor).toBe(Uint8Array);
  });

  it('is not proved any more when its link breaks, and is there again when it is', async () => {
    const subscription = (await connect()).subscribe(address, 'me/');
    await news();
    await publisher.send(['me/', '']);
    await within(3_000, subscription.ready());
    const broken = new Promise<unknown>((resolve) => subscription.onBreak(resolve));
    publisher.close();
    expect(await within(3_000, broken)).toMatchObject({
      code: 'DISCONNECTED',
      sent: 'unknown',
      message: `the peer at ${address} is gone`,
    });
    expect([subscription.isProved, subscription.isReady]).toEqual([false, false]);
    publisher = new XPublisher({ linger: 0, receiveTimeout: 3_000 });
    sockets.push(publisher);
    await publisher.bind(address);
    expect(await news()).toBe('me/');
    await publisher.send(['me/', '']);
    await within(3_000, subscription.ready());
    expect(subscription.isProved).toBe(true);
  });

  it('is not said to be there by a link that broke before', async () => {
    const connection = await connect({ subscriptionMargin: 100 });
    const subscription = connection.subscribe(address, 'me/');
    await news();
    publisher.close();
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(subscription.isReady).toBe(false);
  });

  it('ends when it is closed, and leaves no timer', async () => {
    const [started, stopped] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')];
    const subscription = (await connect()).subscribe(address, 'me/');
    await news();
    // The margin of the subscription, and nothing else, takes a minute or more.
    const timers = () => started.mock.results.filter((_, i) => Number(started.mock.calls[i]?.[1]) >= 60_000);
    await within(
      3_000,
      until(() => timers().length > 0),
      'the timer',
    );
    const next = subscription[Symbol.asyncIterator]().next();
    const ready = expect(subscription.ready()).rejects.toMatchObject({
      code: 'CLOSED',
      sent: false,
      message: `the connection to ${address} is closed`,
    });
    await subscription.close();
    await subscription.close();
    expect((await within(1_000, next)).done).toBe(true);
    await ready;
    expect(stopped.mock.calls.flat()).toEqual(expect.arrayContaining(timers().map(({ value }) => value)));
  });

  it('tells when nobody reads it', async () => {
    const connection = await connect();
    const slow: ConnectionStatus[] = [];
    const watch = async () => {
      for await (const status of connection.status()) if (status.type === 'slow') slow.push(status);
    };
    void watch();
    const subscription = connection.subscribe(address, 'me/');
    await news();
    const frame = Buffer.alloc(1_048_576);
    for (let i = 0; i < 15; i++) await publisher.send(['me/1', frame]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(slow).toEqual([]);
    for (let i = 0; i < 4; i++) await publisher.send(['me/1', frame]);
    await within(
      3_000,
      until(() => slow.length > 0),
    );
    expect(slow).toEqual([{ type: 'slow', address, queued: 16 }]);
    expect(await collect(subscription, 19)).toHaveLength(19);
  });
});

it('a publisher that is no XPUB is subscribed to as well', async () => {
  const stock = new Publisher({ linger: 0 });
  sockets.push(stock);
  await stock.bind('tcp://127.0.0.1:*');
  const subscription = (await connect({ subscriptionMargin: 50 })).subscribe(stock.lastEndpoint ?? '', 'a');
  await within(3_000, subscription.ready());
  await stock.send(['ab', 'x']);
  expect((await collect(subscription, 1)).map(({ topic }) => topic)).toEqual(['ab']);
});
