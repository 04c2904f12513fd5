/** What functions are given, and what may come of them. On every transport that binds. */
import { describe, expect, it } from 'vitest';
import type {
  FunctionContext,
  Master,
  PalmFunctions,
  Pipeline,
  Server,
  Worker,
} from '../../src/cluster/index.ts';
import type { Bytes } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { until, within } from '../support/wait.ts';

const functions: PalmFunctions = {
  remember: async (payload, { cache }) => {
    const [key = '', value = ''] = textOf(payload).split('=');
    return bytes(await cache.set(bytes(value), key));
  },
  recall: async (payload, { cache }) => (await cache.get(textOf(payload))) ?? bytes('(nothing)'),
  forget: async (payload, { cache }) => bytes(String(await cache.delete(textOf(payload)))),
  shared: async (payload, { cache }) =>
    (await cache.withSession(undefined).get(textOf(payload))) ?? bytes('(nothing)'),
  random: async (payload, { cache }) => bytes(await cache.set(payload)),
  breakIn: async (_payload, { cache }) => bytes(await cache.set(bytes('evil'), 'pull_address')),
  notBytes: async (_payload, { cache }) => bytes(await cache.set('text' as never, 'k')),
  who: (_payload, { name, message }) => bytes(`${name} ${message.function} ${message.cache}`),
};

