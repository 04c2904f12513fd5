/** A Pipeline and a Sink in one process: what they read, where their results go, what they refuse. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import {
  Pipeline,
  type PipelineOptions,
  Server,
  Sink,
  type SinkOptions,
} from '../../../../src/cluster/index.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { testCluster } from '../../../support/test-cluster.ts';
import { until, within } from '../../../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
const INVALID = expect.objectContaining({ code: 'INVALID_CALL' });
const marking = (mark: string) => (payload: Uint8Array) => bytes(textOf(payload) + mark);

async function first() {
  const own = cluster();
  const quiet = { transport: own.transport, loggingLevel: 'silent' } as const;
  const serve = async (name: string) => own.own(await Server.start({ ...quiet, name, pipelined: true }));
  const server = await serve('first');
  const pipe = async (options: Partial<PipelineOptions> = {}) => {
    const pipeline = own.own(
      await Pipeline.start({
        ...quiet,
        name: 'p',
        previous: 'first',
        previousDbAddress: server.dbAddress,
        ...options,
      }),
    );
    await within(5_000, pipeline.ready());
    return pipeline;
  };
  const { dbAddress } = server;
  const call = async (...path: string[]) => {
    const client = await own.connect({ dbAddress });
    return client.eval(path, bytes('x'), { timeout: 5_000 });
  };
  return { ...own, quiet, serve, server, pipe, call };
}

describe('a pipeline', () => {
  it('runs its functions on what the server before it publishes, and answers', async () => {
    const { pipe, call, server } = await first();
    const pipeline = await pipe({ functions: { mark: marking('!') } });
    expect([pipeline.name, pipeline.functionNames]).toEqual(['p', ['echo', 'mark']]);
    expect([pipeline.subAddress, pipeline.missing]).toEqual([server.pubAddress, []]);
    expect(textOf(await call('first.echo', 'p.mark'))).toBe('x!');
    expect(pipeline.counters).toMatchObject({ received: 1, answered: 1, ended: 0 });
  });

  it('reads where it is told, too, and tells that in its cache', async () => {
    const { pipe, server, connect } = await first();
    const pipeline = await pipe({ subAddress: server.pubAddress, previousDbAddress: undefined });
    const client = await connect({ dbAddress: pipeline.dbAddress });
    expect(textOf((await client.get('sub_address')) ?? bytes(''))).toBe(server.pubAddress);
    expect(textOf((await client.get('pub_address')) ?? bytes(''))).toBe(pipeline.pubAddress);
    const status = JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}')));
    expect(status).toMatchObject({
      role: 'Pipeline',
      previous: ['first'],
      pipelined: false,
      functions: ['echo'],
    });
    // The server before it has not heard of it, so its client is told where the answers are.
    const caller = await connect({ dbAddress: server.dbAddress, subAddress: pipeline.pubAddress });
    expect(await caller.eval(['first.echo', 'p.echo'], bytes('x'), { timeout: 5_000 })).toEqual(bytes('x'));
  });

  it('does not know where the server before it publishes until it has heard of that', async () => {
    const { quiet, own, connect } = await first();
    const previousDbAddress = 'memory://nobody';
    const pipeline = own(await Pipeline.start({ ...quiet, name: 'p', previous: 'first', previousDbAddress }));
    const client = await connect({ dbAddress: pipeline.dbAddress });
    expect([pipeline.subAddress, await client.get('sub_address')]).toEqual([undefined, bytes('')]);
  });

  it('feeds the next server when it does not answer', async () => {
    const { pipe, call, connect } = await first();
    const second = await pipe({ toClient: false, functions: { mark: marking('2') } });
    const status = async () =>
      JSON.parse(
        textOf((await (await connect({ dbAddress: second.dbAddress })).get('frond_status')) ?? bytes('{}')),
      );
    expect(await status()).toMatchObject({ pipelined: true });
    await pipe({
      name: 'q',
      previous: 'p',
      previousDbAddress: second.dbAddress,
      functions: { mark: marking('3') },
    });
    expect(textOf(await call('first.echo', 'p.mark', 'q.mark'))).toBe('x23');
  });

  it('may end a message, and counts it', async () => {
    const { pipe, connect, server } = await first();
    const pipeline = await pipe({ functions: { nothing: () => undefined } });
    const client = await connect({ dbAddress: server.dbAddress });
    const abort = new AbortController();
    const calling = client
      .eval(['first.echo', 'p.nothing'], bytes('x'), { signal: abort.signal })
      .catch(() => {});
    await until(() => pipeline.counters.ended === 1);
    abort.abort();
    await calling;
    expect(pipeline.counters).toMatchObject({ received: 1, answered: 0, failed: 0 });
  });

  it('takes interceptors, and sends results where handleStream says', async () => {
    const { pipe, call, connect } = await first();
    const pipeline = await pipe({
      interceptors: [(next) => async (own) => bytes(`${textOf((await next(own)) as Uint8Array)}!`)],
      handleStream: (message) => ({ topic: message.client, message }),
      toClient: false,
    });
    expect(textOf(await call('first.echo', 'p.echo'))).toBe('x!');
    const client = await connect({ dbAddress: pipeline.dbAddress });
    expect(JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}')))).not.toHaveProperty(
      'pipelined',
    );
  });

  it('finishes what it has when it closes, and is read from no more', async () => {
    const { pipe, call } = await first();
    const gate = deferred<void>();
    const pipeline = await pipe({
      concurrency: 2,
      functions: {
        wait: async (payload) => {
          await gate.promise;
          return payload;
        },
      },
    });
    const calls = [call('first.echo', 'p.wait'), call('first.echo', 'p.wait')];
    await until(() => pipeline.counters.inFlight === 2);
    const closing = pipeline.close();
    gate.resolve();
    expect((await within(5_000, Promise.all(calls))).map(textOf)).toEqual(['x', 'x']);
    await closing;
    await expect(pipeline.ready()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('gives up a function that never ends, after the time', async () => {
    const { pipe, call } = await first();
    const pipeline = await pipe({ functions: { forever: () => new Promise(() => {}) } });
    const calling = call('first.echo', 'p.forever').catch((error: unknown) => error);
    await until(() => pipeline.counters.inFlight === 1);
    const before = performance.now();
    await within(5_000, pipeline.close({ timeout: 30 }));
    expect(performance.now() - before).toBeGreaterThanOrEqual(25);
    await within(10_000, calling);
  });

  it.each([
    ['without a previous server', { previous: '' }],
    ['with something else for its name', { previous: 5 as never }],
    ['without an address of it', { previousDbAddress: undefined }],
    ['with an address that the transport does not take', { subAddress: 'nowhere' }],
    ['without concurrency', { concurrency: 0 }],
  ])('%s is refused', async (_what, options) => {
    await expect((await first()).pipe(options)).rejects.toEqual(INVALID);
  });
});

describe('a sink', () => {
  async function two() {
    const own = await first();
    const servers = [own.server, await own.serve('other')];
    const sink = async (options: Partial<SinkOptions> = {}) => {
      const one = own.own(
        await Sink.start({
          ...own.quiet,
          name: 'sink',
          previous: ['first', 'other'],
          previousDbAddresses: servers.map(({ dbAddress }) => dbAddress),
          functions: { mark: marking('!') },
          ...options,
        }),
      );
      await within(5_000, one.ready());
      return one;
    };
    return { ...own, servers, sink };
  }

  it('runs its functions on what all servers before it publish', async () => {
    const { sink, servers, connect } = await two();
    const own = await sink();
    expect(own.subAddresses).toEqual(servers.map(({ pubAddress }) => pubAddress));
    for (const { name, dbAddress } of servers) {
      const client = await connect({ dbAddress });
      const path = [`${name}.echo`, 'sink.mark'];
      expect(textOf(await client.eval(path, bytes('x'), { timeout: 5_000 }))).toBe('x!');
    }
    expect(own.counters).toMatchObject({ received: 2, answered: 2 });
    const client = await connect({ dbAddress: own.dbAddress });
    expect(textOf((await client.get('sub_address_1')) ?? bytes(''))).toBe(servers[1]?.pubAddress);
    expect(textOf((await client.get('pub_address')) ?? bytes(''))).toBe(own.pubAddress);
    expect(JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}')))).toMatchObject({
      role: 'Sink',
      previous: ['first', 'other'],
    });
  });

  it('reads where it is told, too', async () => {
    const { sink, servers } = await two();
    const subAddresses = servers.map(({ pubAddress }) => pubAddress);
    const own = await sink({ subAddresses, previousDbAddresses: undefined });
    expect(own.subAddresses).toEqual(subAddresses);
  });

  const lists =
    'previous must be a list of names, and subAddresses or previousDbAddresses a list with an address for each of them';

  it.each([
    ['no addresses', { previousDbAddresses: undefined }, lists],
    ['an address too few', { previousDbAddresses: ['memory://a'] }, lists],
    ['an address too many beside others', { subAddresses: ['a', 'b', 'c'] }, lists],
    ['addresses that are no list', { previousDbAddresses: 'memory://a' }, lists],
    ['names that are no list', { previous: 'ab' }, lists],
    [
      'no previous server',
      { previous: [], previousDbAddresses: [] },
      'a sink needs at least one previous server',
    ],
    ['an empty name', { previous: ['first', ''] }, 'previous must be the name of the previous server'],
  ])('with %s is refused', async (_what, options, message) => {
    const { sink } = await two();
    const error = await sink(options as never).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'INVALID_CALL', message: expect.stringContaining(message) });
  });
});
