/** Clients that find by themselves where their answers come from. */
import { describe, expect, it } from 'vitest';
import { CacheLink } from '../../src/cache-link.ts';
import { Hub, Master, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import { Client, type ConnectOptions, text } from '../../src/index.ts';
import { encodeUtf8 } from '../../src/protocol/bytes.ts';
import { Feature, palmMessage, Status } from '../../src/protocol/message.ts';
import { END_KEY, NEXT } from '../../src/protocol/pipeline-end.ts';
import { memory } from '../../transports/memory/index.ts';
import { websocket } from '../../transports/websocket/node.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { startRelay, TOKEN } from '../support/relay.ts';
import { eventually } from '../support/wait.ts';

const quiet = { loggingLevel: 'silent' } as const;
const add = (mark: string) => ({ add: (payload: Uint8Array) => bytes(textOf(payload) + mark) });

describe.each([
  ['memory', memory],
  ['zmtp', zmtp],
] as const)('over %s', (_name, transportOf) => {
  const own = () => ({ transport: transportOf(), ...quiet });
  const connect = async (options: ConnectOptions) => (await Client.connect(options)).with(text());

  /** Resolves once the server says that its pipeline ends at `server`. */
  const endsAt = async (options: ConnectOptions, server: string) => {
    await using client = await connect(options);
    await eventually(async () => (await client.get(END_KEY))?.startsWith(`${server} `) === true, 15_000);
  };

  it('a client of the first of three servers hears the last', async () => {
    const common = own();
    await using first = await Server.start({
      ...common,
      name: 'first',
      functions: add('1'),
      pipelined: true,
    });
    const behind = (name: string, previous: string, previousDbAddress: string) =>
      ({ ...common, name, previous, previousDbAddress, functions: add(name) }) as const;
    await using second = await Pipeline.start({
      ...behind('second', 'first', first.dbAddress),
      toClient: false,
    });
    await using third = await Pipeline.start(behind('third', 'second', second.dbAddress));
    await Promise.all([second.ready(), third.ready()]);
    await endsAt({ ...common, dbAddress: first.dbAddress }, 'third');
    await using client = await connect({ ...common, dbAddress: first.dbAddress });
    expect(await client.eval(['first.add', 'second.add', 'third.add'], '0')).toBe('01secondthird');
    const status = JSON.parse((await client.get('frond_status')) ?? '');
    expect(status.next).toEqual(['second']);
    await third.close();
    await eventually(async () => (await client.get(END_KEY)) === '?');
  });

  it('a client that came before the last server finds it', async () => {
    const common = own();
    await using first = await Server.start({
      ...common,
      name: 'first',
      functions: add('1'),
      pipelined: true,
    });
    await using client = await connect({ ...common, dbAddress: first.dbAddress });
    await using last = await Pipeline.start({
      ...common,
      name: 'last',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      functions: add('2'),
    });
    await last.ready();
    // Until it has found the last server, it hears nothing.
    const call = () => client.eval(['first.add', 'last.add'], '0', { timeout: 250 }).catch(() => undefined);
    await eventually(async () => (await call()) === '012', 15_000);
  });

  it('a client follows the last server to other addresses', async () => {
    const common = own();
    await using first = await Server.start({
      ...common,
      name: 'first',
      functions: add('1'),
      pipelined: true,
    });
    const behind = {
      ...common,
      name: 'last',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      functions: add('2'),
    };
    const before = await Pipeline.start(behind);
    await before.ready();
    await endsAt({ ...common, dbAddress: first.dbAddress }, 'last');
    await using client = await connect({ ...common, dbAddress: first.dbAddress });
    expect(await client.eval(['first.add', 'last.add'], '0')).toBe('012');
    await before.close();
    await using last = await Pipeline.start(behind);
    await last.ready();
    const call = () => client.eval(['first.add', 'last.add'], '0', { timeout: 500 }).catch(() => undefined);
    await eventually(async () => (await call()) === '012', 15_000);
  });
});

describe('where a pipeline ends', () => {
  const common = { transport: memory(), ...quiet };

  it('is one place behind branches that come together, and behind a Master and a Hub', async () => {
    await using first = await Master.start({ ...common, name: 'tee', pipelined: true });
    await using _worker = await Worker.start({ ...common, dbAddress: first.dbAddress, functions: add('1') });
    const behind = { ...common, previous: 'tee', previousDbAddress: first.dbAddress };
    await using even = await Pipeline.start({
      ...behind,
      name: 'even',
      functions: add('2'),
      toClient: false,
    });
    await using odd = await Hub.start({ ...behind, name: 'odd', pipelined: true });
    await using _other = await Worker.start({ ...common, dbAddress: odd.dbAddress, functions: add('3') });
    await using sink = await Sink.start({
      ...common,
      name: 'sink',
      previous: ['even', 'odd'],
      previousDbAddresses: [even.dbAddress, odd.dbAddress],
      functions: add('4'),
    });
    await Promise.all([even.ready(), odd.ready(), sink.ready()]);
    await using client = (await Client.connect({ ...common, dbAddress: first.dbAddress })).with(text());
    await eventually(async () => (await client.get(END_KEY)) === `sink ${sink.pubAddress}`);
  });

  it('is not known where there are several', async () => {
    await using first = await Server.start({ ...common, name: 'fork', pipelined: true });
    const behind = { ...common, previous: 'fork', previousDbAddress: first.dbAddress };
    await using one = await Pipeline.start({ ...behind, name: 'one' });
    await using client = (await Client.connect({ ...common, dbAddress: first.dbAddress })).with(text());
    await eventually(async () => (await client.get(END_KEY)) === `one ${one.pubAddress}`);
    await using _two = await Pipeline.start({ ...behind, name: 'two' });
    await eventually(async () => (await client.get(END_KEY)) === '?');
  });

  it('is the server itself where it answers', async () => {
    await using server = await Server.start({ ...common, name: 'alone' });
    await using client = (await Client.connect({ ...common, dbAddress: server.dbAddress })).with(text());
    expect(await client.get(END_KEY)).toBe(`alone ${server.pubAddress}`);
    await expect(client.set('x', END_KEY)).rejects.toMatchObject({ code: 'INVALID_CALL' });
  });

  it.each([
    ['a name that is not one', 'a b', '?'],
    ['an end without an address', 'next', 'last'],
    ['an end that is too long', 'next', `last ${'x'.repeat(2_000)}`],
  ])('is not changed by a request with %s', async (_what, cache, end) => {
    await using server = await Server.start({ ...common, name: 'server', pipelined: true });
    await using connection = await common.transport.open();
    await connection.identify();
    const { dbAddress } = server;
    const link = new CacheLink({ connection, dbAddress, session: undefined, tap: undefined });
    const request = { function: NEXT, cache, payload: encodeUtf8(end), features: Feature.replies };
    const reply = link.codec.decode(await link.ask(palmMessage(request)).reply);
    expect(reply.status).not.toBe(Status.ok);
    expect(textOf((await link.read(END_KEY)).value)).toBe('?');
  });
});

describe('behind a relay', () => {
  const common = { transport: memory(), ...quiet };

  async function pipeline() {
    const first = await Server.start({ ...common, name: 'first', functions: add('1'), pipelined: true });
    const last = await Pipeline.start({
      ...common,
      name: 'last',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      functions: add('2'),
    });
    await last.ready();
    await using client = (await Client.connect({ ...common, dbAddress: first.dbAddress })).with(text());
    await eventually(async () => (await client.get(END_KEY)) !== '?');
    return {
      servers: { first: { dbAddress: first.dbAddress }, last: { dbAddress: last.dbAddress } },
      [Symbol.asyncDispose]: async () => {
        await first.close();
        await last.close();
      },
    };
  }

  it('a client hears the last server without its name', async () => {
    await using cluster = await pipeline();
    const relay = await startRelay({ transport: common.transport, servers: cluster.servers });
    const transport = websocket(relay.url, { token: TOKEN });
    const client = (await Client.connect({ transport, serverName: 'first' })).with(text());
    expect(await client.eval(['first.add', 'last.add'], '0')).toBe('012');
    // No address of the cluster gets out.
    expect(await client.get(END_KEY)).toBe('last last');
    await client.close();
    await relay.close();
  });

  it('a client that may not use the last server does not learn of it', async () => {
    await using cluster = await pipeline();
    const relay = await startRelay({
      transport: common.transport,
      servers: cluster.servers,
      anonymous: { servers: ['first'], functions: ['*'] },
    });
    const transport = websocket(relay.url);
    const client = (await Client.connect({ transport, serverName: 'first', ...quiet })).with(text());
    expect(await client.get(END_KEY)).toBe('?');
    await client.close();
    await relay.close();
  });
});
