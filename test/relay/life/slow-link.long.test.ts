/** Clients behind a link that is slower than the servers are: they get what they asked for, at the pace of the link. */
import { expect, it } from 'vitest';
import { deferred } from '../../../src/async/deferred.ts';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { RelayLimits } from '../../../transports/relay/options.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { testCluster } from '../../support/cluster.ts';
import { numbered } from '../../support/jobs.ts';
import { connect, startRelay, TOKEN } from '../../support/relay.ts';
import { dial, envelope } from '../../support/relay-peer.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const MiB = 1_048_576;
const KiB = 1_024;

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll(size: number, limits: RelayLimits) {
  const cluster = open();
  const result = new Uint8Array(size);
  const server = await cluster.start<Server>({
    role: 'server',
    name: 'server',
    functions: { large: () => result, tiny: () => new Uint8Array(1), hang: () => deferred<never>().promise },
    concurrency: 64,
  });
  const relay = cluster.own(
    await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress: server.dbAddress } },
      limits,
    }),
  );
  const wire = cluster.own(await startWire(relay.port));
  const client = cluster.own(await connect(wire.url));
  const slow = (rate: number) => {
    wire.rate = rate;
  };
  return { cluster, server, relay, wire, client, result, slow };
}

it.each([
  ['small', KiB, 20_000],
  ['middling', 16 * KiB, 1_200],
  ['large', 128 * KiB, 200],
  ['very large', 384 * KiB, 80],
])(
  'a job whose %s results are several times what is held for a client',
  async (_, size, count) => {
    const { client, relay, slow } = await openAll(size, { maxHeld: 4 * MiB });
    slow(20 * MiB);
    let seen = 0;
    const all = async () => {
      for await (const result of client.job('server.large', numbered(count), { messages: count })) {
        expect(result).toHaveLength(size);
        seen++;
      }
    };
    await within(20_000, all(), 'the job');
    expect(seen).toBe(count);
    expect(await relay.figure('closes_total{code="4413"}')).toBeNaN();
  },
  25_000,
);

it('a map, each input tried once', async () => {
  const { client, server, slow } = await openAll(64 * KiB, { maxHeld: 2 * MiB });
  slow(20 * MiB);
  let seen = 0;
  const all = async () => {
    for await (const _ of client.map('server.large', numbered(300), { retries: 3 })) seen++;
  };
  await within(20_000, all(), 'the map');
  expect([seen, server.counters.answered]).toEqual([300, 300]);
}, 25_000);

it('keys that are read all at once', async () => {
  const { client, relay, result, slow } = await openAll(64 * KiB, { maxHeld: 2 * MiB });
  await client.set(result, 'large');
  slow(20 * MiB);
  const all = Promise.all(Array.from({ length: 300 }, () => client.get('large')));
  for (const value of await within(20_000, all, 'the values')) expect(value).toHaveLength(result.length);
  expect(await relay.figure('closes_total{code="4413"}')).toBeNaN();
}, 25_000);

it('a client that is cut meanwhile, and comes back', async () => {
  const { client, wire, slow } = await openAll(64 * KiB, { maxHeld: 2 * MiB });
  slow(20 * MiB);
  let seen = 0;
  const all = async () => {
    for await (const _ of client.job('server.large', numbered(300), { messages: 300 })) {
      if (++seen % 50 === 0) wire.cut('rst');
    }
  };
  await within(20_000, all(), 'the job');
  expect(seen).toBe(300);
}, 25_000);

it('a peer that does not read: no more is asked for it than there is room for, and others are served meanwhile', async () => {
  const { cluster, server, relay } = await openAll(64 * KiB, { maxHeld: 2 * MiB });
  const other = cluster.own(await connect(relay.url));
  const peer = cluster.own(await dial(relay.url));
  await peer.greet(TOKEN);
  await peer.openCalls();
  await peer.call('first', 'server.large');
  const before = server.counters.answered;
  peer.socket.pause();
  const call = envelope({ client: `${peer.id}/all`, function: 'server.large' });
  peer.send([Type.send, 1, 1, Array.from({ length: 300 }, () => call)]);
  for (let i = 0; i < 100; i++)
    await within(2_000, other.eval('server.tiny', new Uint8Array(1)), 'an answer');
  const asked = server.counters.answered - before - 100;
  expect(asked).toBeGreaterThan(0);
  // A quarter of what is held for it.
  expect(asked).toBeLessThanOrEqual(MiB / 2 / (64 * KiB));
});

it('calls to functions that never answer leave all the same', async () => {
  const { client, server } = await openAll(1, {});
  const calls = Array.from({ length: 40 }, () => client.eval('server.hang', new Uint8Array(1)));
  for (const call of calls) call.catch(() => {});
  await within(
    5_000,
    until(() => server.counters.inFlight === 40),
    'the calls',
  );
}, 10_000);
