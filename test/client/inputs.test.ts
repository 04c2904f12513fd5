/** What people give and mistype, and what they are told. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Master, Server, Worker } from '../../src/cluster/index.ts';
import { Client, readable, text } from '../../src/index.ts';
import { atLevel } from '../../src/logging.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { readAll, until, within } from '../support/wait.ts';

const transport = memory();
const any = 'memory://*';

/** Bytes as a page's frame, a test of jest's or `node:vm` makes them. */
const foreign = (): Uint8Array => runInNewContext('new Uint8Array([104, 105])');

let server: Server;
let client: Client;

beforeAll(async () => {
  server = await Server.start({
    transport,
    name: 'demo',
    dbAddress: any,
    pullAddress: any,
    pubAddress: any,
    loggingLevel: 'silent',
    functions: {
      upper: (payload) => bytes(textOf(payload).toUpperCase()),
      foreign,
      foreignLater: async () => foreign(),
      *foreigns() {
        yield foreign();
      },
      foreignValue: async (_payload, { cache }) => bytes(await cache.set(foreign(), 'key')),
    },
  });
  client = await Client.connect({ transport, dbAddress: server.dbAddress, loggingLevel: 'silent' });
});

afterAll(async () => {
  await client?.close();
  await server?.close();
});

const failureOf = (path: string | string[]) =>
  client.eval(path, bytes('')).then(
    () => undefined,
    (error: unknown) => error as Error & { code: string },
  );

describe('a function that is not there', () => {
  it('is told with the one that was meant', async () => {
    expect(await failureOf('demo.uper')).toMatchObject({
      code: 'REMOTE',
      message: 'demo.uper failed: server "demo" has no function "uper"; did you mean "upper"?',
    });
    expect((await failureOf('demo.reverse'))?.message).toBe(
      'demo.reverse failed: server "demo" has no function "reverse"',
    );
  });

  it('is told whole only where that helps', async () => {
    const long = `demo.${'f'.repeat(70_000)}`;
    const messages = [
      (await failureOf(long))?.message ?? '',
      await client.eval(long, 'no bytes' as never).catch((error: Error) => error.message),
      await client
        .job(long, ['no bytes' as never])
        .next()
        .catch((error: Error) => error.message),
      await client
        .map(long, ['no bytes' as never])
        .next()
        .catch((error: Error) => error.message),
    ];
    for (const message of messages) {
      expect(message).toContain('demo.fff');
      expect(String(message).length).toBeLessThan(500);
    }
  });
});

describe('bytes of another realm', () => {
  it.each(['foreign', 'foreignLater', 'foreigns'])('are taken from the function %s', async (name) => {
    expect(textOf(await client.eval(`demo.${name}`, bytes('')))).toBe('hi');
  });

  it('are taken as payloads, values and values of functions', async () => {
    expect(textOf(await client.eval('demo.upper', foreign()))).toBe('HI');
    await client.set(foreign(), 'own');
    expect(await client.with(text()).get('own')).toBe('hi');
    expect(await client.with(text()).eval('demo.foreignValue', '')).toBe('key');
    expect(await client.with(text()).get('key')).toBe('hi');
  });

  it('are taken from scatter, gather and workers', async () => {
    await using master = await Master.start({
      transport,
      name: 'master',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      workerPullAddress: any,
      workerPushAddress: any,
      loggingLevel: 'silent',
      *scatter(message) {
        yield { ...message, payload: foreign() as never };
      },
    });
    const { dbAddress } = master;
    await using _worker = await Worker.start({
      transport,
      dbAddress,
      loggingLevel: 'silent',
      functions: { again: (payload) => new (foreign().constructor as Uint8ArrayConstructor)(payload) },
    });
    await using boss = await Client.connect({ transport, dbAddress, loggingLevel: 'silent' });
    expect(textOf(await boss.eval('master.again', bytes('other')))).toBe('hi');
  });
});

