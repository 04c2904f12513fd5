/** A Server in one process: its addresses, what it refuses, and how it closes. */
import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { type FunctionContext, Server, type ServerOptions } from '../../../../src/cluster/index.ts';
import type { Interceptor } from '../../../../src/interceptor.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../src/protocol/message.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { testCluster } from '../../../support/test-cluster.ts';
import { until, within } from '../../../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function open(options: Partial<ServerOptions> = {}) {
  const { transport, own, connect } = cluster();
  const server = own(await Server.start({ transport, name: 'server', loggingLevel: 'silent', ...options }));
  const call = async (name: string, text = '') => {
    const client = await connect({ dbAddress: server.dbAddress });
    return textOf(await client.eval(`server.${name}`, bytes(text), { timeout: 5_000 }));
  };
  return { server, transport, own, connect, call };
}

const INVALID = expect.objectContaining({ code: 'INVALID_CALL' });

describe('a server', () => {
  it('chooses its addresses, tells them to clients, and logs them', async () => {
    const info = vi.fn();
    const logger = { debug: vi.fn(), info, warning: vi.fn(), error: vi.fn() };
    const { server, connect } = await open({ logger, loggingLevel: 'info' });
    const { dbAddress, pullAddress, pubAddress } = server;
    expect(new Set([dbAddress, pullAddress, pubAddress]).size).toBe(3);
    const client = await connect({ dbAddress });
    const said = async (key: string) => textOf((await client.get(key)) ?? bytes(''));
    expect([await said('name'), await said('db_address')]).toEqual(['server', dbAddress]);
    expect([await said('pull_address'), await said('pub_address')]).toEqual([pullAddress, pubAddress]);
    const addresses = { db_address: dbAddress, pull_address: pullAddress, pub_address: pubAddress };
    expect(info.mock.calls).toContainEqual(['serving', addresses]);
  });

  it('tells its status', async () => {
    const handleStream: ServerOptions['handleStream'] = (message) => ({ topic: message.client, message });
    for (const [options, pipelined] of [
      [{}, false],
      [{ pipelined: true }, true],
      [{ handleStream }, undefined],
    ] as const) {
      const { server, connect } = await open(options);
      const client = await connect({ dbAddress: server.dbAddress });
      const status = JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}')));
      expect(status).toMatchObject({
        role: 'Server',
        name: 'server',
        functions: ['echo'],
        counters: server.counters,
      });
      expect(status.pipelined).toBe(pipelined);
    }
  });

  it('fails a call whose function gives nothing', async () => {
    const { call } = await open({ functions: { nothing: () => undefined } });
    await expect(call('nothing')).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'NoResult' });
  });

  it('runs its functions, and names them', async () => {
    const { server, call } = await open({ functions: { upper: (own) => bytes(textOf(own).toUpperCase()) } });
    expect([server.name, server.functionNames]).toEqual(['server', ['echo', 'upper']]);
    expect([await call('upper', 'x'), await call('echo', 'y')]).toEqual(['X', 'y']);
    expect(server.counters).toMatchObject({ received: 2, answered: 2, failed: 0, inFlight: 0 });
  });

  it('shares its cache with clients, and functions get copies', async () => {
    const { server, connect } = await open();
    const client = await connect({ dbAddress: server.dbAddress });
    await client.set(bytes('v'), 'k');
    const value = await server.cache.get('k');
    value?.fill(0);
    expect(await server.cache.get('k')).toEqual(bytes('v'));
  });

  it('tells the stack of a failure only where that is wanted', async () => {
    const functions = {
      boom: () => {
        throw new Error('no');
      },
    };
    for (const includeStack of [undefined, false, true]) {
      const { call } = await open({ functions, includeStack });
      const error = (await call('boom').catch((one: unknown) => one)) as PalmError;
      expect(error.message.includes(' at ')).toBe(includeStack === true);
    }
  });

  it('runs as many functions at a time as it may', async () => {
    for (const concurrency of [undefined, 1, 2]) {
      let running = 0;
      let most = 0;
      const gate = deferred<void>();
      const { server, call } = await open({
        ...(concurrency !== undefined && { concurrency }),
        functions: {
          wait: async (payload) => {
            most = Math.max(most, ++running);
            await gate.promise;
            running--;
            return payload;
          },
        },
      });
      const calls = ['1', '2', '3'].map((text) => call('wait', text));
      await until(() => running === (concurrency ?? 1) && server.counters.inFlight === (concurrency ?? 1));
      gate.resolve();
      expect(await within(5_000, Promise.all(calls))).toEqual(['1', '2', '3']);
      expect(most).toBe(concurrency ?? 1);
    }
  });

  it('takes interceptors at its start and later', async () => {
    const adding =
      (mark: string): Interceptor =>
      (next) =>
      async (call) =>
        bytes(textOf((await next(call)) as Uint8Array) + mark);
    const { server, call } = await open({ interceptors: [adding('!')] });
    expect(await call('echo', 'x')).toBe('x!');
    expect(server.use(adding('?'))).toBe(server);
    expect(await call('echo', 'x')).toBe('x?!');
  });
});

