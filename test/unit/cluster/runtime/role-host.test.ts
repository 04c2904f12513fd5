import { afterEach, describe, expect, it, vi } from 'vitest';
import { AsyncQueue } from '../../../../src/async/async-queue.ts';
import { BatchQueue } from '../../../../src/async/batch-queue.ts';
import { ByteBudget } from '../../../../src/async/byte-budget.ts';
import { deferred } from '../../../../src/async/deferred.ts';
import type { PalmFunctions } from '../../../../src/cluster/runtime/functions.ts';
import type { Stream } from '../../../../src/cluster/runtime/publisher.ts';
import { openRoleHost, type RoleHost, TELLING } from '../../../../src/cluster/runtime/role-host.ts';
import { MemoryStore } from '../../../../src/cluster/runtime/store.ts';
import { PROGRESS_HOPS } from '../../../../src/flow-control.ts';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { CANCEL, type CancelNotice, cancelMessage, NOTICES } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage } from '../../../../src/protocol/message.ts';
import { progressTopic } from '../../../../src/protocol/progress.ts';
import type {
  BindingConnection,
  BindingTransport,
  BoundPublish,
  BoundPull,
  ConnectionStatus,
  Delivery,
  Settler,
} from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { playThreads } from '../../../support/played-thread.ts';
import { until, within } from '../../../support/wait.ts';

/** A transport that notes what its one connection closes, in order. */
function noted() {
  const closed: string[] = [];
  const real = memory();
  const transport: BindingTransport = {
    ...real,
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      const { bindPublish, close } = connection;
      connection.bindPublish = async (address) => {
        const bound = await bindPublish.call(connection, address);
        const closeBound = bound.close.bind(bound);
        bound.close = async (options) => {
          closed.push(`publisher within ${options?.timeout}`);
          await closeBound(options);
        };
        return bound;
      };
      connection.close = async (options) => {
        closed.push(`connection within ${options?.timeout}`);
        await close.call(connection, options);
      };
      return connection;
    },
  };
  return { transport, closed };
}

/** A transport whose bound publishers are as `change` makes them. */
function publishing(
  real: BindingTransport,
  change: (bound: BoundPublish) => Omit<BoundPublish, 'onSubscribers'>,
): BindingTransport {
  return {
    ...real,
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      const bindPublish = connection.bindPublish.bind(connection);
      connection.bindPublish = async (address) => change(await bindPublish(address));
      return connection;
    },
  };
}

const options = (transport: BindingTransport) => ({
  transport,
  name: 'server',
  dbAddress: 'memory://*',
  loggingLevel: 'silent' as const,
});

/**
 * A host on a transport that a test plays: it sees what is published, and says who is subscribed and what the connection reports.
 * @param isUntold - whether the transport does not say who is subscribed.
 */
async function played(more: object = {}, isUntold = false) {
  const real = memory();
  const published: Delivery[][] = [];
  const subscribers: ((topic: string, isThere: boolean) => void)[] = [];
  const statuses = new AsyncQueue<ConnectionStatus>();
  let failure: Error | undefined;
  const transport: BindingTransport = {
    ...real,
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      connection.status = () => ({ [Symbol.asyncIterator]: () => statuses });
      const bindPublish = connection.bindPublish.bind(connection);
      connection.bindPublish = async (address) => {
        const bound = await bindPublish(address);
        bound.publish = async (deliveries) => {
          published.push([...deliveries]);
          if (failure !== undefined) throw failure;
        };
        if (isUntold) Object.assign(bound, { onSubscribers: undefined });
        else
          bound.onSubscribers = (listener) => {
            subscribers.push(listener);
          };
        return bound;
      };
      return connection;
    },
  };
  const { lines, logger } = noting();
  const whole = { ...options(transport), logger, loggingLevel: 'info' as const, ...more };
  const host = await openRoleHost(whole, 'server', [], async (own: RoleHost) => own);
  open.push(host);
  const subscribed = (topic: string, isThere: boolean) => {
    for (const listener of subscribers) listener(topic, isThere);
  };
  const fail = (error: Error) => {
    failure = error;
  };
  return { host, real, published, subscribed, statuses, lines, fail };
}

