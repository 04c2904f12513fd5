/** The cache of servers that share an address is one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { type NatsOptions, nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { eventually } from '../support/wait.ts';

let ground: NatsServer;
beforeAll(async () => {
  ground = await NatsServer.start();
});
afterAll(() => ground[Symbol.asyncDispose]());

const start = (dbAddress: string, options: NatsOptions = {}) =>
  Server.start({
    transport: nats({ servers: ground.url, ...options }),
    name: 'server',
    dbAddress,
    loggingLevel: 'silent',
  });

it('is one for all servers under an address, whoever sets and whatever the key', async () => {
  await using first = await start('nats:shared');
  await using second = await start('nats:shared');
  await using client = await Client.connect({
    transport: nats({ servers: ground.url }),
    dbAddress: 'nats:shared',
  });
  const keys = ['a', 'a b', 'a..b', '*', '>', 'ключ', 'nul\0', '%20', 'ends.', 'x'.repeat(4_000)];
  for (const key of keys) {
    await first.cache.set(bytes(`first ${key}`), key);
    await second.cache.set(bytes(`second ${key}`), key);
    for (const cache of [first.cache, second.cache, client]) {
      const value = await cache.get(key);
      expect(value && textOf(value)).toBe(`second ${key}`);
    }
  }
  expect(await first.cache.get('missing')).toBeUndefined();
  await client.set(bytes(''), 'empty');
  expect(await second.cache.get('empty')).toEqual(bytes(''));
  const gone = await Promise.all([first.cache.delete('a'), second.cache.delete('a')]);
  expect(gone.filter(Boolean)).toHaveLength(1);
  expect(await client.get('a')).toBeUndefined();
});

it('keeps large values whole, the last that was set', async () => {
  await using first = await start('nats:large');
  await using second = await start('nats:large');
  for (const size of [3_000_000, 2_500_000, 10, 1_200_000]) {
    const value = new Uint8Array(size).map((_, i) => (i * 7 + size) % 251);
    await first.cache.set(value, 'large');
    expect(Buffer.compare((await second.cache.get('large')) ?? bytes(''), value)).toBe(0);
  }
  expect(await second.cache.delete('large')).toBe(true);
  expect(await first.cache.get('large')).toBeUndefined();
});

it('outlives its servers, unless the system chose their address', async () => {
  const first = await start('nats:lasting');
  await first.cache.set(bytes('x'), 'key');
  await first.close();
  await using second = await start('nats:lasting');
  expect(await second.cache.get('key')).toEqual(bytes('x'));
  const chosen = await start('nats:*');
  await chosen.cache.set(bytes('x'), 'key');
  const { dbAddress } = chosen;
  await chosen.close();
  await using next = await start(dbAddress);
  expect(await next.cache.get('key')).toBeUndefined();
});

it('forgets what is older than cacheAge', async () => {
  await using server = await start('nats:short', { cacheAge: 500 });
  await server.cache.set(bytes('x'), 'key');
  expect(await server.cache.get('key')).toEqual(bytes('x'));
  await eventually(async () => (await server.cache.get('key')) === undefined, 10_000);
});

it('refuses a value that is larger than cacheBytes', async () => {
  await using server = await start('nats:small', { cacheBytes: 100_000 });
  await server.cache.set(bytes('x'), 'key');
  await expect(server.cache.set(new Uint8Array(200_000), 'key')).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringContaining('raise cacheBytes in nats()'),
  });
});
