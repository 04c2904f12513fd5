/** A Worker in one process: how it starts, what it refuses, what its functions are given, and how it closes. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import {
  Master,
  type MasterOptions,
  Server,
  Worker,
  type WorkerOptions,
} from '../../../../src/cluster/index.ts';
import type { FunctionContext } from '../../../../src/cluster/runtime/functions.ts';
import { fn, json, functions as typed } from '../../../../src/functions/index.ts';
import { Client } from '../../../../src/index.ts';
import type { Interceptor } from '../../../../src/interceptor.ts';
import { metricsText } from '../../../../src/metrics.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import {
  LARGEST_OFFERS,
  LONGEST_WORKER_NAME,
  OFFERS,
  readWorkRequest,
  WORK,
} from '../../../../src/protocol/work-request.ts';
import type { CloseOptions, Transport } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { held, leftovers } from '../../../support/leftovers.ts';
import { testCluster } from '../../../support/test-cluster.ts';
import { until, within } from '../../../support/wait.ts';

const cluster = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
const codec = new EnvelopeCodec();

afterEach(() => {
  vi.restoreAllMocks();
});

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

/** What a test does with what a worker asks for and sends. */
interface Meddling {
  /** In place of a request; undefined lets it through. */
  request?(message: PalmMessage): Promise<Bytes> | undefined;
  /** In place of a push; undefined lets it through. */
  push?(): Promise<void> | undefined;
  /** Resolves when the connection has ended, in place of when it does. */
  closed?: Promise<PalmError | undefined>;
}

/** A transport whose connections a test meddles with. */
function meddled(transport: Transport, meddling: Meddling) {
  const closings: (CloseOptions | undefined)[] = [];
  const own: Transport = {
    name: transport.name,
    checkAddress: (address) => transport.checkAddress(address),
    open: async () => {
      const connection = await transport.open();
      const { request, push, close } = connection;
      connection.request = (address, frame) => {
        const reply = meddling.request?.(codec.decode(frame.slice()));
        if (reply === undefined) return request.call(connection, address, frame);
        const given = deferred<Bytes>();
        reply.then(given.resolve, given.reject);
        return { reply: given.promise, cancel: given.reject };
      };
      connection.push = (address) => {
        const pusher = push.call(connection, address);
        const send = pusher.send.bind(pusher);
        pusher.send = (frames) => meddling.push?.() ?? send(frames);
        return pusher;
      };
      connection.close = (options) => {
        closings.push(options);
        return close.call(connection, options);
      };
      if (meddling.closed !== undefined)
        Object.defineProperty(connection, 'closed', { value: meddling.closed });
      return connection;
    },
  };
  return { transport: own, closings };
}

