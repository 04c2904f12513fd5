/** Cuts in the middle of what travels as one: a greeting, a large frame. */
import { expect, it } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { connect, startRelay } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';
import { type Cut, type Direction, startWire } from '../../support/wire.ts';

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll() {
  const cluster = open();
  const server = await cluster.start<Server>({ role: 'server', name: 'server' });
  const { dbAddress } = server;
  const relay = cluster.own(
    await startRelay({ transport: cluster.transport, servers: { server: { dbAddress } } }),
  );
  const wire = cluster.own(await startWire(relay.port));
  return { cluster, server, relay, wire };
}

const ways = (['up', 'down'] as const).flatMap((direction) =>
  (['fin', 'rst'] as const).map((how) => [direction, how] as const),
);

/** Bytes into a connection: within the HTTP upgrade, and in and behind the greeting. */
const PLACES = [1, 100, 128, 129, 130, 131, 140, 180, 200, 220, 230, 240, 250, 260, 270, 280, 300, 350];

it.each(ways)(
  'cuts of the first connection %s, by %s',
  async (direction: Direction, how: Cut) => {
    const { wire } = await openAll();
    for (const place of PLACES) {
      const cut = wire.cutAfter(direction, place, how);
      const client = await within(3_000, connect(wire.url), 'connecting');
      await within(1_000, Promise.all([cut, client.eval('server.echo', bytes('x'))]), `after ${place} bytes`);
      await client.close();
    }
  },
  30_000,
);

it.each(ways)(
  'cuts of a connection that goes on %s, by %s',
  async (direction: Direction, how: Cut) => {
    const { cluster, wire, relay } = await openAll();
    const client = cluster.own(await connect(wire.url));
    const { id } = client;
    for (const place of PLACES) {
      const before = wire.count;
      const cut = wire.cutAfter(direction, place, how);
      wire.cut(how);
      const word = bytes(`${place}`);
      const [answer] = await within(3_000, Promise.all([client.eval('server.echo', word), cut]), `${place}`);
      expect(answer).toEqual(word);
      expect(wire.count - before).toBeGreaterThanOrEqual(1);
    }
    expect(client.id).toBe(id);
    expect(await relay.figure('sessions')).toBe(1);
  },
  30_000,
);

it.each(ways)(
  'cuts while a frame of 3 MB is half way %s, by %s',
  async (direction: Direction, how: Cut) => {
    const { cluster, wire, server } = await openAll();
    const client = cluster.own(await connect(wire.url));
    const large = new Uint8Array(3_000_000).map((_, i) => i * 7);
    for (let round = 1; round <= 5; round++) {
      const cut = wire.cutAfter(direction, 500_000 * round, how);
      const calls = Promise.all([
        client.eval('server.echo', large),
        client.eval('server.echo', bytes('behind it')),
        cut,
      ]);
      const [answer, behind] = await within(5_000, calls, 'the calls');
      expect(Buffer.compare(answer, large)).toBe(0);
      expect(textOf(behind)).toBe('behind it');
      const key = await within(5_000, Promise.all([client.set(large, 'k'), client.get('k')]), 'the cache');
      expect(key[0]).toBe('k');
    }
    expect(server.counters.received).toBe(10);
    expect(client.unclaimed).toBe(0);
  },
  30_000,
);
