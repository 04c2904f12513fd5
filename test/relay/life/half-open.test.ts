/** Links on which nothing comes any more, without a word: both sides notice, and the client goes on. */
import { expect, it } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { connect, startRelay } from '../../support/relay.ts';
import { first, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const HEARTBEAT = 800;
/** For the clocks and the event loop of a busy machine, and less than another heartbeat. */
const SLACK = 700;

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll() {
  const cluster = open();
  const { dbAddress } = await cluster.start<Server>({ role: 'server', name: 'server' });
  const relay = cluster.own(
    await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress } },
      limits: { heartbeat: HEARTBEAT },
    }),
  );
  const wire = cluster.own(await startWire(relay.port));
  const client = cluster.own(await connect(wire.url));
  return { relay, wire, client };
}

it('the client notices within two heartbeats, comes back, and what it sent meanwhile is answered', async () => {
  const { wire, client } = await openAll();
  const { id } = client;
  for (let round = 0; round < 3; round++) {
    const noticed = first(client.status(), ({ type }) => type === 'disconnected');
    wire.freeze();
    const begin = performance.now();
    const call = client.eval('server.echo', bytes(`${round}`));
    await within(2 * HEARTBEAT + SLACK, noticed, 'the client');
    expect(performance.now() - begin).toBeGreaterThan(HEARTBEAT);
    expect(textOf(await within(5_000, call, 'the answer'))).toBe(`${round}`);
  }
  expect(client.id).toBe(id);
}, 40_000);

it('the relay notices within two heartbeats, and keeps the session', async () => {
  const { wire, client, relay } = await openAll();
  const { id } = client;
  wire.isOpen = false;
  wire.freeze();
  const noticed = async () => {
    while (relay.relay.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await within(2 * HEARTBEAT + SLACK, noticed(), 'the relay');
  expect(await relay.figure('closes_total{code="4408"}')).toBe(1);
  expect(await relay.figure('sessions')).toBe(1);
  const call = client.eval('server.echo', bytes('meanwhile'));
  wire.isOpen = true;
  expect(textOf(await within(5_000, call, 'the answer'))).toBe('meanwhile');
  expect(client.id).toBe(id);
}, 40_000);
