/** What the end of a connection to NATS, and of NATS itself, does to what is under way. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { BindingConnection, Settler } from '../../src/transport.ts';
import { nats } from '../../transports/nats/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { NatsServer } from '../support/nats-server.ts';
import { startProxy } from '../support/proxy.ts';
import { collect, eventually, within } from '../support/wait.ts';

let server: NatsServer;
let open: BindingConnection[];
beforeEach(async () => {
  server = await NatsServer.start();
  open = [];
});
afterEach(async () => {
  for (const connection of open) await connection.close({ timeout: 0 });
  await server[Symbol.asyncDispose]();
});

async function connection(servers: string): Promise<BindingConnection> {
  const opened = await nats({ servers, heartbeat: 200 }).open();
  open.push(opened);
  return opened;
}

it('NATS that is killed fails the calls under way, and server and client work when it is back', async () => {
  const transport = nats({ servers: server.url });
  await using palm = await Server.start({
    transport,
    name: 'server',
    dbAddress: 'nats:server',
    loggingLevel: 'silent',
    concurrency: 2,
    functions: { hang: () => new Promise(() => {}) },
  });
  await using client = (await Client.connect({ transport, dbAddress: palm.dbAddress })).with(text());
  expect(await client.eval('server.echo', 'before')).toBe('before');
  const hanging = client.eval('server.hang', 'x').catch((error: unknown) => error);
  await eventually(async () => palm.counters.inFlight > 0);
  await server.kill();
  expect(await within(5_000, hanging, 'the end of the call')).toMatchObject({
    code: 'DISCONNECTED',
    sent: 'unknown',
  });
  await server.run();
  await eventually(
    async () => (await client.eval('server.echo', 'after', { timeout: 2_000 }).catch(() => '')) === 'after',
    20_000,
  );
});

it('every push that resolved arrives once, and none that was rejected, while NATS is killed again and again', async () => {
  const taker = await connection(server.url);
  const pull = await taker.bindPull('nats:taker');
  const pusher = (await connection(server.url)).push(pull.address);
  const seen: string[] = [];
  const reading = (async () => {
    for await (const batch of pull) seen.push(...batch.map(textOf));
  })();
  const taken = new Set<string>();
  const rejected = new Set<string>();
  let isOver = false;
  const sending = (async () => {
    for (let number = 0; !isOver; number++) {
      const name = String(number);
      await pusher.send([bytes(name)]).then(
        () => taken.add(name),
        () => rejected.add(name),
      );
    }
  })();
  for (let round = 1; round <= 3; round++) {
    const enough = taken.size + 200;
    await eventually(async () => taken.size >= enough, 20_000);
    await server.kill();
    await server.run();
  }
  const enough = taken.size + 200;
  await eventually(async () => taken.size >= enough, 20_000);
  isOver = true;
  await within(10_000, sending, 'the last send');
  await eventually(async () => [...taken].every((name) => seen.includes(name)), 20_000);
  await pull.close();
  await within(5_000, reading, 'the end of the reader');
  expect(seen.filter((name) => rejected.has(name))).toEqual([]);
  expect(seen.length - new Set(seen).size, 'frames that came twice').toBe(0);
}, 90_000);

it('a subscription whose connection is cut again and again misses nothing and gets nothing twice', async () => {
  await using proxy = await startProxy(server.url.replace('nats://', 'tcp://'));
  const publisher = await (await connection(server.url)).bindPublish('nats:source');
  const subscriber = await connection(proxy.address.replace('tcp://', 'nats://'));
  const subscription = subscriber.subscribe('nats:source', 'me/');
  await within(5_000, subscription.ready(), 'the subscription');
  const breaks: string[] = [];
  subscription.onBreak(({ code }) => breaks.push(code));
  const expected: string[] = [];
  const publishing = (async () => {
    for (let number = 0; number < 400; number++) {
      expected.push(`${number}`);
      await publisher.publish([{ topic: 'me/1', frames: [bytes(`${number}`)] }]);
      if (number % 100 === 50) proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const came = await collect(subscription, 400);
  await publishing;
  expect(came.map(({ frames }) => frames.map(textOf).join())).toEqual(expected);
  expect(new Set(breaks), 'each cut is told of, and none is a loss').toEqual(new Set(['DISCONNECTED']));
});

it('a subscription hears of a stream that NATS has lost: results are kept in memory', async () => {
  const publisher = await (await connection(server.url)).bindPublish('nats:source');
  const subscription = (await connection(server.url)).subscribe('nats:source', 'me/');
  await within(5_000, subscription.ready(), 'the subscription');
  await publisher.publish([{ topic: 'me/1', frames: [bytes('x')] }]);
  await collect(subscription, 1);
  await server.kill();
  await server.run();
  await within(10_000, subscription.ready(), 'the subscription, when NATS is back');
  await eventually(async () => subscription.isReady, 10_000);
  await publisher.publish([{ topic: 'me/1', frames: [bytes('after')] }]);
  const [delivery] = await collect(subscription, 1);
  expect(delivery?.frames.map(textOf)).toEqual(['after']);
});

describe('closing while NATS is killed comes to an end:', () => {
  const options = () =>
    ({ transport: nats({ servers: server.url }), dbAddress: 'nats:going', loggingLevel: 'silent' }) as const;
  /** Starts each of them. Gives what closes it. */
  const kinds: Record<string, () => Promise<() => Promise<unknown>>> = {
    'a server': async () => {
      const palm = await Server.start({ ...options(), name: 'going' });
      return () => palm.close();
    },
    'a Master': async () => {
      const master = await Master.start({ ...options(), name: 'going' });
      return () => master.close();
    },
    'a worker of a Master that goes, too': async () => {
      const master = await Master.start({ ...options(), name: 'going' });
      const worker = await Worker.start({ ...options(), name: 'w' });
      return () => Promise.all([worker.close(), master.close()]);
    },
    'a client in a call': async () => {
      const palm = await Server.start({ ...options(), name: 'going' });
      const client = await Client.connect(options());
      client.eval('going.echo', bytes('x')).catch(() => {});
      return () => Promise.all([client.close(), palm.close()]);
    },
  };
  it.each(Object.entries(kinds))(
    '%s',
    async (kind, start) => {
      for (let round = 0; round < 24; round++) {
        const close = await start();
        const killing = server.kill();
        // Before the connection breaks, as it does, and after that.
        if (round % 3 === 2) await killing;
        for (let turn = round % 8; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
        await within(10_000, close(), `closing ${kind}, round ${round}`);
        await killing;
        await server.run();
      }
    },
    120_000,
  );
});

