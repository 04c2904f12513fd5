/** Nothing that a client sends, and nothing that a function does, stops a server. On both transports. */
import { afterEach, describe, expect, it } from 'vitest';
import { type FunctionContext, Server, type ServerOptions } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

const grounds = [
  ['memory', () => ({ transport: memory(), any: 'memory://*' })],
  ['zeromq', () => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' })],
  ['zmtp', () => ({ transport: zmtp(), any: 'tcp://127.0.0.1:*' })],
] as const;

describe.each(grounds)('a server on %s', (_, make) => {
  let cleanup: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of cleanup.reverse()) await within(5_000, close(), 'closing');
    cleanup = [];
  });

  async function start(options: Partial<ServerOptions>) {
    const { transport, any } = make();
    const server = await Server.start({
      transport,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      ...options,
    });
    cleanup.push(() => server.close());
    const client = await Client.connect({ transport, dbAddress: server.dbAddress, loggingLevel: 'silent' });
    cleanup.push(() => client.close());
    return { transport, server, client };
  }

  const expectAlive = async (client: Client) => {
    expect(textOf(await client.eval('server.echo', bytes('alive'), { timeout: 3_000 }))).toBe('alive');
  };

  it('survives a message whose stage cannot be counted up', async () => {
    const { transport, server } = await start({ pipelined: true });
    const connection = await transport.open();
    cleanup.push(() => connection.close());
    const results = connection.subscribe(server.pubAddress, 'server');
    await results.ready();
    const pusher = connection.push(server.pullAddress);
    const codec = new EnvelopeCodec();
    const call = { client: 'c', function: 'server.echo' };
    await pusher.send([codec.encode(palmMessage({ ...call, stage: Number.MAX_SAFE_INTEGER }))]);
    await pusher.send([codec.encode(palmMessage({ ...call, payload: bytes('next') }))]);
    const batch = await within(3_000, results[Symbol.asyncIterator]().next());
    expect(textOf(codec.decode(batch.value?.[0]?.frames[0] ?? bytes('')).payload)).toBe('next');
  });

  it('survives functions that throw something that has no text, at once or later', async () => {
    const odd = Object.assign(new Error(), { message: Symbol('odd') as never, name: 7 as never });
    const { client } = await start({
      functions: {
        bare: () => {
          throw Object.create(null);
        },
        later: () => Promise.reject(Object.create(null)),
        odd: () => {
          throw odd;
        },
        surrogate: () => {
          throw new Error('half \ud800');
        },
      },
    });
    for (const name of ['bare', 'later', 'odd', 'surrogate']) {
      await expect(client.eval(`server.${name}`, bytes(''), { timeout: 3_000 })).rejects.toMatchObject({
        code: 'REMOTE',
      });
    }
    await expectAlive(client);
  });

  it('survives a handleStream that throws or returns something that cannot be sent, and tells the caller why', async () => {
    const broken: Record<string, (message: { client: string }) => void> = {
      throws: () => {
        throw new Error('no way');
      },
      stage: (message) => Object.assign(message, { stage: 0.5 }),
      text: (message) => Object.assign(message, { cache: '\ud800', client: 'elsewhere' }),
    };
    const wrong: Record<string, () => unknown> = {
      promise: async () => {
        throw new Error('too late');
      },
      nothing: () => undefined,
      noTopic: () => ({ topic: 7, message: {} }),
      noMessage: () => ({ topic: 't' }),
    };
    const { client } = await start({
      functions: Object.fromEntries(
        Object.keys({ ...broken, ...wrong }).map((name) => [name, (payload) => payload]),
      ),
      handleStream: (message) => {
        const topic = message.client;
        const name = message.function.split('.')[1] ?? '';
        broken[name]?.(message);
        return (wrong[name]?.() as never) ?? (name in wrong ? (undefined as never) : { topic, message });
      },
    });
    for (const name of Object.keys(wrong)) {
      const call = client.eval(`server.${name}`, bytes(''), { timeout: 3_000 });
      await expect(call, name).rejects.toThrow(/handleStream must return \{ topic, message \} at once, not/);
    }
    for (const name of Object.keys(broken)) {
      await expect(client.eval(`server.${name}`, bytes(''), { timeout: 3_000 })).rejects.toMatchObject({
        code: 'REMOTE',
      });
    }
    await expectAlive(client);
  });

  it('survives a store that returns something that is not a value, at once or later', async () => {
    const given: Record<string, unknown> = {
      text: 'text',
      later: Promise.resolve('text'),
      number: Promise.resolve(7),
      missing: null,
      missingLater: Promise.resolve(null),
      // As some libraries have it.
      thenable: {
        // biome-ignore lint/suspicious/noThenProperty: it is one.
        then: (resolve: (value: Uint8Array) => void) => resolve(bytes('from a thenable')),
      },
    };
    const store = {
      get: (key: string) => given[key] as never,
      set: () => {},
      delete: () => 'yes' as never,
    };
    const recall = async (payload: Uint8Array, { cache }: FunctionContext) =>
      (await cache.get(textOf(payload))) ?? bytes('(nothing)');
    const { client } = await start({ store, functions: { recall } });
    for (const key of ['text', 'later', 'number']) {
      const reason = new RegExp(`the store returned .* for key "${key}"`);
      await expect(client.get(key, { timeout: 3_000 }), key).rejects.toThrow(reason);
      await expect(client.eval('server.recall', bytes(key), { timeout: 3_000 }), key).rejects.toThrow(reason);
    }
    for (const key of ['missing', 'missingLater']) {
      expect(await client.get(key, { timeout: 3_000 })).toBeUndefined();
      expect(textOf(await client.eval('server.recall', bytes(key)))).toBe('(nothing)');
    }
    expect(textOf((await client.get('thenable')) ?? bytes(''))).toBe('from a thenable');
    expect(await client.delete('k')).toBe(true);
    await expectAlive(client);
  });

  it('survives a list of promises that fail, and tells the caller of the first', async () => {
    const failing = () => [Promise.reject(new Error('one')), Promise.reject(new Error('two'))];
    const { client } = await start({
      functions: { list: () => failing() as never, later: async () => new Set(failing()) as never },
    });
    for (const name of ['list', 'later'])
      await expect(client.eval(`server.${name}`, bytes(''), { timeout: 3_000 })).rejects.toThrow(/one/);
    await expectAlive(client);
  });

  it('survives a store whose error has no text', async () => {
    const store = {
      get: () => {
        throw Object.create(null);
      },
      set: () => Promise.reject(new Error('half \ud800')),
      delete: () => Promise.reject(Object.create(null)),
    };
    const { client } = await start({ store });
    await expect(client.get('k', { timeout: 3_000 })).rejects.toMatchObject({ code: 'REMOTE' });
    await expect(client.set(bytes(''), 'k', { timeout: 3_000 })).rejects.toMatchObject({ code: 'REMOTE' });
    await expect(client.delete('k', { timeout: 3_000 })).rejects.toMatchObject({ code: 'REMOTE' });
    expect(textOf((await client.get('name')) ?? bytes(''))).toBe('server');
  });

  it('ignores what a function returns after the server was closed', async () => {
    let finish = () => {};
    const { server, client } = await start({
      functions: {
        late: () =>
          new Promise((resolve) => {
            finish = () => resolve(bytes('late'));
          }),
      },
    });
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const call = client.eval('server.late', bytes(''), { timeout: 3_000 });
    call.catch(() => {});
    await client.get('name');
    await within(3_000, server.close({ timeout: 50 }));
    finish();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });
});
