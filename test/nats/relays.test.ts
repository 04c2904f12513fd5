/** Relays side by side over NATS: when one is gone, its clients go on at another, and miss nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { nats } from '../../transports/nats/index.ts';
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { notOnce, numbered, readNumber, runJob } from '../support/jobs.ts';
import { NatsServer } from '../support/nats-server.ts';
import { connect, TOKEN, toRelay } from '../support/relay.ts';
import { dial, type RawPeer } from '../support/relay-peer.ts';
import { type RelaysOnNats, relaysOnNats } from '../support/relays-on-nats.ts';
import { within } from '../support/wait.ts';

let ground: NatsServer;
let server: Server;
let relays: RelaysOnNats;
let clients: Client[];
let peers: RawPeer[];

beforeEach(async () => {
  clients = [];
  peers = [];
  ground = await NatsServer.start();
  server = await Server.start({
    transport: nats({ servers: ground.url }),
    name: 'server',
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
    concurrency: 64,
    functions: {
      slowly: async (payload) => {
        await pause(20);
        return payload;
      },
      late: async (payload) => {
        await pause(400);
        return payload;
      },
      large: (payload) => new Uint8Array(readNumber(payload)).fill(7),
    },
  });
  relays = await relaysOnNats(2, { servers: [ground.url], server: 'server' });
});
afterEach(async () => {
  for (const peer of peers) await peer.close();
  for (const client of clients) await client.close({ timeout: 0 });
  await relays[Symbol.asyncDispose]();
  await server.close({ timeout: 0 });
  await ground[Symbol.asyncDispose]();
});

async function open(): Promise<Client> {
  const { url } = relays.balancer;
  const client = await connect(url, { transport: toRelay(url), timeout: 30_000 });
  clients.push(client);
  return client;
}

/** Kills one relay after the other, and starts each again, until it is stopped. @returns how many were killed. */
function killing(every: number): () => Promise<number> {
  const over = new AbortController();
  let killed = 0;
  const going = (async () => {
    for (; !over.signal.aborted; killed++) {
      await pause(every);
      await relays.kill(killed % 2);
      await relays.start(killed % 2);
    }
  })();
  return async () => {
    over.abort();
    await going;
    return killed;
  };
}

describe('when its relay is killed', () => {
  it('a call that is under way is answered at the other one, and the client keeps its id', async () => {
    relays.lead(0);
    const client = await open();
    const { id } = client;
    const call = client.eval('server.late', bytes('x'));
    await pause(100);
    await relays.kill(0);
    expect(textOf(await within(10_000, call))).toBe('x');
    expect(client.id).toBe(id);
    expect(textOf(await client.eval('server.slowly', bytes('y')))).toBe('y');
  });

  it('an answer that comes while there is no relay is read when there is one', async () => {
    const client = await open();
    const call = client.eval('server.late', bytes('x'));
    await pause(100);
    await relays.kill(0);
    await relays.kill(1);
    await pause(600);
    // Also the one that is started anew goes on with a session of its own from before.
    await relays.start(0);
    expect(textOf(await within(10_000, call))).toBe('x');
  });

  it('a value is read, and what was to be written fails or is written', async () => {
    relays.lead(0);
    const client = await open();
    await client.set(bytes('before'), 'key');
    const writing = client.set(bytes('after'), 'key').catch((error: unknown) => error);
    const reading = client.get('key');
    await relays.kill(0);
    expect(['before', 'after']).toContain(textOf((await within(10_000, reading)) ?? bytes('')));
    const outcome = await within(10_000, writing);
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    await client.set(bytes('at last'), 'key');
    expect(textOf((await client.get('key')) ?? bytes(''))).toBe('at last');
  });
});

it('a relay that ends sends its clients to the other one, with what is under way', async () => {
  relays.lead(0);
  const [busy, idle] = [await open(), await open()];
  const ids = [busy.id, idle.id];
  const call = busy.eval('server.late', bytes('x'));
  await pause(50);
  relays.lead(1);
  await relays.end(0);
  expect(textOf(await within(10_000, call))).toBe('x');
  expect(textOf(await within(10_000, idle.eval('server.slowly', bytes('y'))))).toBe('y');
  expect([busy.id, idle.id]).toEqual(ids);
});

describe('while one relay after the other is killed', () => {
  it('a job and a map lose nothing, and nothing comes twice', async () => {
    const [one, other] = [await open(), await open()];
    const ids = [one.id, other.id];
    const stop = killing(500);
    const map = async () => {
      const seen: number[] = [];
      for await (const result of other.map('server.slowly', numbered(3_000))) seen.push(readNumber(result));
      return seen;
    };
    const [job, order] = await within(55_000, Promise.all([runJob(one, 'server.slowly', 10_000), map()]));
    expect(await stop()).toBeGreaterThan(1);
    expect(notOnce(job)).toEqual([]);
    expect(order).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
    expect([one.id, other.id]).toEqual(ids);
  }, 90_000);

  it('large answers and links that are cut change nothing in that', async () => {
    const client = await open();
    const stop = killing(700);
    const timer = setInterval(() => relays.balancer.cut(), 150);
    const sizes = Array.from({ length: 200 }, (_, i) => (i % 5 === 0 ? 900_000 : 2_000) + i);
    const seen: number[] = [];
    const inputs = sizes.map((size) => {
      const payload = new Uint8Array(4);
      new DataView(payload.buffer).setUint32(0, size);
      return payload;
    });
    const reading = (async () => {
      for await (const { length } of client.map('server.large', inputs)) seen.push(length);
    })();
    await within(55_000, reading, () => `the map, with ${seen.length} results`).finally(() =>
      clearInterval(timer),
    );
    await stop();
    expect(seen).toEqual(sizes);
  }, 90_000);
});

describe('a session whose relay is gone', () => {
  async function greet(relay: number, session: string | null = null, token = TOKEN) {
    const peer = await dial(relays.urls[relay] ?? '');
    peers.push(peer);
    const [, name, id, isResumed] = await peer.greet(token, session);
    return { peer, name, id, isResumed };
  }

  /** A session of the first relay, which is gone then. */
  async function orphan(): Promise<{ readonly name: string; readonly id: string }> {
    const own = await greet(0);
    await relays.kill(0);
    return own;
  }

  it('is the one of its client at another relay, under another name', async () => {
    const { name, id } = await orphan();
    const next = await greet(1, name);
    expect([next.id, next.isResumed]).toEqual([id, false]);
    expect(next.name).not.toBe(name);
  });

  it.each([
    ['made up', (name: string) => `${name.slice(0, -1)}${name.endsWith('A') ? 'B' : 'A'}`],
    ['of another client', (name: string) => name.replace(/\/\w+/, '/zz')],
    ['cut', (name: string) => name.split('.').slice(0, 3).join('.')],
  ])('is not to be had with a name that is %s', async (_, change) => {
    const { name, id } = await orphan();
    expect((await greet(1, change(name))).id).not.toBe(id);
  });

  it('is not to be had by another identity', async () => {
    const { name, id } = await orphan();
    expect((await greet(1, name, 'another')).id).not.toBe(id);
  });

  it("gives nobody another client's answers", async () => {
    const { name } = await orphan();
    const { peer } = await greet(1, name);
    peer.send([Type.openFrom, 1, ChannelKind.subscribe, 'server', 'another/', 1]);
    expect(await peer.end()).toMatchObject({ code: 4403 });
  });
});