let open: RoleHost[] = [];
afterEach(async () => {
  for (const host of open) await host.close(() => 0);
  open = [];
});

function noting() {
  const lines: unknown[][] = [];
  const at =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push([level, ...line]);
  const logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  return { lines, logger };
}

const codec = new EnvelopeCodec();
const toClient: Stream = Object.assign((message: PalmMessage) => ({ topic: message.client, message }), {
  isToClient: true,
});
const toNext: Stream = Object.assign((message: PalmMessage) => ({ topic: 'next', message }), {
  news: { passed: () => undefined } as never,
  isToClient: false,
});

const toEither: Stream = (message) => ({ topic: 'x', message });

describe('a host', () => {
  it.each([
    ['a name that is none', { name: 'a.b' }, 'name'],
    ['an address of its cache', { dbAddress: 'nowhere' }, 'nowhere'],
    ['a level that is none', { loggingLevel: 'loud' }, 'loud'],
    ['room that is none', { maxWaiting: -1 }, 'maxWaiting'],
  ])('is not opened with %s', async (_what, more, text) => {
    const { transport, closed } = noted();
    const whole = { ...options(transport), ...more } as never;
    await expect(openRoleHost(whole, 'server', [], async () => 1)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringContaining(text),
    });
    expect(closed.filter((one) => one !== 'connection within 0')).toEqual([]);
  });

  it('is not opened with another address that cannot be read', async () => {
    const { transport, closed } = noted();
    const opening = openRoleHost(options(transport), 'server', ['memory://a', 'nowhere'], async () => 1);
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(closed).toEqual([]);
  });

  it('logs to the console under its role and name, from info on, where it is told nothing else', async () => {
    const printed = ['info', 'log', 'error', 'debug'].map((name) =>
      vi.spyOn(console, name as 'info').mockImplementation(() => {}),
    );
    const { transport } = noted();
    const { loggingLevel: _, ...plain } = options(transport);
    const host = await openRoleHost(plain, 'sink', [], async (own) => own);
    open.push(host);
    host.logger.info('told');
    host.logger.debug('untold');
    const all = printed.flatMap((spy) => spy.mock.calls.flat()).join(' ');
    expect(all).toContain('frond sink server');
    expect([all.includes(' told'), all.includes('untold')]).toEqual([true, false]);
    vi.restoreAllMocks();
  });

  it('has a store of its own, or the one that it is given, whose values functions get copies of', async () => {
    const store = new MemoryStore();
    const { host } = await played({ store });
    expect((await played()).host.store).toBeInstanceOf(MemoryStore);
    await host.cache.set(bytes('v'), 'k');
    const value = await host.cache.get('k');
    value?.fill(0);
    expect(store.get('k')).toEqual(bytes('v'));
    expect([host.name, host.includeStack, host.waiting.limit]).toEqual(['server', false, 64 * 1_048_576]);
    expect((await played({ includeStack: true, maxWaiting: 5 })).host).toMatchObject({
      includeStack: true,
      waiting: { limit: 5 },
    });
  });

  it('counts what is in flight beside what it has done', async () => {
    const { host } = await played();
    host.tally.received += 3;
    expect(host.meter.counters(2)).toMatchObject({ received: 3, answered: 0, inFlight: 2 });
    expect(host.scope).toMatchObject({ name: 'server', includeStack: false, tally: host.tally });
  });

  it('ends its threads with itself, and when it could not be started', async () => {
    const made = playThreads();
    const module = 'file:///functions.js';
    const starting = async (own: RoleHost) => {
      const running = own.running({ module, threads: 1, functions: { here: () => bytes('') } });
      made.at(-1)?.ready('there');
      await within(
        10_000,
        until(() => made.length > 0),
      );
      made.at(-1)?.ready('there');
      return running;
    };
    const { host } = await played();
    const { functions, concurrency } = await starting(host);
    expect([Object.keys(functions ?? {}), concurrency]).toEqual([['here', 'there'], 1]);
    expect(host.engine(functions, false).descriptions.map(({ name }) => name)).toEqual([
      'echo',
      'here',
      'there',
    ]);
    await host.close(() => 0);
    expect(made[0]?.terminations).toBe(1);
    const there = (functions as PalmFunctions)['there'];
    expect(() => there?.(bytes(''), {} as never)).toThrow('"server" is closed');
    const { transport } = noted();
    const failure = new Error('no');
    const opening = openRoleHost(options(transport), 'server', [], async (own) => {
      const running = own.running({ module, threads: 1 });
      await within(
        10_000,
        until(() => made.length > 1),
      );
      made[1]?.ready('there');
      await running;
      throw failure;
    });
    await expect(opening).rejects.toBe(failure);
    expect(made[1]?.terminations).toBe(1);
    vi.restoreAllMocks();
  });

  it('takes calls to its own name alone', async () => {
    const { host } = await played();
    const engine = host.engine({ f: () => bytes('answer') }, false);
    const results: PalmMessage[] = [];
    for (const server of ['server', 'other']) {
      const message = palmMessage({ client: 'c/1', function: `${server}.f`, payload: bytes('x') });
      await engine.run(message, (result) => void results.push(result) as never);
    }
    expect(results.map(({ error }) => error)).toEqual(['', 'this is server "server", not "other"']);
  });

  it('has no threads without a module, and the functions as they are', async () => {
    const { host } = await played();
    const functions = { here: () => bytes('') };
    expect(await host.running({ functions })).toEqual({ functions, concurrency: 1 });
    expect(await host.running({ concurrency: 7 })).toEqual({ functions: undefined, concurrency: 7 });
    await expect(host.running({ concurrency: 0 })).rejects.toThrow('concurrency');
    await host.closeThreads();
  });
});

