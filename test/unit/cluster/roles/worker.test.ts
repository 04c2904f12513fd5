/** A Worker in one process: how it starts, what it refuses, what its functions are given, and how it closes. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import {
  Master,
  type MasterOptions,
  Server,
  Worker,
  type WorkerOptions,
} from '../../../../src/cluster/index.ts';
import { fn, json, functions as typed } from '../../../../src/functions/index.ts';
import type { Interceptor } from '../../../../src/interceptor.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import type { PalmError } from '../../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { LARGEST_OFFERS, LONGEST_WORKER_NAME, OFFERS } from '../../../../src/protocol/work-request.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { testCluster } from '../../../support/test-cluster.ts';
import { until, within } from '../../../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
const codec = new EnvelopeCodec();

async function open(options: Partial<WorkerOptions> = {}, ofMaster: Partial<MasterOptions> = {}) {
  const { transport, own, connect } = cluster();
  const quiet = { transport, loggingLevel: 'silent' } as const;
  const master = own(await Master.start({ ...quiet, name: 'm', heartbeat: 100, ...ofMaster }));
  const { dbAddress } = master;
  const work = async (more: Partial<WorkerOptions> = {}) =>
    own(await Worker.start({ ...quiet, dbAddress, ...options, ...more }));
  const worker = await work();
  const client = await connect({ dbAddress });
  const call = (name: string, text = '') => client.eval(`m.${name}`, bytes(text), { timeout: 5_000 });
  return { transport, own, master, worker, work, client, call, quiet };
}

function noting() {
  const lines: [string, unknown][] = [];
  const take = (message: string, fields: unknown) => void lines.push([message, fields]);
  return { lines, logger: { debug: take, info: take, warning: take, error: take } };
}

describe('a worker', () => {
  it('runs its functions for a Master, and names and counts them', async () => {
    const { worker, call } = await open({ functions: { upper: (own) => bytes(textOf(own).toUpperCase()) } });
    expect(worker.functionNames).toEqual(['echo', 'upper']);
    expect(textOf(await call('upper', 'x'))).toBe('X');
    await expect(call('nothing')).rejects.toMatchObject({ code: 'REMOTE' });
    expect(worker.counters).toMatchObject({ received: 2, answered: 2, failed: 1, dropped: 0, inFlight: 0 });
  });

  it('has the name that it is given, or one at random', async () => {
    const { worker, work } = await open({ functions: { who: (_payload, { name }) => bytes(name) } });
    const [one, other] = [worker.name, (await work()).name];
    for (const name of [one, other]) expect(name).toMatch(/^[\w-]{21}$/);
    expect(one).not.toBe(other);
    expect((await work({ name: 'x'.repeat(LONGEST_WORKER_NAME) })).name).toHaveLength(LONGEST_WORKER_NAME);
  });

  it('gives its functions the store of its Master', async () => {
    const { call, master } = await open({
      functions: {
        keep: async (payload, { cache }) => bytes(await cache.set(payload, 'k')),
        read: async (_payload, { cache }) => (await cache.get('k')) ?? bytes('(nothing)'),
        drop: async (_payload, { cache }) => bytes(String(await cache.delete('k'))),
      },
    });
    expect(textOf(await call('keep', 'v'))).toBe('k');
    expect(await master.cache.get('k')).toEqual(bytes('v'));
    const said: string[] = [];
    for (const name of ['read', 'drop', 'drop', 'read']) said.push(textOf(await call(name)));
    expect(said).toEqual(['v', 'true', 'false', '(nothing)']);
  });

  it('runs as many at a time as it may', async () => {
    for (const concurrency of [undefined, 2]) {
      let [running, most] = [0, 0];
      const gate = deferred<void>();
      const { worker, call } = await open({
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
      await until(() => running === (concurrency ?? 1));
      expect(worker.counters.inFlight).toBe(concurrency ?? 1);
      gate.resolve();
      await within(5_000, Promise.all(calls));
      expect(most).toBe(concurrency ?? 1);
    }
  });

  it('takes interceptors at its start and later', async () => {
    const adding =
      (mark: string): Interceptor =>
      (next) =>
      async (call) =>
        bytes(textOf((await next(call)) as Uint8Array) + mark);
    const { worker, call } = await open({ interceptors: [adding('!')] });
    expect(worker.use(adding('?'))).toBe(worker);
    expect(textOf(await call('echo', 'x'))).toBe('x?!');
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

  it('says in the log where it works, and for functions all that they say', async () => {
    const { lines, logger } = noting();
    const { master } = await open({ logger, loggingLevel: 'info' });
    expect(lines).toContainEqual(['working', { db: master.dbAddress }]);
  });

  it('tells how far a function is, which is no answer', async () => {
    const { worker, client } = await open({
      functions: {
        slow: async (payload, { progress }) => {
          progress(1, 2);
          return payload;
        },
      },
    });
    const told: unknown[] = [];
    await client.eval('m.slow', bytes('x'), { onProgress: (progress) => void told.push(progress) });
    await until(() => told.length > 0);
    expect(told).toMatchObject([{ done: 1, total: 2 }]);
    expect(worker.counters.answered).toBe(1);
  });
});

describe('what a worker says of its functions', () => {
  it('is what they take and give', async () => {
    const shape = json<number>();
    const { client } = await open({ functions: typed({ f: fn({ input: shape, output: shape }, (n) => n) }) });
    const said = await client.get('frond_functions');
    expect(JSON.parse(textOf(said ?? bytes('')))).toContainEqual(
      expect.objectContaining({ name: 'f', kind: 'one', input: { codec: 'JSON' } }),
    );
  });

  it('is without schemas where those are more than a Master takes', async () => {
    const schema = (length: number) => ({
      '~standard': {
        version: 1 as const,
        vendor: 'own',
        validate: (value: unknown) => ({ value }),
        jsonSchema: { input: () => ({ title: 'x'.repeat(length) }), output: () => ({}) },
      },
    });
    for (const [length, isWhole] of [
      [10, true],
      [LARGEST_OFFERS, false],
    ] as const) {
      const shape = schema(length);
      const { client } = await open({
        functions: typed({ f: fn({ input: shape, output: shape }, (n) => n) }),
      });
      const said = JSON.parse(textOf((await client.get('frond_functions')) ?? bytes(''))) as {
        name: string;
      }[];
      const own = said.find(({ name }) => name === 'f') as { input?: { schema?: unknown } } | undefined;
      expect(own?.input?.schema !== undefined).toBe(isWhole);
      expect(own?.input).toMatchObject({ codec: 'JSON' });
    }
  });

  it('that the Master does not take is told in the log, and the worker works', async () => {
    const { transport, own, connect } = cluster();
    const master = own(await Master.start({ transport, name: 'm', loggingLevel: 'silent' }));
    const older = {
      ...transport,
      name: transport.name,
      checkAddress: (address: string) => transport.checkAddress(address),
      open: async () => {
        const connection = await transport.open();
        const request = connection.request.bind(connection);
        connection.request = (address: string, frame: Bytes) => {
          const message = codec.decode(frame.slice());
          if (message.function !== OFFERS) return request(address, frame);
          return request(address, codec.encode({ ...message, function: '_.older' }).slice());
        };
        return connection;
      },
    };
    const { lines, logger } = noting();
    const { dbAddress } = master;
    own(await Worker.start({ transport: older, dbAddress, logger, loggingLevel: 'info' }));
    await until(() =>
      lines.some(([text]) => text === 'the Master does not tell callers what the functions take'),
    );
    const client = await connect({ dbAddress });
    expect(await client.eval('m.echo', bytes('x'))).toEqual(bytes('x'));
  });
});

describe('a worker that cannot be started', () => {
  const INVALID = expect.objectContaining({ code: 'INVALID_CALL' });

  it.each([
    ['a name with a dot', { name: 'a.b' }],
    ['a name that is too long', { name: 'x'.repeat(LONGEST_WORKER_NAME + 1) }],
    ['an address that the transport does not take', { pushAddress: 'tcp://127.0.0.1:1' }],
    ['another such address', { pullAddress: 'nowhere' }],
    ['its Master at one', { dbAddress: 'nowhere' }],
    ['no concurrency', { concurrency: 0 }],
    ['no time', { timeout: -1 }],
    ['a function that no call can name', { functions: { 'a b': () => bytes('') } }],
    ['something else than interceptors', { interceptors: [5 as never] }],
  ])('for %s is refused, and closes what it opened', async (_what, options) => {
    const transport = memory();
    const opened: { readonly closed: Promise<unknown> }[] = [];
    const { open: openReal } = transport;
    const noted = {
      ...transport,
      name: transport.name,
      checkAddress: (address: string) => transport.checkAddress(address),
      open: async () => {
        const connection = await openReal.call(transport);
        opened.push(connection);
        return connection;
      },
    };
    const whole = { transport: noted, dbAddress: 'memory://m', loggingLevel: 'silent' } as const;
    await expect(Worker.start({ ...whole, ...options })).rejects.toEqual(INVALID);
    await within(5_000, Promise.all(opened.map(({ closed }) => closed)));
  });

  it('says how long a name may be', async () => {
    const whole = { transport: memory(), dbAddress: 'memory://m', name: 'x'.repeat(LONGEST_WORKER_NAME + 1) };
    await expect(Worker.start(whole)).rejects.toThrow('name must have no more than 128 characters, not 129');
  });

  it('is refused at a server that has no workers', async () => {
    const { transport, own } = cluster();
    const { dbAddress } = own(await Server.start({ transport, name: 's', loggingLevel: 'silent' }));
    await expect(Worker.start({ transport, dbAddress, loggingLevel: 'silent' })).rejects.toMatchObject({
      code: 'WRONG_SERVER',
    });
  });

  it('gives up after its time when there is no Master', async () => {
    const before = performance.now();
    const starting = Worker.start({
      transport: memory(),
      dbAddress: 'memory://m',
      timeout: 50,
      loggingLevel: 'silent',
    });
    await expect(within(5_000, starting)).rejects.toMatchObject({
      code: 'TIMEOUT',
      sent: 'unknown',
      message: 'no Master at memory://m within 50 ms; is it up, and is this its db_address?',
    });
    expect(performance.now() - before).toBeGreaterThanOrEqual(45);
  });
});

describe('a worker that closes', () => {
  it('finishes what it has begun, and leaves what it has not to others', async () => {
    const gate = deferred<void>();
    const begun = deferred<AbortSignal>();
    const { worker, work, master, call } = await open({
      functions: {
        wait: async (payload, { signal, name }) => {
          begun.resolve(signal);
          await gate.promise;
          return bytes(`${textOf(payload)} ${name === 'other' ? 'other' : 'first'}`);
        },
      },
    });
    const calls = ['1', '2'].map((text) => call('wait', text));
    const signal = await begun.promise;
    const closing = worker.close();
    expect(worker.close()).toBe(closing);
    expect(signal.reason).toMatchObject({ code: 'CLOSED', message: `worker "${worker.name}" is closing` });
    gate.resolve();
    await within(5_000, closing);
    expect(await worker.closed).toBeUndefined();
    expect(textOf(await within(5_000, calls[0] as Promise<Uint8Array>))).toBe('1 first');
    const other = await work({ name: 'other' });
    expect(textOf(await within(5_000, calls[1] as Promise<Uint8Array>))).toBe('2 other');
    expect(other.counters).toMatchObject({ received: 1, answered: 1 });
    expect(master.counters).toMatchObject({ received: 2, answered: 2, failed: 0 });
  });

  it('gives up what takes longer, and another gets it at once', async () => {
    let runs = 0;
    const { worker, work, call } = await open(
      {
        functions: {
          wait: (payload) => {
            if (++runs > 1) return payload;
            return new Promise(() => {});
          },
        },
      },
      { heartbeat: 60_000, workerTimeout: 600_000 },
    );
    const calling = call('wait', 'x');
    await until(() => worker.counters.inFlight === 1);
    await within(5_000, worker.close({ timeout: 20 }));
    await work();
    expect(textOf(await within(5_000, calling))).toBe('x');
    expect(runs).toBe(2);
  });

  it('is closed by `await using`', async () => {
    const { quiet, master } = await open();
    const { dbAddress } = master;
    const worker = await Worker.start({ ...quiet, dbAddress });
    await worker[Symbol.asyncDispose]();
    expect(await worker.closed).toBeUndefined();
  });
});

describe('work that is pushed', () => {
  it('is done in the same way, and results that cannot be sent are told', async () => {
    const { transport, own } = cluster();
    const peer = own(await transport.open());
    const [push, pull] = [await peer.bindPush('memory://*'), await peer.bindPull('memory://*')];
    const { lines, logger } = noting();
    const worker = own(
      await Worker.start({
        transport,
        dbAddress: 'memory://nowhere',
        pushAddress: push.address,
        pullAddress: pull.address,
        logger,
        loggingLevel: 'info',
      }),
    );
    const message = palmMessage({ client: 'c/1', function: 'any.echo', payload: bytes('x') });
    await push.send([codec.encode(message)]);
    const results: PalmMessage[] = [];
    const { value = [] } = await within(5_000, pull[Symbol.asyncIterator]().next());
    for (const frame of value) results.push(codec.decode(frame));
    expect(results).toMatchObject([{ client: 'c/1', payload: bytes('x'), status: Status.ok }]);
    expect(worker.counters).toMatchObject({ received: 1, answered: 1, dropped: 0 });
    expect(lines).toContainEqual(['working', { db: 'memory://nowhere' }]);
  });
});