describe('a server that cannot be started', () => {
  it.each([
    ['a name with a dot', { name: 'a.b' }],
    ['an address that the transport does not take', { pullAddress: 'tcp://127.0.0.1:1' }],
    ['a cache at such an address', { dbAddress: 'nowhere' }],
    ['no concurrency', { concurrency: 0 }],
    ['no room', { maxWaiting: -1 }],
    ['a function that no call can name', { functions: { 'a b': () => bytes('') } }],
    ['something else than interceptors', { interceptors: [5 as never] }],
  ])('for %s is refused, and leaves nothing', async (_what, options) => {
    const transport = memory();
    const dbAddress = 'memory://db';
    const whole = {
      transport,
      name: 'server',
      loggingLevel: 'silent',
      dbAddress,
      pubAddress: 'memory://pub',
    } as const;
    await expect(Server.start({ ...whole, ...options })).rejects.toEqual(INVALID);
    // Its addresses are free again.
    await (await Server.start(whole)).close();
  });

  it('needs addresses where the transport chooses none', async () => {
    const { freeAddress: _, ...transport } = memory();
    const whole = { transport, name: 'server', loggingLevel: 'silent' } as const;
    for (const [options, missing] of [
      [{}, 'dbAddress'],
      [{ dbAddress: 'memory://db', pubAddress: 'memory://pub' }, 'pullAddress'],
    ] as const) {
      await expect(Server.start({ ...whole, ...options } as never)).rejects.toThrow(
        `${missing} must be given: the transport memory does not choose addresses`,
      );
    }
  });
});

describe('a server that closes', () => {
  it('finishes what it has, and sends its results', async () => {
    const gate = deferred<void>();
    const begun = deferred<AbortSignal>();
    const { server, call } = await open({
      functions: {
        wait: async (payload, { signal }: FunctionContext) => {
          begun.resolve(signal);
          await gate.promise;
          return payload;
        },
      },
    });
    const calling = call('wait', 'x');
    const signal = await begun.promise;
    expect(signal.aborted).toBe(false);
    const closing = server.close();
    expect(server.close()).toBe(closing);
    expect(signal.reason).toMatchObject({ code: 'CLOSED', message: '"server" is closing' });
    gate.resolve();
    expect(await within(5_000, calling)).toBe('x');
    await closing;
    expect(await server.closed).toBeUndefined();
  });

  it('gives up a function that never ends, after the time', async () => {
    const begun = deferred<void>();
    const { server, call } = await open({
      functions: {
        forever: () => {
          begun.resolve();
          return new Promise(() => {});
        },
      },
    });
    const calling = call('forever').catch((error: unknown) => error);
    await begun.promise;
    const before = performance.now();
    await within(5_000, server.close({ timeout: 50 }));
    expect(performance.now() - before).toBeGreaterThanOrEqual(45);
    expect(await within(10_000, calling)).toBeInstanceOf(PalmError);
  });

  it('is closed by `await using`, and frees its addresses', async () => {
    const transport = memory();
    const whole = { transport, name: 'server', loggingLevel: 'silent', dbAddress: 'memory://db' } as const;
    {
      await using server = await Server.start(whole);
      expect(server.dbAddress).toBe('memory://db');
    }
    await (await Server.start(whole)).close();
  });
});

describe('results', () => {
  it('go to the next server, or where handleStream says', async () => {
    const seen = async (topic: string, options: Partial<ServerOptions>) => {
      const { server, transport, own } = await open(options);
      const connection = own(await transport.open());
      const all = connection.subscribe(server.pubAddress, topic);
      await all.ready();
      const pusher = connection.push(server.pullAddress);
      await pusher.ready();
      const codec = new EnvelopeCodec();
      await pusher.send([
        codec.encode(palmMessage({ client: 'c/1', function: 'server.echo', payload: bytes('x') })),
      ]);
      const { value } = await within(5_000, all[Symbol.asyncIterator]().next());
      return value?.map(({ topic, frames }) => [topic, frames.map((frame) => codec.decode(frame).stage)]);
    };
    expect(await seen('c/1', {})).toEqual([['c/1', [0]]]);
    expect(await seen('server', { pipelined: true })).toEqual([['server', [1]]]);
    const handleStream: ServerOptions['handleStream'] = (message) => ({ topic: 'own', message });
    expect(await seen('own', { handleStream, pipelined: true })).toEqual([['own', [0]]]);
  });
});