describe('what the connection of a host reports', () => {
  it('is logged where it is of use: each refusal, and lost results sparingly, which are counted', async () => {
    const { host, statuses, lines } = await played();
    statuses.push({ type: 'connected', address: 'memory://a' });
    const refused = { type: 'refused', address: 'memory://a', reason: 'a stranger', count: 4 } as const;
    for (let i = 0; i < 3; i++) statuses.push(refused);
    const lost = { type: 'lost', address: 'memory://a', topic: 'c/1', count: 5 } as const;
    statuses.push(lost);
    await within(
      10_000,
      until(() => host.tally.dropped === 5),
    );
    const { type: _, ...told } = refused;
    expect(lines).toEqual([
      ...Array(3).fill(['warning', 'peers were turned away', told]),
      [
        'warning',
        'a subscriber reads too slowly and has lost results',
        expect.objectContaining({ address: 'memory://a', topic: 'c/1' }),
      ],
    ]);
    statuses.push(lost);
    await within(
      10_000,
      until(() => host.tally.dropped === 10),
    );
  });
});

describe('notices of cancelled calls', () => {
  const notice: CancelNotice = { client: 'c', calls: ['1'], code: 'CANCELLED', reason: 'enough' };

  it('go to the roles behind where they take them, or are not known not to', async () => {
    for (const isUnknown of [true, false]) {
      const { host, published, subscribed } = await played({}, isUnknown);
      host.cancel(notice);
      expect(published).toEqual([]);
      await host.publisher('memory://*', toClient);
      host.cancel(notice);
      expect(published).toHaveLength(isUnknown ? 1 : 0);
      subscribed(NOTICES, true);
      expect(host.cancel(notice)).toBe(0);
      const [delivery] = published.at(-1) ?? [];
      expect(delivery?.topic).toBe(NOTICES);
      expect(codec.decode(delivery?.frames[0] ?? bytes(''))).toEqual(
        codec.decode(codec.encode(cancelMessage(notice))),
      );
    }
  });

  it('fail with a server that is closed, which is no matter', async () => {
    const { host, subscribed, fail, published } = await played();
    await host.publisher('memory://*', toClient);
    subscribed(NOTICES, true);
    fail(new Error('closed'));
    host.cancel(notice);
    host.passProgress(palmMessage({ client: progressTopic('c', 'p'), cache: '0' }));
    expect(published).toHaveLength(2);
    await new Promise(setImmediate);
  });

  it('are made of clients that go, but not of other subscribers, and not where callers listen elsewhere', async () => {
    const { host, subscribed } = await played();
    const cancel = vi.spyOn(host.cancellations, 'cancel');
    const isThere = vi.spyOn(host.cancellations, 'isThere');
    await host.publisher('memory://*', toClient);
    for (const topic of ['c1/', 'c2/', 'other', 'c3/']) subscribed(topic, true);
    expect(isThere.mock.calls).toEqual([['c1/'], ['c2/'], ['c3/']]);
    for (const topic of ['c1/', 'other', 'c2/', 'c3/']) subscribed(topic, false);
    subscribed('c2/', true);
    expect(cancel).not.toHaveBeenCalled();
    await within(
      10_000,
      until(() => cancel.mock.calls.length > 0),
    );
    const of = (client: string) => ({
      client,
      calls: [],
      code: 'DISCONNECTED',
      reason: 'it is gone, or has lost its subscription',
    });
    expect(cancel.mock.calls).toEqual([[of('c1'), of('c3')]]);
    // One that comes back before its turn is not cancelled, and nobody else is then.
    subscribed('c1/', false);
    subscribed('c1/', true);
    for (let i = 0; i < 3; i++) await new Promise(setImmediate);
    expect(cancel).toHaveBeenCalledTimes(1);
    // One alone, too.
    subscribed('c3/', false);
    await within(
      10_000,
      until(() => cancel.mock.calls.length === 2),
    );
    const first = await played();
    const elsewhere = vi.spyOn(first.host.cancellations, 'cancel');
    await first.host.publisher('memory://*', toNext);
    first.subscribed('c1/', false);
    for (let i = 0; i < 3; i++) await new Promise(setImmediate);
    expect(elsewhere).not.toHaveBeenCalled();
  });
});