describe.each(grounds)('functions on %s', (_, make) => {
  const cluster = testCluster(make);

  async function serve(options: object = {}) {
    const { start, connect } = cluster();
    const server = await start<Server>({ role: 'server', name: 'server', functions, ...options });
    return { server, dbAddress: server.dbAddress, connect, name: 'server' };
  }

  async function work(options: object = {}) {
    const { start, connect } = cluster();
    const { dbAddress } = await start<Master>({ role: 'master', name: 'server' });
    const worker = await start<Worker>({ role: 'worker', name: 'worker', dbAddress, functions, ...options });
    return { worker, dbAddress, connect, name: 'worker' };
  }

  describe.each([
    ['a server', serve],
    ['a worker', work],
  ] as const)('of %s', (_kind, open) => {
    it('share the store with clients', async () => {
      const { connect, dbAddress } = await open();
      const client = await connect({ dbAddress });
      await client.set(bytes('from a client'), 'k');
      expect(textOf(await client.eval('server.recall', bytes('k')))).toBe('from a client');
      expect(textOf(await client.eval('server.remember', bytes('k=from a function')))).toBe('k');
      expect(textOf((await client.get('k')) as Bytes)).toBe('from a function');
      expect(textOf(await client.eval('server.forget', bytes('k')))).toBe('true');
      expect(textOf(await client.eval('server.forget', bytes('k')))).toBe('false');
      expect(await client.get('k')).toBeUndefined();
      const key = textOf(await client.eval('server.random', bytes('value')));
      expect(textOf((await client.get(key)) as Bytes)).toBe('value');
    });

    it('read and write keys of their caller’s session, or shared keys when they say so', async () => {
      const { connect, dbAddress } = await open();
      const [plain, own, other] = [
        await connect({ dbAddress }),
        await connect({ dbAddress, session: 'S1-' }),
        await connect({ dbAddress, session: 'S2-' }),
      ];
      await own.set(bytes('mine'), 'k');
      await plain.set(bytes('everybody’s'), 'k');
      expect(textOf(await own.eval('server.recall', bytes('k')))).toBe('mine');
      expect(textOf(await other.eval('server.recall', bytes('k')))).toBe('(nothing)');
      expect(textOf(await plain.eval('server.recall', bytes('k')))).toBe('everybody’s');
      expect(textOf(await own.eval('server.shared', bytes('k')))).toBe('everybody’s');
      expect(textOf(await own.eval('server.recall', bytes('S1-k')))).toBe('mine');
      await other.eval('server.remember', bytes('k=theirs'));
      expect(textOf((await plain.get('S2-k')) as Bytes)).toBe('theirs');
    });

    it('cannot write the configuration, or values that are not bytes', async () => {
      const { connect, dbAddress } = await open();
      const client = await connect({ dbAddress });
      for (const name of ['breakIn', 'notBytes']) {
        await expect(client.eval(`server.${name}`, bytes(''))).rejects.toMatchObject({ code: 'REMOTE' });
      }
    });

    it('get the name of their server and the message', async () => {
      const { connect, dbAddress, name } = await open();
      const client = await connect({ dbAddress });
      const answer = await client.eval('server.who', bytes(''), { cache: 'mine' });
      expect(textOf(answer)).toBe(`${name} server.who mine`);
    });

    it('send their stack with the failure if the owner of the server wants that', async () => {
      const failing = {
        boom: () => {
          throw new RangeError('too far');
        },
      };
      for (const includeStack of [false, true]) {
        const { connect, dbAddress } = await open({ functions: failing, includeStack });
        const client = await connect({ dbAddress });
        const error = await client.eval('server.boom', bytes('')).catch((reason: Error) => reason);
        expect(String(error)).toMatch(includeStack ? /functions\.test/ : /^(?!.*functions\.test)/);
      }
    });
  });

  it('of a server may give several results, and go on while others run', async () => {
    const { connect, dbAddress } = await serve({
      concurrency: 2,
      functions: {
        *three() {
          for (const one of ['a', 'b', 'c']) yield bytes(one);
        },
        async slow() {
          await new Promise((resolve) => setTimeout(resolve, 200));
          return bytes('slow');
        },
      },
    });
    const client = await connect({ dbAddress });
    const answers: string[] = [];
    const slow = client.eval('server.slow', bytes('')).then((answer) => answers.push(textOf(answer)));
    const three = await client.eval('server.three', bytes(''), { messages: 3 });
    answers.push(...three.map(textOf));
    await slow;
    expect(answers).toEqual(['a', 'b', 'c', 'slow']);
  });

  it('of a server run one after another unless told otherwise, and answer in order', async () => {
    let running = 0;
    let most = 0;
    const { connect, dbAddress } = await serve({
      functions: {
        wait: async (payload: Uint8Array) => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 10 - Number(textOf(payload))));
          running--;
          return new Uint8Array(payload);
        },
      },
    });
    const client = await connect({ dbAddress });
    const results: string[] = [];
    for await (const result of client.job('server.wait', ['0', '5', '9'].map(bytes), { messages: 3 }))
      results.push(textOf(result));
    expect(results).toEqual(['0', '5', '9']);
    expect(most).toBe(1);
  });

  it('that never end a stream of results are stopped when the server closes', async () => {
    let isDone = false;
    const { connect, dbAddress, server } = await serve({
      functions: {
        async *endless() {
          try {
            for (let i = 0; ; i++) yield bytes(String(i));
          } finally {
            isDone = true;
          }
        },
      },
    });
    const client = await connect({ dbAddress });
    await client.eval('server.endless', bytes(''), { messages: 1_000 });
    await within(3_000, server.close({ timeout: 100 }));
    await within(
      3_000,
      until(() => isDone),
    );
  });

  it('are told by their signal that the server closes', async () => {
    const seen: FunctionContext[] = [];
    const { connect, dbAddress, server } = await serve({
      functions: {
        wait: (_payload: Uint8Array, context: FunctionContext) => {
          seen.push(context);
          return new Promise<Uint8Array>((resolve) =>
            context.signal.addEventListener('abort', () => resolve(bytes('cut short'))),
          );
        },
      },
    });
    const client = await connect({ dbAddress });
    const answer = client.eval('server.wait', bytes(''));
    answer.catch(() => {});
    await within(
      3_000,
      until(() => seen.length === 1),
    );
    await within(3_000, server.close());
    expect(server.counters).toMatchObject({ answered: 1, inFlight: 0 });
  });

  it('have their concurrency checked before anything is bound', async () => {
    for (const concurrency of [0, 1.5, -1, 'two' as never]) {
      await expect(serve({ concurrency })).rejects.toMatchObject({ code: 'INVALID_CALL' });
    }
  });

  it('get the same context as scatter, gather and handleStream', async () => {
    const { start, connect } = cluster();
    const seen: string[] = [];
    const note = async (what: string, { name, cache, message }: FunctionContext) =>
      seen.push(`${what} ${name} ${message.cache} ${textOf((await cache.get('k')) as Bytes)}`);
    const { dbAddress } = await start<Master>({
      role: 'master',
      name: 'master',
      async *scatter(message, context) {
        await note('scatter', context);
        yield message;
      },
      async *gather(message, context) {
        await note('gather', context);
        yield message;
      },
      handleStream: (message, context) => {
        note('handleStream', context);
        return { topic: message.client, message };
      },
    });
    await start<Worker>({ role: 'worker', dbAddress });
    const client = await connect({ dbAddress, session: 'S-' });
    await client.set(bytes('value'), 'k');
    await client.eval('master.echo', bytes(''), { cache: 'mine' });
    await within(
      3_000,
      until(() => seen.length === 3),
    );
    expect(seen).toEqual(['scatter', 'gather', 'handleStream'].map((what) => `${what} master mine value`));
  });

  it('of a pipeline are not given what is published under a longer topic', async () => {
    const { start, transport, own, any } = cluster();
    const connection = own(await transport.open());
    const publisher = await connection.bindPublish(any);
    const second = await start<Pipeline>({
      role: 'pipeline',
      name: 'second',
      subAddress: publisher.address,
      previous: 'first',
    });
    await second.ready();
    await publisher.publish(
      ['first2', 'first/x', 'first'].map((topic) => ({ topic, frames: [bytes('no envelope')] })),
    );
    await within(
      3_000,
      until(() => second.counters.received > 0),
    );
    expect(second.counters).toMatchObject({ received: 1, dropped: 1 });
  });
});