/** Bytes of the results that a worker has sent. */
function sentBytes(worker: Worker): number {
  const metric = worker.metrics().find(({ name }) => name === 'frond_sent_bytes_total');
  return Number(metric?.samples[0]?.value);
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

  it('is measured under its name, and says what it lacks', async () => {
    const { worker, call, master } = await open({ name: 'w' });
    await call('echo', 'x');
    const metrics = () => metricsText(worker.metrics());
    const own = 'role="worker",name="w"';
    expect(worker.missing).toEqual([]);
    for (const line of [
      `frond_ready{${own}} 1`,
      `frond_messages_answered_total{${own}} 1`,
      `frond_messages_in_flight{${own}} 0`,
      `frond_function_seconds_count{${own},function="echo"} 1`,
    ])
      expect(metrics()).toContain(`${line}\n`);
    expect(sentBytes(worker)).toBeGreaterThan(0);
    await master.close();
    await until(() => worker.missing.length > 0);
    expect(worker.missing).toEqual([`its Master is not there (${master.dbAddress})`]);
    expect(metrics()).toContain(`frond_ready{${own}} 0\n`);
    await worker.close();
    expect(worker.missing).toEqual(['it is closing']);
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

  it('logs to the console under its name where it has no logger', async () => {
    const printed = (['info', 'log', 'warn', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    );
    const { transport, master, own } = await open();
    own(await Worker.start({ transport, dbAddress: master.dbAddress, name: 'w' }));
    expect(printed.flatMap((spy) => spy.mock.calls.flat()).join(' ')).toContain('frond worker w');
  });

  it('fails a call whose function gives nothing', async () => {
    const { call, worker } = await open({ functions: { nothing: () => undefined } });
    await expect(call('nothing')).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'NoResult' });
    expect(worker.counters).toMatchObject({ answered: 1, failed: 1, ended: 0 });
  });

  it('logs from info on where no level is given', async () => {
    const levels: string[] = [];
    const at = (level: string) => () => void levels.push(level);
    const logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
    const { transport, master, own } = await open();
    const { dbAddress } = master;
    const functions = {
      says: (payload: Bytes, { logger: own }: FunctionContext) => {
        own.debug('not told');
        own.info('told');
        return payload;
      },
    };
    const other = own(await Worker.start({ transport, dbAddress, logger, functions, concurrency: 64 }));
    const client = own(await Client.connect({ transport, dbAddress, loggingLevel: 'silent' }));
    await within(
      5_000,
      (async () => {
        while (other.counters.answered === 0) await client.eval('m.says', bytes('x')).catch(() => {});
      })(),
    );
    expect(new Set(levels)).toEqual(new Set(['info']));
  });

  it('gives each function a payload that it may change', async () => {
    const { call } = await open({
      functions: {
        isOwn: (payload) => {
          payload.fill(0);
          return bytes(String(payload.buffer.byteLength === payload.byteLength));
        },
      },
    });
    expect(textOf(await call('isOwn', 'abc'))).toBe('true');
  });

  it('answers with a failure when a result cannot be sent', async () => {
    const { client, call, worker } = await open({
      functions: {
        spoils: () =>
          Object.defineProperty(new Uint8Array(1), 'length', {
            get() {
              throw new RangeError('odd bytes');
            },
          }),
      },
    });
    await expect(call('spoils', 'x')).rejects.toMatchObject({
      code: 'REMOTE',
      message: expect.stringMatching(/odd bytes/),
    });
    expect(sentBytes(worker)).toBeGreaterThan(0);
    expect(await client.eval('m.echo', bytes('on'), { timeout: 5_000 })).toEqual(bytes('on'));
    expect(worker.counters).toMatchObject({ received: 2, answered: 2, failed: 1, dropped: 0 });
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
    const TEXT = 'the Master does not tell callers what the functions take';
    await until(() => lines.some(([text]) => text === TEXT));
    expect(lines).toContainEqual([TEXT, { reason: expect.stringMatching(/./) }]);
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

  it.each([
    ['name', { name: 'a.b' }],
    ['concurrency', { concurrency: 0 }],
    ['timeout', { timeout: -1 }],
  ])('says that it is the option %s', async (option, options) => {
    const whole = {
      transport: memory(),
      dbAddress: 'memory://m',
      loggingLevel: 'silent',
      ...options,
    } as const;
    await expect(Worker.start(whole)).rejects.toThrow(option);
  });

  it('closes its connection without waiting', async () => {
    for (const [options, code] of [
      [{ functions: { 'a b': () => bytes('') } }, 'INVALID_CALL'],
      [{ timeout: 20 }, 'TIMEOUT'],
    ] as const) {
      const { transport, closings } = meddled(memory(), {});
      const whole = { transport, dbAddress: 'memory://m', loggingLevel: 'silent' } as const;
      await expect(Worker.start({ ...whole, ...options })).rejects.toMatchObject({ code });
      expect(closings).toEqual([{ timeout: 0 }]);
    }
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

const timers = () => held()['Timeout'] ?? 0;

/** Resolves when there are no more timers than before, and that of this wait. Vitest has some of its own at times. */
const timersLeft = (before: number) =>
  within(
    600,
    until(() => timers() <= before + 1),
    'stopping the timers',
  );

describe('a worker whose Master goes, or is of no use', () => {
  const NO_WORK = 'no work';
  const count = (lines: readonly [string, unknown][], text: string) =>
    lines.filter(([line]) => line === text).length;

  it('works for the next one at the same address', async () => {
    const { transport, own, master, quiet, client } = await open({}, { dbAddress: 'memory://m' });
    await client.close();
    await master.close();
    const { dbAddress } = master;
    own(await Master.start({ ...quiet, name: 'm', dbAddress }));
    const again = own(await Client.connect({ transport, dbAddress, loggingLevel: 'silent' }));
    expect(await again.eval('m.echo', bytes('x'), { timeout: 5_000 })).toEqual(bytes('x'));
  });

  it('says why, looks again after a second, and works when there is one again', async () => {
    const { lines, logger } = noting();
    const ground = cluster();
    const { transport, own } = ground;
    const quiet = { transport, loggingLevel: 'silent', dbAddress: 'memory://m' } as const;
    const push = { workerPullAddress: 'memory://in', workerPushAddress: 'memory://out' };
    const master = own(await Master.start({ ...quiet, ...push, name: 'm' }));
    own(
      await Worker.start({
        transport,
        dbAddress: 'memory://m',
        pullAddress: 'memory://in',
        logger,
        loggingLevel: 'info',
      }),
    );
    expect(lines.map(([text]) => text)).toEqual(['working']);
    await master.close();
    const server = own(await Server.start({ ...quiet, name: 's' }));
    await within(
      5_000,
      until(() => count(lines, NO_WORK) === 1),
    );
    const before = performance.now();
    expect(lines.find(([text]) => text === NO_WORK)?.[1]).toEqual({
      db: 'memory://m',
      reason: expect.stringContaining('has no workers'),
    });
    await server.close();
    own(await Master.start({ ...quiet, ...push, name: 'm' }));
    await within(
      5_000,
      until(() => count(lines, 'working') === 2),
    );
    expect(performance.now() - before).toBeGreaterThanOrEqual(950);
    const client = own(await Client.connect({ transport, dbAddress: 'memory://m', loggingLevel: 'silent' }));
    expect(await client.eval('m.echo', bytes('x'), { timeout: 5_000 })).toEqual(bytes('x'));
  });

  /** A worker whose next request for work its Master refuses, as often as `refusals` says. */
  async function refused() {
    const { lines, logger } = noting();
    const ground = await open();
    const own = { refusals: 0, leaving: [] as string[], workers: new Set<string>(), asked: 0 };
    const { transport } = meddled(ground.transport, {
      request: (message) => {
        if (message.function !== WORK) return undefined;
        own.asked++;
        const { worker, leaves } = readWorkRequest(message);
        if (leaves) own.leaving.push(worker);
        else own.workers.add(worker);
        if (leaves || own.refusals === 0) return undefined;
        own.refusals--;
        return Promise.reject(new PalmError('FORBIDDEN', 'not any more'));
      },
    });
    await ground.worker.close();
    const { dbAddress } = ground.master;
    const [added, removed] = [
      vi.spyOn(AbortSignal.prototype, 'addEventListener'),
      vi.spyOn(AbortSignal.prototype, 'removeEventListener'),
    ];
    const aborts = ({ mock }: { mock: { calls: readonly unknown[][] } }) =>
      mock.calls.filter(([type]) => type === 'abort').length;
    const listening = () => aborts(added) - aborts(removed);
    const worker = ground.own(
      await Worker.start({ transport, dbAddress, name: 'w', logger, loggingLevel: 'info' }),
    );
    return { ...ground, worker, lines, seen: own, listening };
  }

  it('that refuses it is told after a second that others may have its messages, and asked anew', async () => {
    const { call, lines, seen, worker } = await refused();
    expect(textOf(await call('echo', 'x'))).toBe('x');
    seen.refusals = 1;
    const calling = call('echo', 'y');
    await within(
      5_000,
      until(() => count(lines, NO_WORK) === 1),
    );
    const before = performance.now();
    expect(lines.find(([text]) => text === NO_WORK)?.[1]).toMatchObject({ reason: 'not any more' });
    const [first] = seen.workers;
    expect(seen.leaving).toEqual([]);
    await within(
      5_000,
      until(() => count(lines, 'working') === 2),
    );
    expect(performance.now() - before).toBeGreaterThanOrEqual(950);
    expect(seen.leaving).toEqual([first]);
    expect(textOf(await calling)).toBe('y');
    expect(seen.workers.size).toBe(2);
    expect(worker.counters).toMatchObject({ dropped: 0, inFlight: 0 });
  });

  it('may be closed while it waits, at once, and leaves no listener and timer', async () => {
    const { client, call, lines, seen, worker, listening } = await refused();
    const before = [listening(), timers()] as const;
    expect(textOf(await call('echo', 'x'))).toBe('x');
    seen.refusals = 1;
    client.eval('m.echo', bytes('y'), { timeout: Number.POSITIVE_INFINITY }).catch(() => {});
    await within(
      5_000,
      until(() => count(lines, NO_WORK) === 1),
    );
    expect(worker.missing).toEqual([expect.stringMatching(/^its Master is not there/)]);
    const began = performance.now();
    const { asked } = seen;
    await worker.close();
    expect(performance.now() - began).toBeLessThan(900);
    await new Promise(setImmediate);
    // Nobody is told by a worker that has closed its connection.
    expect([seen.asked - asked, seen.leaving]).toEqual([0, []]);
    expect(listening()).toBe(before[0]);
    await timersLeft(before[1]);
  });

  it('may be closed while it looks for work, at once, and says nothing of that', async () => {
    const { transport, own, master, worker } = await open();
    await worker.close();
    const { dbAddress } = master;
    const { lines, logger } = noting();
    let isRefused = false;
    let isLooking = false;
    const looking = deferred<Bytes>();
    const noted = meddled(transport, {
      request: ({ function: name }) => {
        if (isRefused && name === WORK) return Promise.reject(new PalmError('FORBIDDEN', 'no'));
        if (!isRefused || name === OFFERS) return undefined;
        isLooking = true;
        return looking.promise;
      },
    });
    const options = { transport: noted.transport, dbAddress, logger, loggingLevel: 'info' } as const;
    const other = own(await Worker.start(options));
    isRefused = true;
    const client = own(await Client.connect({ transport, dbAddress, loggingLevel: 'silent' }));
    client.eval('m.echo', bytes('x'), { timeout: Number.POSITIVE_INFINITY }).catch(() => {});
    await within(
      5_000,
      until(() => isLooking),
    );
    const before = [count(lines, NO_WORK), timers()] as const;
    const began = performance.now();
    await other.close({ timeout: 4_000 });
    expect(performance.now() - began).toBeLessThan(3_000);
    looking.reject(new PalmError('CLOSED', 'the connection is closed'));
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    expect(count(lines, NO_WORK)).toBe(before[0]);
    await timersLeft(before[1]);
  });

  it('listens to nothing more each time that it looks again', async () => {
    const { call, seen, listening } = await refused();
    const counts: number[] = [];
    for (let time = 1; time <= 2; time++) {
      seen.refusals = 1;
      await call('echo', 'x');
      await within(
        5_000,
        until(() => seen.workers.size === time + 1),
      );
      await call('echo', 'y');
      counts.push(listening());
    }
    expect(counts[1]).toBe(counts[0]);
  });

  it('ends with its connection, and the functions are told why', async () => {
    const gone = deferred<PalmError | undefined>();
    const reason = new PalmError('FORBIDDEN', 'the relay has shut you out');
    const { transport, own, master, client, worker } = await open();
    await worker.close();
    const { dbAddress } = master;
    const begun = deferred<AbortSignal>();
    const shut = own(
      await Worker.start({
        transport: meddled(transport, { closed: gone.promise }).transport,
        dbAddress,
        loggingLevel: 'silent',
        functions: {
          waits: (payload, { signal }) => {
            begun.resolve(signal);
            return new Promise((resolve) => signal.addEventListener('abort', () => resolve(payload)));
          },
        },
      }),
    );
    const calling = client.eval('m.waits', bytes('x'), { timeout: 5_000 });
    const signal = await within(5_000, begun.promise);
    gone.resolve(reason);
    expect(await within(5_000, shut.closed)).toBe(reason);
    expect(textOf(await calling)).toBe('x');
    expect(signal.reason).toBe(reason);
  });
});

describe('what a worker asks its Master for a function', () => {
  it('is waited for no longer than its time', async () => {
    const { transport, own, master, client, worker } = await open();
    await worker.close();
    const silent = meddled(transport, {
      request: ({ function: name, cache, payload }) => {
        const key = name.endsWith('.set') ? cache : textOf(payload);
        return key === 'k' ? new Promise(() => {}) : undefined;
      },
    });
    const { dbAddress } = master;
    const options = {
      dbAddress,
      timeout: 600,
      concurrency: 3,
      loggingLevel: 'silent',
      functions: {
        get: async (_payload, { cache }) => (await cache.get('k')) ?? bytes(''),
        set: async (payload, { cache }) => bytes(await cache.set(payload, 'k')),
        delete: async (_payload, { cache }) => bytes(String(await cache.delete('k'))),
      },
    } satisfies Partial<WorkerOptions>;
    // Its addresses are not asked for either.
    const addresses = { pushAddress: master.workerPushAddress, pullAddress: master.workerPullAddress };
    own(await Worker.start({ transport: silent.transport, ...options, ...addresses }));
    const calls = ['get', 'set', 'delete'].map((name) =>
      client.eval(`m.${name}`, bytes('x'), { timeout: 5_000 }),
    );
    for (const calling of calls)
      await expect(calling).rejects.toMatchObject({
        code: 'REMOTE',
        message: expect.stringContaining('600 ms'),
      });
  });

  it('may be cancelled with the call', async () => {
    const begun = deferred<AbortSignal>();
    const { client, worker } = await open({
      functions: {
        waits: (payload, { signal }) => {
          begun.resolve(signal);
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(payload)));
        },
      },
    });
    const controller = new AbortController();
    const calling = client.eval('m.waits', bytes('x'), { signal: controller.signal }).catch(() => {});
    const signal = await within(5_000, begun.promise);
    controller.abort();
    await calling;
    await within(
      5_000,
      until(() => signal.aborted && worker.counters.inFlight === 0),
    );
    expect(signal.reason).toMatchObject({ code: 'CANCELLED' });
    expect(worker.counters).toMatchObject({ received: 1, cancelled: 1, answered: 0 });
  });
});

describe('a worker with threads', () => {
  const module = new URL('../../../cluster/threads/functions.mjs', import.meta.url);

  it('runs as many messages as there are, and ends them when it closes', async () => {
    const before = held();
    const { worker, master, own, quiet, client } = await open();
    await worker.close();
    const { dbAddress } = master;
    const functions = { here: () => bytes('here') };
    const threaded = own(await Worker.start({ ...quiet, dbAddress, module, threads: 2, functions }));
    expect(threaded.functionNames).toEqual(expect.arrayContaining(['echo', 'here', 'upper']));
    const said = JSON.parse(textOf((await client.get('frond_functions')) ?? bytes('')));
    expect(said).toContainEqual({ name: 'upper' });
    const calls = ['a', 'b'].map((text) => client.eval('m.compute', bytes('100'), { cache: text }));
    await within(
      5_000,
      until(() => threaded.counters.inFlight === 2),
    );
    await Promise.all(calls);
    await threaded.close();
    await client.close();
    await master.close();
    expect(await leftovers(before)).toEqual({});
  });

  it('gives the functions there its name, its logger, and their time when it closes', async () => {
    const { worker, master, own, quiet, client } = await open();
    await worker.close();
    const { dbAddress } = master;
    const { lines, logger } = noting();
    const options = { dbAddress, module, threads: 1, threadGrace: 1, name: 'threaded', logger };
    const threaded = own(await Worker.start({ ...quiet, ...options, loggingLevel: 'info' }));
    expect(textOf(await client.eval('m.context', bytes('')))).toMatch(/^threaded m\.context /);
    await client.eval('m.says', bytes('hello'));
    expect(lines).toContainEqual(['from a thread', { said: 'hello' }]);
    const computing = client.eval('m.compute', bytes('300'));
    await within(
      5_000,
      until(() => threaded.counters.inFlight === 1),
    );
    await threaded.close({ timeout: 10_000 });
    expect(textOf(await computing)).toBe('300');
    const ended = (text: string) => text.startsWith('a thread has ended');
    expect(lines.filter(([text]) => ended(text))).toEqual([]);
  });

  it.each([
    ['no concurrency', { concurrency: 0 }, 'INVALID_CALL'],
    ['a transport that does not open', { transport: undefined }, undefined],
  ])('that cannot be started for %s ends them', async (_what, options, code) => {
    const before = held();
    const transport = meddled(memory(), {}).transport;
    const broken = { ...transport, name: 'memory', open: () => Promise.reject(new Error('no')) };
    const whole = { transport, dbAddress: 'memory://m', module, threads: 1, loggingLevel: 'silent' } as const;
    const given = 'transport' in options ? { transport: broken } : options;
    const starting = Worker.start({ ...whole, ...given });
    await expect(within(10_000, starting)).rejects.toMatchObject(
      code === undefined ? { message: 'no' } : { code },
    );
    expect(await leftovers(before)).toEqual({});
  });
});

describe('a worker that closes', () => {
  it('gives its connection what is left of its time', async () => {
    const { transport, master, worker } = await open();
    await worker.close();
    for (const [timeout, least, most] of [
      [undefined, 500, 1_000],
      [5_000, 4_500, 5_000],
      [0, 0, 0],
    ] as const) {
      const noted = meddled(transport, {});
      const { dbAddress } = master;
      const own = await Worker.start({ transport: noted.transport, dbAddress, loggingLevel: 'silent' });
      await own.close(timeout === undefined ? {} : { timeout });
      const [{ timeout: left = Number.NaN } = {}] = noted.closings;
      expect(noted.closings).toHaveLength(1);
      expect(left).toBeGreaterThanOrEqual(least);
      expect(left).toBeLessThanOrEqual(most);
    }
  });

  it('waits no longer than it may for its good-bye to be heard', async () => {
    const { transport, master, worker, client } = await open();
    await worker.close();
    let isDeaf = false;
    const noted = meddled(transport, {
      request: ({ function: name }) => (isDeaf && name === WORK ? new Promise(() => {}) : undefined),
    });
    const { dbAddress } = master;
    const own = await Worker.start({
      transport: noted.transport,
      dbAddress,
      loggingLevel: 'silent',
      functions: { forever: () => new Promise(() => {}) },
    });
    client.eval('m.forever', bytes('x'), { timeout: 60_000 }).catch(() => {});
    await within(
      5_000,
      until(() => own.counters.inFlight === 1),
    );
    isDeaf = true;
    const before = performance.now();
    await within(5_000, own.close({ timeout: 30 }));
    const took = performance.now() - before;
    expect(took).toBeGreaterThanOrEqual(120);
    expect(took).toBeLessThan(900);
  });

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
  it('has results that cannot be sent counted and told one by one, and the worker goes on', async () => {
    const { transport, own } = cluster();
    const peer = own(await transport.open());
    const [push, pull] = [await peer.bindPush('memory://*'), await peer.bindPull('memory://*')];
    const { lines, logger } = noting();
    let isBroken = true;
    const noted = meddled(transport, {
      push: () => (isBroken ? Promise.reject(new PalmError('CLOSED', 'nobody takes it')) : undefined),
    });
    const worker = own(
      await Worker.start({
        transport: noted.transport,
        dbAddress: 'memory://nowhere',
        pushAddress: push.address,
        pullAddress: pull.address,
        logger,
        loggingLevel: 'info',
      }),
    );
    const frame = codec
      .encode(palmMessage({ client: 'c/1', function: 'any.echo', payload: bytes('x') }))
      .slice();
    await push.send([frame, frame]);
    await within(
      5_000,
      until(() => worker.counters.dropped === 2),
    );
    expect(lines).toContainEqual(['results lost', expect.objectContaining({ reason: 'nobody takes it' })]);
    isBroken = false;
    await push.send([frame]);
    const { value = [] } = await within(5_000, pull[Symbol.asyncIterator]().next());
    expect(value).toHaveLength(1);
    expect(worker.counters).toMatchObject({ received: 3, dropped: 2 });
  });

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