describe('progress of a server before', () => {
  const topic = progressTopic('c', 'p');
  const progress = (cache: string, client = topic) => palmMessage({ client, cache, payload: bytes('p') });

  it.each([
    ['to its caller, where all results go to clients', toClient, [topic]],
    ['to the roles behind, where results go on', toNext, [NOTICES]],
    ['to both, where results go to clients or on', toEither, [topic, NOTICES]],
  ])('goes %s', async (_what, stream, topics) => {
    const { host, published } = await played();
    await host.publisher('memory://*', stream);
    host.passProgress(progress('0'));
    const all = published.flat();
    expect(all.map((delivery) => delivery.topic)).toEqual(topics);
    for (const { frames } of all)
      expect(codec.decode(frames[0] ?? bytes(''))).toMatchObject({
        client: topic,
        cache: '1',
        payload: bytes('p'),
      });
  });

  it('goes on so many times, and only as progress', async () => {
    const { host, published } = await played();
    host.passProgress(progress('0'));
    await host.publisher('memory://*', toNext);
    for (const cache of [String(PROGRESS_HOPS), 'x', '1e9']) host.passProgress(progress(cache));
    host.passProgress(progress('0', 'c/1'));
    expect(published).toEqual([]);
    host.passProgress(progress(String(PROGRESS_HOPS - 1)));
    expect(published).toHaveLength(1);
  });
});