describe('streams that cannot be iterated', () => {
  /** As Safari's are. */
  function plainStream(values: readonly string[]) {
    let wasLeft = false;
    const stream = new ReadableStream<string>({
      start(controller) {
        for (const value of values) controller.enqueue(value);
        controller.close();
      },
    });
    const own = {
      getReader: () => {
        const reader = stream.getReader();
        return {
          read: () => reader.read(),
          cancel: async () => {
            wasLeft = true;
            await reader.cancel();
          },
        };
      },
    };
    return { stream: own as unknown as AsyncIterable<string>, wasLeft: () => wasLeft };
  }

  it('are read by job and map', async () => {
    const results: string[] = [];
    const words = client.with(text());
    for await (const one of words.job('demo.upper', plainStream(['a', 'b']).stream, { messages: 2 })) {
      results.push(one);
    }
    for await (const one of words.map('demo.upper', plainStream(['c', 'd']).stream)) results.push(one);
    expect(results).toEqual(['A', 'B', 'C', 'D']);
  });

  it('are told when they are left', async () => {
    const { stream, wasLeft } = plainStream(['a', 'b', 'c']);
    for await (const _one of client.with(text()).map('demo.upper', stream, { window: 1 })) break;
    await new Promise(setImmediate);
    expect(wasLeft()).toBe(true);
  });

  it('are told while they wait for their next value', async () => {
    let reason: unknown = 'not cancelled';
    const waiting = new ReadableStream<string>({
      start: (controller) => controller.enqueue('a'),
      cancel: (why) => {
        reason = why;
      },
    });
    for await (const one of client.with(text()).map('demo.upper', waiting)) {
      expect(one).toBe('A');
      break;
    }
    await within(
      5_000,
      until(() => reason === undefined),
    );
    expect(waiting.locked).toBe(true);
  });

  it('fail the job when somebody else reads them', async () => {
    const { body: stream } = new Response('a');
    stream?.getReader();
    await expect(client.job('demo.upper', stream as never).next()).rejects.toThrow(TypeError);
  });

  it('of Node end when they are left, also while they wait', async () => {
    const waiting = new Readable({ read() {} });
    waiting.push(bytes('a'));
    for await (const one of client.map('demo.upper', waiting)) {
      expect(textOf(one)).toBe('A');
      break;
    }
    expect(waiting.destroyed).toBe(true);
    await within(5_000, once(waiting, 'close'));
  });

  it('that fail end the job with their error, after the results of what they gave', async () => {
    const failing = new ReadableStream<string>({
      start: (controller) => controller.enqueue('a'),
      pull: () => {
        throw new Error('disk on fire');
      },
    });
    const job = client.with(text()).job('demo.upper', failing);
    expect((await job.next()).value).toBe('A');
    await expect(job.next()).rejects.toThrow('disk on fire');
  });
});

describe('a Blob', () => {
  it('is read in pieces of 64 KiB, and its size is known', async () => {
    const blob = new Blob([new Uint8Array(65_536).fill(97), 'bc']);
    const map = client.map('demo.upper', blob);
    const pieces: string[] = [];
    for await (const piece of map) {
      pieces.push(textOf(piece));
      if (pieces.length === 1) expect(map.progress?.remaining).not.toBeUndefined();
    }
    expect(pieces).toEqual(['A'.repeat(65_536), 'BC']);
  });

  it('of no bytes is no input', async () => {
    expect(await readAll(client.map('demo.upper', new Blob([])))).toEqual([]);
  });

  it('is not taken for strings', async () => {
    const job = client.with(text()).job('demo.upper', new Blob(['a']) as never);
    await expect(job.next()).rejects.toMatchObject({ code: 'INVALID_CALL', index: 0 });
  });

  it.each([
    ['a response', () => new Response('a')],
    ['an object with a stream', () => ({ stream: () => {}, size: 1 })],
    ['a buffer', () => new ArrayBuffer(1)],
  ])('is not %s', (_what, made) => {
    const refused = { code: 'INVALID_CALL', message: expect.stringContaining('a stream or a Blob') };
    expect(() => client.job('demo.upper', made() as never)).toThrow(expect.objectContaining(refused));
  });
});

