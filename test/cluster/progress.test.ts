/** How far functions are, as their callers hear of it: through every role, on every transport that binds. */
import { describe, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../src/async/deferred.ts';
import type {
  FunctionContext,
  Hub,
  Master,
  PalmFunctions,
  Pipeline,
  Server,
  Worker,
} from '../../src/cluster/index.ts';
import type { CallProgress } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage, Status } from '../../src/protocol/message.ts';
import { progressField } from '../../src/protocol/progress.ts';
import type { TapEvent } from '../../src/tap.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { until, within } from '../support/wait.ts';

const untilSo = (condition: () => boolean, what: string) => within(5_000, until(condition), what);

/** Functions that say how far they are. */
function telling() {
  const gates = new Map<string, Deferred<void>>();
  const gate = (name: string) => {
    const own = gates.get(name) ?? deferred<void>();
    gates.set(name, own);
    return own;
  };
  const contexts: FunctionContext[] = [];
  const functions = {
    /** Tells two values, and waits for its caller after each. */
    steps: async (payload, { progress }) => {
      progress(1, 2, textOf(payload));
      await gate('first').promise;
      progress(2, 2);
      await gate('second').promise;
      return payload;
    },
    /** Says a thousand values in one go. */
    quick: (payload, { progress }) => {
      for (let i = 0; i < 1_000; i++) progress(i, 1_000);
      return payload;
    },
    /** Says its last value in the moment that it ends. */
    last: async (payload, { progress }) => {
      progress(0, 10);
      await undefined;
      progress(10, 10, 'done');
      return payload;
    },
    fails: async (_payload, { progress }) => {
      progress(1);
      await undefined;
      progress(2);
      throw new Error('no further');
    },
    keeps: (payload, context) => {
      contexts.push(context);
      context.progress(1);
      return payload;
    },
    waits: async (_payload, context) => {
      contexts.push(context);
      context.progress(1);
      const over = deferred<Uint8Array>();
      context.signal.addEventListener('abort', () => over.reject(context.signal.reason));
      return over.promise;
    },
    *each(_payload, { progress }) {
      for (let i = 1; i <= 3; i++) {
        progress(i, 3);
        yield bytes(`${i}`);
      }
    },
  } satisfies PalmFunctions;
  return { functions, contexts, open: (name: string) => gate(name).resolve() };
}

/** Steps the function `steps` on as its caller hears of it. Returns what the caller heard. */
async function stepped(
  { open }: ReturnType<typeof telling>,
  call: (onProgress: (progress: CallProgress) => void) => Promise<unknown>,
): Promise<readonly CallProgress[]> {
  const heard: CallProgress[] = [];
  await within(
    5_000,
    call((progress) => {
      heard.push(progress);
      open(progress.done === 1 ? 'first' : 'second');
    }),
    'the call',
  );
  return heard;
}