describe('what a host says in its cache', () => {
  async function serving(stream: Stream | undefined, more: object = {}) {
    const ground = await played(more);
    const { host, real } = ground;
    const publisher = stream && (await host.publisher('memory://pub', stream));
    const db = await host.serveCache({ pub_address: 'memory://pub' }, () => ({
      role: 'Server',
      functions: ['f'],
      counters: host.meter.counters(0),
    }));
    const connection = await real.open();
    const ask = async (operation: string, payload: Bytes, fields: Partial<PalmMessage> = {}) => {
      const message = palmMessage({
        client: 'c',
        function: operation,
        payload,
        features: Feature.replies,
        ...fields,
      });
      const frame = codec.encode(message).slice();
      const reply = await within(2_000, connection.request(db.address, frame).reply);
      return codec.decode(reply);
    };
    const said = async (key: string) => textOf((await ask('_.get', bytes(key))).payload);
    return { ...ground, publisher, db, ask, said };
  }

  it('is its name, its addresses and its status', async () => {
    const { host, db, said, lines } = await serving(toClient, { maxWaiting: 1_000 });
    expect(lines).toContainEqual([
      'info',
      'serving',
      { pub_address: 'memory://pub', db_address: db.address },
    ]);
    expect([await said('name'), await said('pub_address'), await said('db_address')]).toEqual([
      'server',
      'memory://pub',
      db.address,
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const status = JSON.parse(await said('frond_status'));
    expect(status).toMatchObject({
      role: 'Server',
      name: 'server',
      functions: ['f'],
      addresses: { pub_address: 'memory://pub', db_address: db.address },
      waiting: { bytes: 0, maxBytes: 1_000, timesFull: 0 },
    });
    expect(Number.isSafeInteger(status.uptime)).toBe(true);
    expect(status.uptime).toBeGreaterThanOrEqual(4);
    expect(status.uptime).toBeLessThan(60_000);
    expect(status).not.toHaveProperty('next');
    // Of a server that has started, which learns of others.
    host.addressChanged('previous_address', 'memory://before');
    expect(await said('previous_address')).toBe('memory://before');
    expect(JSON.parse(await said('frond_status')).addresses).toMatchObject({
      previous_address: 'memory://before',
    });
  });

  it('has an address that became known before it was served', async () => {
    const { host, real } = await played();
    host.addressChanged('previous_address', 'memory://before');
    const db = await host.serveCache({}, () => ({
      role: 'Sink',
      functions: [],
      counters: host.meter.counters(0),
    }));
    const connection = await real.open();
    const frame = codec.encode(
      palmMessage({ client: 'c', function: '_.get', payload: bytes('previous_address') }),
    );
    expect(textOf(await within(2_000, connection.request(db.address, frame.slice()).reply))).toBe(
      'memory://before',
    );
  });

  it('is what its functions take and give, encoded once for each list', async () => {
    const { host, said } = await serving(toClient);
    expect(await said('frond_functions')).toBe('[]');
    host.engine({ f: () => bytes('') }, false);
    const stringify = vi.spyOn(JSON, 'stringify');
    for (let i = 0; i < 3; i++)
      expect(JSON.parse(await said('frond_functions'))).toEqual([{ name: 'echo' }, { name: 'f' }]);
    expect(stringify.mock.calls.filter(([value]) => Array.isArray(value))).toHaveLength(1);
    vi.restoreAllMocks();
  });

  it('is where its answers are: here, or not known without a publisher', async () => {
    expect(await (await serving(toClient)).said('frond_end')).toBe('server memory://pub');
    expect(await (await serving(undefined)).said('frond_end')).toBe('?');
    expect(await (await serving(toNext)).said('frond_end')).toBe('?');
  });

  it('is where a pipeline ends, as the next server says, of which the ones before are told', async () => {
    const { host, ask, said } = await serving(toNext);
    const told = vi.fn(async () => {});
    host.onEnd(told);
    const next = (end: string) => ask('_.next', bytes(end), { cache: 'second' });
    await next('?');
    expect([told.mock.calls.length, await said('frond_end')]).toEqual([0, '?']);
    await next('last memory://end');
    expect([told.mock.calls.length, await said('frond_end')]).toEqual([1, 'last memory://end']);
    await next('last memory://end');
    expect(told).toHaveBeenCalledTimes(1);
    expect(JSON.parse(await said('frond_status')).next).toEqual(['second']);
  });

  it('waits for those before to hear of that, a second at most', async () => {
    const { host, ask } = await serving(toNext);
    host.onEnd(() => new Promise(() => {}));
    const before = performance.now();
    await ask('_.next', bytes('last memory://end'), { cache: 'second' });
    expect(performance.now() - before).toBeGreaterThanOrEqual(TELLING - 10);
  });

  it('takes cancels of its callers', async () => {
    const { host, ask } = await serving(toClient);
    const cancel = vi.spyOn(host.cancellations, 'cancel');
    await ask(CANCEL, bytes(''), cancelMessage({ client: 'c', calls: ['1'], code: 'CANCELLED', reason: '' }));
    expect(cancel.mock.calls).toEqual([[expect.objectContaining({ client: 'c', calls: ['1'] })]]);
  });
});

describe('what a host reads', () => {
  it('stops while too much waits, which it says and counts, and cancelled messages count as received', async () => {
    const { host, real, lines } = await played({ maxWaiting: 1_500 });
    const frames = ['1', '2', '3'].map((call) =>
      codec.encode(palmMessage({ client: `c/${call}`, function: 'server.f', payload: bytes('x') })).slice(),
    );
    const source = new BatchQueue<Bytes>(100);
    host.intake([source]);
    source.push(frames);
    await within(
      10_000,
      until(() => lines.length > 0),
    );
    expect(lines[0]).toEqual([
      'info',
      'no more is read until some of what waits is done',
      { waiting: expect.any(Number), limit: 1_500 },
    ]);
    host.cancel({ client: 'c', calls: [], code: 'CANCELLED', reason: '' });
    await within(
      10_000,
      until(() => host.tally.cancelled > 0),
    );
    expect(host.tally.received).toBe(host.tally.cancelled);
    const db = await host.serveCache({}, () => ({
      role: 'Server',
      functions: [],
      counters: host.meter.counters(0),
    }));
    const frame = codec.encode(
      palmMessage({ client: 'c', function: '_.get', payload: bytes('frond_status') }),
    );
    const reply = await (await real.open()).request(db.address, frame.slice()).reply;
    expect(JSON.parse(textOf(reply)).waiting.timesFull).toBeGreaterThanOrEqual(1);
    source.end();
  });

  const call = (client: string) =>
    codec.encode(palmMessage({ client, function: 'server.f', payload: bytes('x') })).slice();

  it('waits for room in another budget, too', async () => {
    for (const isFull of [false, true]) {
      const { host } = await played();
      const other = new ByteBudget(1);
      if (isFull) other.take(1);
      const source = new BatchQueue<Bytes>(100);
      const intake = host.intake([source], { other });
      const next = intake.next();
      let isThere = false;
      next.then(() => {
        isThere = true;
      });
      source.push([call('c/1')]);
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      expect(isThere).toBe(!isFull);
      if (isFull) other.give(1);
      await within(2_000, next);
      source.end();
    }
  });

  it('drops what waits for a function when its caller gives it up, and hands each payload out whole', async () => {
    const { host } = await played();
    const seen: string[] = [];
    const gate = deferred<void>();
    const step = async ({ client, payload }: PalmMessage) => {
      seen.push(`${client} ${payload.buffer.byteLength}`);
      await gate.promise;
    };
    const flow = host.flow(step, { add: () => {}, done: () => {}, flush: async () => true });
    const source = new BatchQueue<Bytes>(100);
    source.push(['c/1', 'd/1', 'c/2'].map(call));
    const serving = flow.serve(source);
    await within(
      10_000,
      until(() => seen.length === 1 && flow.held === 1),
    );
    host.cancel({ client: 'd', calls: [], code: 'CANCELLED', reason: '' });
    gate.resolve();
    await within(
      10_000,
      until(() => seen.length === 2),
    );
    source.end();
    await serving;
    expect(seen).toEqual(['c/1 1', 'c/2 1']);
  });
});

it('what was published leaves before the other links break', async () => {
  const { transport, closed } = noted();
  const host = await openRoleHost(options(transport), 'server', [], async (own: RoleHost) => {
    await own.publisher('memory://*', (message) => ({ topic: 'a', message }));
    return own;
  });
  const left = vi.fn().mockReturnValueOnce(200).mockReturnValueOnce(100);
  await host.close(left);
  expect(closed.slice(0, 2)).toEqual(['publisher within 200', 'connection within 100']);
});

it('a role that cannot start closes its connection', async () => {
  const { transport, closed } = noted();
  const failure = new Error('no');
  await expect(openRoleHost(options(transport), 'server', [], () => Promise.reject(failure))).rejects.toBe(
    failure,
  );
  expect(closed).toEqual(['connection within 0']);
});

it('clients that go together are told in parts, so that others are served between, and only to roles that take notices', async () => {
  const told: number[] = [];
  const real = memory();
  let listener: ((topic: string, isThere: boolean) => void) | undefined;
  const transport = publishing(real, (bound) => {
    const publish = bound.publish.bind(bound);
    bound.publish = (deliveries) => {
      told.push(deliveries.length);
      return publish(deliveries);
    };
    bound.onSubscribers = (own) => {
      listener = own;
    };
    return bound;
  });
  const host = await openRoleHost(options(transport), 'server', [], async (own: RoleHost) => {
    await own.publisher('memory://*', (message) => ({ topic: 'a', message }));
    return own;
  });
  // Nobody behind takes notices.
  host.cancel({ client: 'a', calls: ['1'], code: 'CANCELLED', reason: '' });
  expect(told).toEqual([]);
  listener?.(NOTICES, true);
  for (let i = 0; i < 300; i++) listener?.(`client${i}/`, false);
  listener?.('client7/', true);
  await within(
    10_000,
    until(() => told.reduce((sum, count) => sum + count, 0) >= 299),
  );
  expect(told).toEqual([128, 128, 43]);
  listener?.(NOTICES, false);
  host.cancel({ client: 'a', calls: ['1'], code: 'CANCELLED', reason: '' });
  expect(told).toHaveLength(3);
  await host.close(() => 100);
});

describe('where a transport is asked for subscribers', () => {
  /** A host of such a transport, with inputs unless told otherwise. */
  async function asking(stream: Stream, settles = true) {
    const real = memory();
    const watching: {
      topics: () => Iterable<string>;
      listener: (topic: string, isThere: boolean) => void;
    }[] = [];
    const settled: string[] = [];
    const settler: Settler = {
      settle: (frames, outcome) => void settled.push(...frames.map(() => outcome)),
      idOf: () => 'id',
      onGivenUp: () => {},
    };
    const transport = publishing(real, (bound) =>
      Object.assign(bound, {
        onSubscribers: undefined,
        watchSubscribers: (
          topics: () => Iterable<string>,
          listener: (topic: string, isThere: boolean) => void,
        ) => void watching.push({ topics, listener }),
      }),
    );
    const host = await openRoleHost(options(transport), 'server', [], async (own: RoleHost) => own);
    open.push(host);
    const inputs = host.openInputs({ ...(settles && { settler }) } as unknown as BoundPull);
    await host.publisher('memory://*', stream);
    return { host, inputs, settler, settled, watching };
  }

  const callOf = (client: string) => codec.encode(palmMessage({ client })).slice();

  it('those of inputs that are not done are asked for, and what those have sent who are gone is dropped and settled', async () => {
    const { host, inputs, settler, settled, watching } = await asking(toClient);
    const [watch] = watching;
    const source = new BatchQueue<Bytes>(100);
    const intake = host.intake([inputs?.batches(source, settler) ?? source]);
    source.push([callOf('a/1'), callOf('b/1')]);
    await within(
      5_000,
      until(() => intake.size === 2),
    );
    expect([...(watch?.topics() ?? [])]).toEqual(['a/', 'b/']);
    watch?.listener('a/', false);
    await within(
      5_000,
      until(() => host.tally.cancelled === 1),
    );
    source.push([callOf('a/2'), callOf('b/2')]);
    await within(
      5_000,
      until(() => host.tally.cancelled === 2 && intake.size === 2),
    );
    // Something of it has come, so it is asked for again.
    expect([...(watch?.topics() ?? [])]).toEqual(['a/', 'b/', 'b/']);
    expect([...(watch?.topics() ?? [])]).toEqual(['b/', 'b/']);
    watch?.listener('a/', true);
    source.push([callOf('a/3')]);
    await within(
      5_000,
      until(() => intake.size === 3),
    );
    expect(host.tally.cancelled).toBe(2);
    await within(
      5_000,
      until(() => settled.length === 2),
    );
    expect(settled).toEqual(['done', 'done']);
    source.end();
  });

  it.each<[string, Stream, boolean]>([
    ['results go to the next server', toNext, true],
    [
      'a handleStream of the user says where results go',
      (message) => ({ topic: message.client, message }),
      true,
    ],
    ['nothing is settled', toClient, false],
  ])('nobody is asked for where %s', async (_, stream, settles) => {
    const { watching } = await asking(stream, settles);
    expect(watching).toEqual([]);
  });
});