it('an end that computes is not taken for gone', async () => {
  const binder = await connection(server.url);
  const { address } = await binder.bindReply('nats:busy', (request) => {
    // As long as six heartbeats.
    for (const end = performance.now() + 1_200; performance.now() < end; );
    return request;
  });
  const client = await connection(server.url);
  let breaks = 0;
  client.push(address).onBreak(() => breaks++);
  expect(textOf(await within(10_000, client.request(address, bytes('x')).reply, 'the reply'))).toBe('x');
  expect(breaks).toBe(0);
});

/** What an end reads by a connection, and how another one sends to it. */
interface Reading {
  batches(): AsyncIterator<readonly Bytes[]>;
  readonly settler: Settler | undefined;
  send(frames: readonly Bytes[]): Promise<void>;
  close(): Promise<void>;
}

async function pulling(by: BindingConnection, other: BindingConnection, shared?: string): Promise<Reading> {
  const pull = await by.bindPull('nats:taker', { shared });
  const pusher = other.push(pull.address);
  await pusher.ready();
  return {
    batches: () => pull[Symbol.asyncIterator](),
    settler: pull.settler,
    send: (frames) => pusher.send(frames),
    close: () => pull.close(),
  };
}

async function subscribing(by: BindingConnection, other: BindingConnection): Promise<Reading> {
  const publisher = await other.bindPublish('nats:source');
  const subscription = by.subscribe('nats:source', 'work', { shared: 'nats:taker' });
  await subscription.ready();
  return {
    async *batches() {
      for await (const batch of subscription) yield batch.flatMap(({ frames }) => frames);
    },
    settler: subscription.settler,
    send: (frames) => publisher.publish(frames.map((frame) => ({ topic: 'work', frames: [frame] }))),
    close: () => subscription.close(),
  };
}

describe('what NATS gives to a question that has ended meanwhile comes again at once,', () => {
  it.each([
    [
      'to one of those that share an address',
      (by: BindingConnection, other: BindingConnection) => pulling(by, other, 'together'),
    ],
    ['to one of those that share what is published', subscribing],
    ['to an end of its own', (by: BindingConnection, other: BindingConnection) => pulling(by, other)],
  ])('%s', async (_, begin) => {
    await using way = await startProxy(server.url);
    const taker = await nats({ servers: `nats://127.0.0.1:${way.port}`, heartbeat: 500 }).open();
    open.push(taker);
    const { batches, settler, send, close } = await begin(taker, await connection(server.url));
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of { [Symbol.asyncIterator]: batches }) {
        seen.push(...batch.map(textOf));
        settler?.settle(batch, 'done');
      }
    })();
    await send([bytes('before')]);
    await eventually(async () => seen.length === 1);
    // Those that share look for such messages once when they begin.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    way.freeze();
    const sent = Array.from({ length: 50 }, (_, i) => String(i));
    await send(sent.map(bytes));
    // Two heartbeats, after which its reader has asked again, and a moment.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    way.thaw();
    // NATS itself waits for 30 s, and 10 s for an end of its own.
    await eventually(async () => seen.length > 50, 8_000);
    await close();
    await within(5_000, reading, 'the end of reading');
    expect(seen.sort()).toEqual(['before', ...sent].sort());
  });
});

it('what NATS gave to an end that is gone comes to the next one at its address at once', async () => {
  await using way = await startProxy(server.url);
  const first = await connection(`nats://127.0.0.1:${way.port}`);
  await first.bindPull('nats:taker');
  const pusher = (await connection(server.url)).push('nats:taker');
  await pusher.ready();
  way.freeze();
  const sent = Array.from({ length: 20 }, (_, i) => String(i));
  await pusher.send(sent.map(bytes));
  way.reset();
  const next = await (await connection(server.url)).bindPull('nats:taker');
  const seen: string[] = [];
  const reading = (async () => {
    for await (const batch of { [Symbol.asyncIterator]: () => next[Symbol.asyncIterator]() })
      seen.push(...batch.map(textOf));
  })();
  // NATS itself waits for 10 s.
  await eventually(async () => seen.length >= 20, 8_000);
  await next.close();
  await within(5_000, reading, 'the end of reading');
  // What comes again may come behind what NATS gave to nobody yet.
  expect(seen.sort()).toEqual(sent.sort());
});