describe.each(grounds)('over %s, progress', (_name, make) => {
  const cluster = testCluster(make);

  async function serve() {
    const { start, connect } = cluster();
    const told = telling();
    const server = await start<Server>({ role: 'server', name: 'server', functions: told.functions });
    const client = await connect({ dbAddress: server.dbAddress });
    return { ...told, told, server, client, connect };
  }

  it('reaches the caller of eval while the function runs', async () => {
    const { told, client, server } = await serve();
    const heard = await stepped(told, (onProgress) =>
      client.eval('server.steps', bytes('a note'), { onProgress }),
    );
    const all = { total: 2, function: 'server.steps', index: undefined };
    expect(heard).toEqual([
      { ...all, done: 1, note: 'a note' },
      { ...all, done: 2, note: undefined },
    ]);
    expect(server.counters).toMatchObject({ received: 1, answered: 1, failed: 0 });
    expect(client.unclaimed).toBe(0);
  });

  it('is told in few messages, and the last value comes before the result, or before the failure', async () => {
    const { client } = await serve();
    for (const [name, values] of [
      ['quick', [0, 999]],
      ['last', [0, 10]],
    ] as const) {
      const heard: number[] = [];
      const onProgress = ({ done }: CallProgress) => heard.push(done);
      expect(textOf(await client.eval(`server.${name}`, bytes('x'), { onProgress }))).toBe('x');
      expect(heard).toEqual(values);
    }
    const heard: number[] = [];
    const failing = client.eval('server.fails', bytes(''), { onProgress: ({ done }) => heard.push(done) });
    await expect(failing).rejects.toMatchObject({ code: 'REMOTE' });
    expect(heard).toEqual([1, 2]);
    expect(client.unclaimed).toBe(0);
  });

  it('of a map names its input, and of a job is told before its end', async () => {
    const { client } = await serve();
    const heard: string[] = [];
    const onProgress = ({ done, index }: CallProgress) => heard.push(`${index}:${done}`);
    const inputs = ['a', 'b', 'c'].map(bytes);
    const results: string[] = [];
    for await (const result of client.map('server.last', inputs, { onProgress }))
      results.push(textOf(result));
    expect(results).toEqual(['a', 'b', 'c']);
    expect(heard.toSorted()).toEqual(['0:0', '0:10', '1:0', '1:10', '2:0', '2:10']);
    heard.length = 0;
    let given = 0;
    for await (const _ of client.job('server.each', inputs.slice(0, 1), { untilEnd: true, onProgress }))
      given++;
    expect(given).toBe(3);
    expect([heard[0], heard.at(-1)]).toEqual(['undefined:1', 'undefined:3']);
    expect(client.unclaimed).toBe(0);
  });

  it('costs others nothing: no message, and a function that does nothing', async () => {
    const { start, connect } = cluster();
    const { functions, contexts } = telling();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    const events: TapEvent[] = [];
    const client = await connect({ dbAddress: server.dbAddress, tap: (event) => void events.push(event) });
    const asking = await connect({ dbAddress: server.dbAddress });
    let heard = 0;
    await asking.eval('server.keeps', bytes(''), { onProgress: () => heard++ });
    await client.eval('server.keeps', bytes(''));
    await client.eval('server.quick', bytes(''), { metadata: { lang: 'de' } });
    expect(heard).toBe(1);
    expect(events.map(({ message }) => message?.status)).not.toContain(Status.progress);
    expect(contexts[1]?.progress).toBe(contexts[1]?.progress);
    expect(client.unclaimed).toBe(0);
  });

  it('of a function that is over, or cancelled, goes nowhere', async () => {
    const { client, contexts, server } = await serve();
    const heard: number[] = [];
    const onProgress = ({ done }: CallProgress) => heard.push(done);
    await client.eval('server.keeps', bytes(''), { onProgress });
    contexts[0]?.progress(2);
    const abort = new AbortController();
    const call = client.eval('server.waits', bytes(''), { onProgress, signal: abort.signal });
    const rejected = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await untilSo(() => heard.length === 2, 'the first value');
    abort.abort();
    await rejected;
    await untilSo(() => server.counters.cancelled === 1, 'the end of the function');
    for (const context of contexts) context.progress(3);
    // What was told would come before this answer.
    await client.eval('server.quick', bytes(''));
    expect(heard).toEqual([1, 1]);
    expect(client.unclaimed).toBe(0);
  });

  it('is heard by its own caller alone', async () => {
    const { told, client, connect, server } = await serve();
    const other = await connect({ dbAddress: server.dbAddress });
    const [mine, others]: [number[], number[]] = [[], []];
    const waiting = other.eval('server.quick', bytes(''), { onProgress: ({ done }) => others.push(done) });
    const heard = await stepped(told, (onProgress) => client.eval('server.steps', bytes(''), { onProgress }));
    await waiting;
    await client.eval('server.last', bytes(''), { onProgress: ({ done }) => mine.push(done) });
    expect(heard.length).toBe(2);
    expect([mine, others]).toEqual([
      [0, 10],
      [0, 999],
    ]);
    expect([client.unclaimed, other.unclaimed]).toEqual([0, 0]);
  });

  it('passes through a pipeline, and says which function it is of', async () => {
    const { start, connect } = cluster();
    const told = telling();
    const { functions } = told;
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true, functions });
    const second = await start<Pipeline>({
      role: 'pipeline',
      name: 'second',
      previous: 'first',
      previousDbAddress: first.dbAddress,
      toClient: false,
      functions,
    });
    const third = await start<Pipeline>({
      role: 'pipeline',
      name: 'third',
      previous: 'second',
      previousDbAddress: second.dbAddress,
      functions,
    });
    await Promise.all([second.ready(), third.ready()]);
    const client = await connect({ dbAddress: first.dbAddress, subAddress: third.pubAddress });
    const heard: string[] = [];
    const path = ['first.steps', 'second.echo', 'third.last'];
    const answer = client.eval(path, bytes('p'), {
      onProgress: ({ function: name, done }) => {
        heard.push(`${name} ${done}`);
        if (name === 'first.steps') told.open(done === 1 ? 'first' : 'second');
      },
    });
    expect(textOf(await within(5_000, answer, 'the answer'))).toBe('p');
    expect(heard).toEqual(['first.steps 1', 'first.steps 2', 'third.last 0', 'third.last 10']);
  });

  it('comes from the workers of a Master, and gather and counters see nothing of it', async () => {
    const { start, connect } = cluster();
    const told = telling();
    const gathered: number[] = [];
    const master = await start<Master>({
      role: 'master',
      name: 'master',
      *gather(message) {
        gathered.push(message.status);
        yield message;
      },
    });
    const { dbAddress } = master;
    const worker = await start<Worker>({ role: 'worker', dbAddress, functions: told.functions });
    const client = await connect({ dbAddress });
    const heard = await stepped(told, (onProgress) =>
      client.eval('master.steps', bytes('w'), { onProgress }),
    );
    expect(heard.map(({ done, note }) => [done, note])).toEqual([
      [1, 'w'],
      [2, undefined],
    ]);
    const last: number[] = [];
    await client.eval('master.last', bytes(''), { onProgress: ({ done }) => last.push(done) });
    expect(last).toEqual([0, 10]);
    expect(gathered).toEqual([0, 0]);
    expect(master.counters).toMatchObject({ received: 2, answered: 2, failed: 0, inFlight: 0 });
    expect(worker.counters).toMatchObject({ received: 2, answered: 2, failed: 0 });
  });

  it('comes from workers that are pushed to, and is counted as no result', async () => {
    const { start, connect } = cluster();
    const told = telling();
    const gathered: number[] = [];
    const master = await start<Master>({
      role: 'master',
      name: 'master',
      *gather(message) {
        gathered.push(message.status);
        yield message;
      },
    });
    const worker = await start<Worker>({
      role: 'worker',
      dbAddress: master.dbAddress,
      pushAddress: master.workerPushAddress,
      pullAddress: master.workerPullAddress,
      functions: told.functions,
    });
    const client = await connect({ dbAddress: master.dbAddress });
    const heard = await stepped(told, (onProgress) =>
      client.eval('master.steps', bytes('w'), { onProgress }),
    );
    expect(heard.map(({ done, note }) => [done, note])).toEqual([
      [1, 'w'],
      [2, undefined],
    ]);
    const last: number[] = [];
    await client.eval('master.last', bytes(''), { onProgress: ({ done }) => last.push(done) });
    expect(last).toEqual([0, 10]);
    await client.eval('master.keeps', bytes(''));
    expect(gathered).toEqual([0, 0, 0]);
    expect(master.counters).toMatchObject({ received: 3, answered: 3, failed: 0, dropped: 0, inFlight: 0 });
    expect(worker.counters).toMatchObject({ received: 3, answered: 3, failed: 0 });
  });

  it('is not heard from a peer that a call was not pushed to', async () => {
    const { start, connect, transport, own } = cluster();
    const told = telling();
    const master = await start<Master>({ role: 'master', name: 'master' });
    const { dbAddress } = master;
    await start<Worker>({ role: 'worker', dbAddress, functions: told.functions });
    const client = await connect({ dbAddress });
    const pusher = own(await transport.open()).push(master.workerPullAddress);
    await pusher.ready();
    const lie = palmMessage({
      client: `${client.id}/1`,
      function: 'master.steps',
      payload: bytes('{"done":99}'),
      status: Status.progress,
      unknown: progressField('1'),
    });
    const heard = await stepped(told, async (onProgress) => {
      const call = client.eval('master.steps', bytes(''), {
        onProgress: async (progress) => {
          if (progress.done === 1) await pusher.send([new EnvelopeCodec().encode(lie)]);
          if (progress.done === 1) await untilSo(() => master.counters.dropped === 1, 'the lie');
          onProgress(progress);
        },
      });
      return call;
    });
    expect(heard.map(({ done }) => done)).toEqual([1, 2]);
  });

  it('comes from behind a Hub', async () => {
    const { start, connect } = cluster();
    const told = telling();
    const { functions } = told;
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
    const hub = await start<Hub>({
      role: 'hub',
      name: 'hub',
      previous: 'first',
      previousDbAddress: first.dbAddress,
    });
    await hub.ready();
    await start<Worker>({ role: 'worker', dbAddress: hub.dbAddress, functions });
    const client = await connect({ dbAddress: first.dbAddress, subAddress: hub.pubAddress });
    const heard = await stepped(told, (onProgress) =>
      client.eval(['first.echo', 'hub.steps'], bytes('h'), { onProgress }),
    );
    expect(heard.map(({ done, function: name }) => `${name} ${done}`)).toEqual([
      'hub.steps 1',
      'hub.steps 2',
    ]);
  });
});