describe('results as a stream', () => {
  it('are what a Response takes', async () => {
    const results = client.map('demo.upper', [bytes('a'), bytes('b')]);
    expect(await new Response(readable(results)).text()).toBe('AB');
  });

  it('are taken no earlier than they are read, and the job is left when the stream is cancelled', async () => {
    let given = 0;
    let wasLeft = false;
    const inputs = (async function* () {
      try {
        for (;;) {
          given++;
          yield 'a';
        }
      } finally {
        wasLeft = true;
      }
    })();
    const stream = readable(client.with(text()).map('demo.upper', inputs, { window: 2 }));
    await new Promise(setImmediate);
    expect(given).toBe(0);
    const reader = stream.getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'A' });
    await reader.cancel();
    await within(
      5_000,
      until(() => wasLeft),
    );
    expect(given).toBeLessThan(6);
  });

  it('fail as the job does', async () => {
    const reader = readable(client.map('demo.missing', [bytes('a')])).getReader();
    await expect(reader.read()).rejects.toMatchObject({ code: 'REMOTE', index: 0 });
  });
});

describe('a loggingLevel that does not exist', () => {
  it.each(['nonsense', 10, 'toString', 'WARNING'])('is refused: %s', async (loggingLevel) => {
    const wrong = {
      code: 'INVALID_CALL',
      message: expect.stringContaining('debug, info, warning, error, silent'),
    };
    const level = loggingLevel as 'info';
    const common = { transport, dbAddress: any, loggingLevel: level };
    expect(() => atLevel(console as never, level)).toThrow(expect.objectContaining(wrong));
    await expect(Client.connect({ ...common, dbAddress: server.dbAddress })).rejects.toMatchObject(wrong);
    await expect(
      Server.start({ ...common, name: 'other', pullAddress: any, pubAddress: any }),
    ).rejects.toMatchObject(wrong);
    await expect(Worker.start({ ...common, dbAddress: server.dbAddress })).rejects.toMatchObject(wrong);
  });
});

describe('an address that ZeroMQ cannot use', () => {
  it.each([
    ['127.0.0.1:5555', 'did you mean "tcp://127.0.0.1:5555"?'],
    ['localhost:5555', 'did you mean "tcp://localhost:5555"?'],
    ['[::1]:5555', 'did you mean "tcp://[::1]:5555"?'],
    ['inproc://x', 'use the transport memory()'],
    ['inproc://', 'use the transport memory()'],
    ['5555', "'tcp://host:port'"],
  ])('is refused with what to try: %s', async (dbAddress, hint) => {
    const refusal = { code: 'INVALID_CALL', message: expect.stringContaining(hint) };
    await expect(Client.connect({ transport: zeromq(), dbAddress })).rejects.toMatchObject(refusal);
    await expect(
      Server.start({
        transport: zeromq(),
        name: 'demo',
        dbAddress,
        pullAddress: 'tcp://127.0.0.1:*',
        pubAddress: 'tcp://127.0.0.1:*',
        loggingLevel: 'silent',
      }),
    ).rejects.toMatchObject(refusal);
  });
});

describe('options that are given as undefined', () => {
  it('count as left out', async () => {
    const nothing: { signal?: AbortSignal; serverName?: string; timeout?: number } = {};
    const { signal, serverName, timeout } = nothing;
    const { dbAddress } = server;
    await using own = await Client.connect({ transport, dbAddress, signal, serverName, timeout });
    expect(textOf(await own.eval('demo.upper', bytes('a'), { signal, timeout }))).toBe('A');
    expect(() => zeromq({ heartbeatInterval: timeout, maxMessageSize: timeout })).not.toThrow();
  });
});
