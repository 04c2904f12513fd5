/** Messages that take many heartbeats on a slow link: they arrive, nothing breaks, and small ones pass them. */
import { expect, it } from 'vitest';
import type { Server } from '../../../src/cluster/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { RelayLimits } from '../../../transports/relay/options.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { connect, startRelay } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll(rate: number, limits: RelayLimits = {}) {
  const cluster = open();
  const server = await cluster.start<Server>({
    role: 'server',
    name: 'server',
    functions: {
      sum: (payload) => bytes(`${sumOf(payload)}`),
      make: (payload) => pattern(Number(textOf(payload))),
    },
  });
  const relay = cluster.own(
    await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress: server.dbAddress } },
      limits: { heartbeat: 2_000, ...limits },
    }),
  );
  const wire = cluster.own(await startWire(relay.port));
  const client = cluster.own(await connect(wire.url, { timeout: Number.POSITIVE_INFINITY }));
  const breaks: string[] = [];
  const listen = async () => {
    for await (const status of client.status())
      if (status.type === 'disconnected') breaks.push(status.reason);
  };
  listen();
  // The way there and back is known before the link is slow.
  await client.set(bytes('1'), 'small');
  await client.eval('server.sum', bytes('1'));
  wire.rate = rate;
  return { server, relay, wire, client, breaks };
}

function pattern(size: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(size);
  for (let i = 0; i < size; i++) made[i] = (i * 31 + (i >> 8)) & 0xff;
  return made;
}

function sumOf(payload: Uint8Array): number {
  let sum = 0;
  for (const [i, byte] of payload.entries()) sum = (sum * 33 + byte + i) % 1_000_003;
  return sum;
}

/** Milliseconds that something took. */
async function timed(what: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await what();
  return performance.now() - begin;
}

it('500 kB each way at 30 kB/s with a heartbeat of 2 s: nothing breaks, and a get meanwhile does not wait for it', async () => {
  const { client, breaks, relay, wire } = await openAll(30_000);
  const up = pattern(500_000);
  const there = client.eval('server.sum', up);
  const back = client.eval('server.make', bytes('500000'));
  let isOver = false;
  const both = Promise.all([there, back]).finally(() => {
    isOver = true;
  });
  both.catch(() => {});
  const times: number[] = [];
  const begin = performance.now();
  while (!isOver && times.length < 30) {
    times.push(await timed(() => within(10_000, client.get('small'), 'a get')));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const [sum, made] = await within(60_000, both, 'the large messages');
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  console.log(`${seconds} s; gets meanwhile: ${times.map((time) => Math.round(time)).join(', ')} ms`);
  expect(textOf(sum)).toBe(`${sumOf(up)}`);
  expect(Buffer.compare(made, up)).toBe(0);
  wire.rate = undefined;
  expect(breaks).toEqual([]);
  expect(await relay.figure('closes_total{code="4408"}')).toBeNaN();
  expect(times.length).toBeGreaterThan(5);
  expect(Math.max(...times)).toBeLessThan(3_000);
}, 120_000);

it.each([400_000, 2_000_000])(
  'a call of %d bytes that is given up does not take the next one with it',
  async (size) => {
    const { client, wire, breaks } = await openAll(30_000);
    await expect(client.eval('server.sum', pattern(size), { timeout: 1_000 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    const small = client.eval('server.sum', bytes('1'));
    expect(textOf(await within(5_000, small, 'the next call'))).toBe(`${sumOf(bytes('1'))}`);
    wire.rate = undefined;
    expect(breaks).toEqual([]);
  },
  30_000,
);