describe('bad input', () => {
  const cluster = testCluster(grounds[0][1]);

  async function serve(functions: PalmFunctions, options: object = {}) {
    const { start, connect } = cluster();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    const client = await connect({ dbAddress: server.dbAddress, ...options });
    return { server, client };
  }

  /** What the caller hears of one value. */
  async function heardOf(...values: readonly unknown[]): Promise<unknown> {
    const { client } = await serve({
      tell: (payload, { progress }) => {
        (progress as (...values: readonly unknown[]) => void)(...values);
        return payload;
      },
    });
    const heard: CallProgress[] = [];
    await client.eval('server.tell', bytes(''), { onProgress: (progress) => heard.push(progress) });
    return heard.map(({ done, total, note }) => [done, total, note]);
  }

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '5', undefined, null, 3n, {}])(
    'done is not told when it is %s',
    async (done) => {
      expect(await heardOf(done, 10)).toEqual([]);
    },
  );

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '5', null, 4])(
    'a total of %s for 5 that are done is not known',
    async (total) => {
      expect(await heardOf(5, total, 'x')).toEqual([[5, undefined, 'x']]);
    },
  );

  it('a note is cut, and left out when it is not a string', async () => {
    const [[, , note]] = (await heardOf(1, 2, 'é'.repeat(5_000))) as [[number, number, string]];
    expect(note).toBe(`${'é'.repeat(200)}…`);
    expect(await heardOf(1, 2, { toString: () => 'x' })).toEqual([[1, 2, undefined]]);
    expect(await heardOf(1, 2, '\ud800')).toEqual([[1, 2, '\ud800']]);
    expect(await heardOf(0, 0)).toEqual([[0, 0, undefined]]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ] as const)('an onProgress that %s is logged once, and the call goes on', async (_what, fails) => {
    const warnings: string[] = [];
    const nothing = () => {};
    const logger = {
      debug: nothing,
      info: nothing,
      warning: (text: string) => warnings.push(text),
      error: nothing,
    };
    const { client } = await serve(telling().functions, { logger, loggingLevel: 'warning' });
    let heard = 0;
    const onProgress = () => {
      heard++;
      return fails();
    };
    expect(textOf(await client.eval('server.quick', bytes('x'), { onProgress }))).toBe('x');
    await untilSo(() => warnings.length > 0, 'the warning');
    expect(warnings).toEqual(['onProgress threw, and hears no more']);
    // Two values may come in one batch, before a rejection is seen.
    expect(heard).toBeLessThanOrEqual(2);
  });

  it('an onProgress that is not a function is refused before anything is sent', async () => {
    const { client, server } = await serve(telling().functions);
    const onProgress = 'loud' as never;
    const refused = {
      code: 'INVALID_CALL',
      message: expect.stringContaining('onProgress must be a function'),
    };
    await expect(client.eval('server.quick', bytes(''), { onProgress })).rejects.toMatchObject(refused);
    await expect(client.map('server.quick', [bytes('')], { onProgress }).next()).rejects.toMatchObject(
      refused,
    );
    await expect(client.job('server.quick', [bytes('')], { onProgress }).next()).rejects.toMatchObject(
      refused,
    );
    expect(server.counters.received).toBe(0);
  });

  /** What comes under each topic for one call of a stranger, up to its answer. */
  async function topicsFor(client: string, unknown: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
    const { start, transport, own } = cluster();
    const server = await start<Server>({ role: 'server', name: 'server', functions: telling().functions });
    const connection = own(await transport.open());
    const subscription = connection.subscribe(server.pubAddress, client.split('/')[0] ?? '');
    const pusher = connection.push(server.pullAddress);
    await Promise.all([subscription.ready(), pusher.ready()]);
    const message = palmMessage({ client, function: 'server.quick', payload: bytes('x'), unknown });
    await pusher.send([new EnvelopeCodec().encode(message)]);
    const topics: string[] = [];
    for await (const deliveries of subscription) {
      topics.push(
        ...deliveries.filter(({ frames }) => (frames[0]?.length ?? 0) > 0).map(({ topic }) => topic),
      );
      if (topics.includes(client)) break;
    }
    expect(server.counters).toMatchObject({ received: 1, answered: 1, dropped: 0 });
    return topics;
  }

  it('a call asks under a name of its client alone', async () => {
    expect(await topicsFor('me/1', progressField('7'))).toEqual(['me/7~', 'me/7~', 'me/1']);
  });

  it.each(['', 'A', '../other', 'a~', 'x'.repeat(17), 'é'])(
    'a call that asks under the name %j is answered, and nothing is told',
    async (name) => {
      expect(await topicsFor('me/1', progressField(name))).toEqual(['me/1']);
    },
  );

  it.each([
    ['twice', 'me/1', [...progressField('7'), ...progressField('8')]],
    ['once with a name and once without', 'me/1', [...progressField('7'), ...progressField('')]],
    ['as a client without topics of its own', 'first', [...progressField('7')]],
  ])('a call that asks %s is answered, and nothing is told', async (_what, client, field) => {
    expect(await topicsFor(client, new Uint8Array(field))).toEqual([client]);
  });

  it.each(['server', 'master'] as const)(
    'a %s goes on after a call that says of itself that it is progress, under a name that is not acceptable',
    async (role) => {
      const { start, connect, transport, own } = cluster();
      const server =
        role === 'server'
          ? await start<Server>({ role, name: 'server', functions: telling().functions })
          : await start<Master>({ role, name: 'server' });
      const { dbAddress } = server;
      if (role === 'master') await start<Worker>({ role: 'worker', dbAddress });
      const client = await connect({ dbAddress });
      const pusher = own(await transport.open()).push(server.pullAddress);
      await pusher.ready();
      const call = { client: 'a/1', function: 'server.echo', status: Status.progress, features: 1 };
      await pusher.send([
        new EnvelopeCodec().encode(palmMessage({ ...call, unknown: progressField('no name') })),
      ]);
      expect(textOf(await client.eval('server.echo', bytes('x'), { timeout: 5_000 }))).toBe('x');
    },
  );
});
