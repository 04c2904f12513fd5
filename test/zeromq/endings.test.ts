/** What the ends of sockets come to. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { BindingConnection } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { collect, until, within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';

let server: BindingConnection;
let client: BindingConnection;
beforeEach(async () => {
  server = await zeromq().open();
  client = await zeromq().open();
});
afterEach(async () => {
  await client.close({ timeout: 0 });
  await server.close({ timeout: 0 });
});

it('a subscription whose publisher is gone is not proved any more', async () => {
  const publisher = await server.bindPublish(any);
  const subscription = client.subscribe(publisher.address, 'a/');
  // It is ready without the proof after a while, as for pylm's servers.
  await until(() => subscription.isProved);
  const broken = new Promise((resolve) => subscription.onBreak(resolve));
  await publisher.close({ timeout: 0 });
  await within(5_000, broken, 'the break');
  expect(subscription.isProved).toBe(false);
});

it('what was published and waits is sent before a publisher closes', async () => {
  const COUNT = 5_000;
  const publisher = await server.bindPublish(any);
  const subscription = client.subscribe(publisher.address, 'a/');
  await within(5_000, subscription.ready(), 'the proof');
  const deliveries = Array.from({ length: COUNT }, () => ({ topic: 'a/1', frames: [new Uint8Array(4_096)] }));
  const publishing = publisher.publish(deliveries).catch(() => {});
  const reading = collect(subscription, COUNT);
  await within(15_000, publisher.close({ timeout: 10_000 }), 'closing');
  await publishing;
  expect(await within(10_000, reading, 'the deliveries')).toHaveLength(COUNT);
  await until(() => !subscription.isReady);
});
