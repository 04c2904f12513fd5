/** What the other tests stand on: a real nats-server with JetStream, which is killed and comes back. */
import { expect, it } from 'vitest';
import { loadPackages, type NatsConnection } from '../../transports/nats/packages.ts';
import { NatsServer } from '../support/nats-server.ts';

const { connect, jetstreamManager } = loadPackages();

const dial = (servers: string): Promise<NatsConnection> =>
  connect({
    servers,
    name: 'test',
    reconnect: false,
    noAsyncTraces: true,
    timeout: 5_000,
    pingInterval: 120_000,
  });

it('keeps its streams when it is killed, and comes back at its port', async () => {
  await using server = await NatsServer.start();
  const { url } = server;
  const before = await dial(url);
  await (await jetstreamManager(before)).streams.add({
    name: 'KEPT',
    subjects: ['kept'],
    retention: 'limits',
    storage: 'file',
    discard: 'old',
    num_replicas: 1,
    max_bytes: 1_000,
    max_age: 0,
    duplicate_window: 1e9,
  });
  await server.kill();
  await before.closed();
  await server.run();
  expect(server.url).toBe(url);
  const after = await dial(url);
  const { config } = await (await jetstreamManager(after)).streams.info('KEPT');
  expect(config.max_bytes).toBe(1_000);
  await after.close();
});

it('has no JetStream where it is told so', async () => {
  await using server = await NatsServer.start({ hasJetStream: false });
  const connection = await dial(server.url);
  await expect(jetstreamManager(connection)).rejects.toThrow(/not enabled/);
  await connection.close();
});
