/** Clients in processes of their own: they end by themselves once they are closed, and a hidden page stays connected. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { testCluster } from '../../support/cluster.ts';
import { startRelay } from '../../support/relay.ts';
import { startWire } from '../../support/wire.ts';
import { startChild } from './child.ts';

const startClient = (mode: string, url: string) => startChild('client-process.ts', mode, url);

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll(limits: object = {}) {
  const cluster = open();
  const { dbAddress } = await cluster.start<Server>({ role: 'server', name: 'server' });
  const relay = cluster.own(
    await startRelay({ transport: cluster.transport, servers: { server: { dbAddress } }, limits }),
  );
  return { relay, wire: cluster.own(await startWire(relay.port)) };
}

/** A server that takes connections and says nothing. */
async function startSilence() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `ws://127.0.0.1:${port}/`, close };
}

describe('a client that is closed holds nothing, and its process ends by itself', () => {
  it.each([
    ['between two attempts', 'backoff', false],
    ['while it connects', 'connecting', true],
    ['while it asks for a token', 'asking', true],
  ])(
    '%s',
    async (_, mode, isThere) => {
      const silence = await startSilence();
      if (!isThere) await silence.close();
      const client = await startClient(mode, silence.url);
      expect(await client.go()).toEqual({});
      expect(await client.ended()).toBe(0);
      if (isThere) await silence.close();
    },
    30_000,
  );

  it('while it is connected', async () => {
    const { wire } = await openAll();
    const client = await startClient('connected', wire.url);
    expect(await client.go()).toEqual({});
    expect(await client.ended()).toBe(0);
  }, 30_000);

  it('while nothing comes from the relay any more', async () => {
    const { wire } = await openAll();
    const client = await startClient('connected', wire.url);
    wire.freeze();
    await client.go();
    expect(await client.ended()).toBe(0);
  }, 30_000);
});

it('a hidden page, whose timers fire once a minute, is still connected after ten', async () => {
  // A minute is 300 ms, as the client has it, and so a heartbeat of 20 s is 100 ms.
  const { relay, wire } = await openAll({ heartbeat: 100, resumeWindow: 300 });
  const client = await startClient('hidden', wire.url);
  const { count } = wire;
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(await client.go()).toEqual({ statuses: [], answer: 'still here', isSame: true });
  expect(wire.count).toBe(count);
  expect(await client.ended()).toBe(0);
  expect(await relay.figure('sessions_total{outcome="new"}')).toBe(1);
}, 30_000);
