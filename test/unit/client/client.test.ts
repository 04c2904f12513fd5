/** What a client does with each of its calls: what it checks, sends, and gives back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import type { ConnectOptions } from '../../../src/client/connect-options.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { EnvelopeCodec } from '../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../src/protocol/message.ts';
import { readMetadata } from '../../../src/protocol/metadata.ts';
import { json, text } from '../../../src/protocol/payload.ts';
import { readPriority } from '../../../src/protocol/priority.ts';
import type { Transport } from '../../../src/transport.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { FakeConnection, settle } from '../../support/fake-connection.ts';
import { readAll } from '../../support/wait.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const codec = new EnvelopeCodec();

interface Settings {
  readonly options?: Partial<ConnectOptions>;
  /** What the server's cache holds; the addresses are there unless it says otherwise. */
  readonly store?: Readonly<Record<string, string>>;
  /** The payloads of a call's answers. */
  readonly answer?: (call: PalmMessage) => readonly (string | Partial<PalmMessage>)[];
}

/** A client of a server that answers at once. */
async function ground({ options = {}, store = {}, answer }: Settings = {}) {
  const connection = new FakeConnection();
  const values = new Map(
    Object.entries({ name: 'demo', pull_address: 'push', pub_address: 'sub', ...store }),
  );
  const reply = (fields: Partial<PalmMessage>) =>
    codec.encode(palmMessage({ features: Feature.replies, ...fields }));
  connection.answer = async (frame: Bytes) => {
    const { function: path, cache, payload } = codec.decode(frame);
    const operation = path.split('.')[1];
    if (operation === 'set') {
      values.set(cache, textOf(payload));
      return reply({ payload: bytes(cache) });
    }
    const key = textOf(payload);
    const value = values.get(key);
    if (operation === 'delete') values.delete(key);
    if (value === undefined) return reply({ status: Status.missing });
    return reply({ payload: bytes(operation === 'get' ? value : key) });
  };
  const transport: Transport = { name: 'fake', checkAddress: () => {}, open: async () => connection };
  const calls: PalmMessage[] = [];
  const connecting = Client.connect({ transport, dbAddress: 'db', loggingLevel: 'silent', ...options });
  await settle();
  // What a client with metadata needs is loaded first.
  await vi.dynamicImportSettled();
  await settle();
  const [pusher, subscription] = [connection.pushers[0], connection.subscriptions[0]];
  if (pusher !== undefined) {
    const send = pusher.send.bind(pusher);
    pusher.send = async (frames) => {
      await send(frames);
      for (const frame of frames) {
        const call = codec.decode(frame);
        calls.push(call);
        for (const one of answer?.(call) ?? []) {
          const fields = typeof one === 'string' ? { payload: bytes(one) } : one;
          const own = codec.encode({ ...call, ...fields });
          subscription?.queue.push([{ topic: call.client, frames: [own] }]);
        }
      }
    };
    pusher.setReady();
    subscription?.setReady();
  }
  return { connection, client: await connecting, calls, values };
}

const upper = (call: PalmMessage) => [textOf(call.payload).toUpperCase()];

/** What a promise resolves with, which waits for timers of jobs and maps, and for their code. */
async function driven<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  promise
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  while (!isOver) await settle();
  return promise;
}

describe('a client', () => {
  it('knows its server, its id and its session', async () => {
    const { client } = await ground({ options: { id: 'me', session: 's-' } });
    expect([client.serverName, client.id, client.session, client.unclaimed]).toEqual(['demo', 'me', 's-', 0]);
    expect((await ground()).client.session).toBeUndefined();
  });

  it('tells what becomes of its connection, with the name of its server', async () => {
    const { client, connection } = await ground();
    const statuses = client.status();
    connection.report({ type: 'disconnected', address: 'db', reason: 'gone' });
    const reading = readAll(statuses);
    await settle();
    await client.close();
    expect((await reading).map(({ type, server }) => [type, server])).toEqual([
      ['disconnected', 'demo'],
      ['closed', 'demo'],
    ]);
    expect(client.closed).toBe(connection.closed);
    expect(await client.closed).toBeUndefined();
  });

  it('is closed at the end of its block', async () => {
    const { client, connection } = await ground();
    await client[Symbol.asyncDispose]();
    expect(connection.closings).toBe(1);
    await expect(client.eval('demo.f', bytes('x'))).rejects.toMatchObject({ code: 'CLOSED', sent: false });
    await expect(client.get('k')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts answers that no call waits for', async () => {
    const { client } = await ground({ answer: () => ['a', 'b', 'c'] });
    await client.eval('demo.f', bytes('x'));
    await settle();
    expect(client.unclaimed).toBe(2);
  });
});

describe('an eval', () => {
  it('sends one message, and gives its answer', async () => {
    const { client, calls } = await ground({ answer: upper, options: { id: 'me', session: 's' } });
    expect(await client.eval(['demo.f', 'next.g'], bytes('x'), { cache: 'c' })).toEqual(bytes('X'));
    expect(calls).toMatchObject([
      {
        pipeline: 's',
        function: 'demo.f next.g',
        cache: 'c',
        stage: 0,
        payload: bytes('x'),
        features: Feature.batches | Feature.session | Feature.single,
      },
    ]);
    expect(calls[0]?.client).toMatch(/^me\//);
  });

  it('gives a list for several answers, and an empty one for none', async () => {
    const { client } = await ground({ answer: () => ['a', 'b'] });
    expect(await client.with(text()).eval('demo.f', 'x', { messages: 2 })).toEqual(['a', 'b']);
    expect(await client.eval('demo.f', bytes('x'), { messages: 0 })).toEqual([]);
  });

  it.each([
    [['f', bytes('x')], 'the function must be \'server.function\' with exactly one dot, not "f"'],
    [['other.f', bytes('x')], "this client calls server 'demo' first: 'demo.…', not \"other.f\""],
    [['demo.f', bytes('x'), { cache: 5 }], 'cache must be a string, not 5'],
    [['demo.f', bytes('x'), { messages: -1 }], 'messages must be a whole number from 0 on, not -1'],
    [['demo.f', bytes('x'), { timeout: 0 }], 'timeout must be milliseconds above 0, or Infinity, not 0'],
    [
      ['demo.f', 'x'],
      'the payload for demo.f was not sent: a payload must be a Uint8Array, not "x"; client.with(text()) takes strings',
    ],
  ])('of %j is refused, and nothing is sent', async (args, message) => {
    const { client, calls } = await ground({ answer: upper });
    await expect(client.eval(...(args as Parameters<typeof client.eval>))).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message,
      sent: false,
    });
    expect(calls).toEqual([]);
    // It counts as open no longer.
    await client.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('whose answer is of another format fails with its name', async () => {
    const { client } = await ground({ answer: () => ['{'] });
    await expect(client.with(json()).eval('demo.f', 1)).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(/^the answer of demo\.f is not JSON: /),
      sent: true,
      cause: expect.any(SyntaxError),
    });
  });

  it('ends after its own time, or the client’s', async () => {
    const { client } = await ground({ options: { timeout: 500 } });
    for (const [timeout, ms] of [
      [undefined, 500],
      [200, 200],
    ] as const) {
      let isOver = false;
      const outcome = expect(
        client.eval('demo.f', bytes('x'), { timeout }).finally(() => {
          isOver = true;
        }),
      ).rejects.toMatchObject({ code: 'TIMEOUT' });
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect(isOver).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await outcome;
    }
  });

  it("takes '0' for a failure where the client was told so", async () => {
    const answers = { answer: () => ['0'] };
    expect(await (await ground(answers)).client.eval('demo.f', bytes('x'))).toEqual(bytes('0'));
    const { client } = await ground({ ...answers, options: { errorSentinel: true } });
    await expect(client.eval('demo.f', bytes('x'))).rejects.toMatchObject({ code: 'REMOTE' });
  });

  it('holds up closing until it is answered', async () => {
    const { client, connection } = await ground();
    const evaluating = client.eval('demo.f', bytes('x')).catch((error: unknown) => error);
    await settle();
    const closing = client.close({ timeout: 5_000 });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(connection.closings).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
    expect(await evaluating).toMatchObject({ code: 'CLOSED', sent: 'unknown' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what a call says of itself', () => {
  const sent = async (options: object, kind: 'eval' | 'job' | 'map' = 'eval') => {
    const { client, calls } = await ground({ answer: upper });
    const own = client.with(text());
    if (kind === 'eval') await own.eval('demo.f', 'x', options);
    else await driven(readAll(own[kind]('demo.f', ['x'], options)));
    return calls[0];
  };

  it.each([
    [{}, Feature.batches],
    [{ detached: false }, Feature.batches],
    [{ detached: true }, Feature.batches | Feature.detached],
    [{ messages: 0 }, Feature.batches | Feature.detached],
    [{ messages: 0, detached: false }, Feature.batches | Feature.detached],
  ])('with %j has these features: %i', async (options, features) => {
    expect(await sent(options)).toMatchObject({ features: features | Feature.single, cache: '' });
    expect(await sent({ messages: 1, ...options }, 'job')).toMatchObject({ features, cache: '' });
  });

  it('of a map, too', async () => {
    expect(await sent({ detached: true, cache: 'c' }, 'map')).toMatchObject({
      features: Feature.batches | Feature.detached,
      cache: 'c',
    });
  });

  it('has its metadata, on top of the client’s', async () => {
    const { client, calls } = await ground({ answer: upper, options: { metadata: { tenant: 'acme' } } });
    await driven(client.eval('demo.f', bytes('x')));
    const payload = bytes('y');
    const evaluating = client.eval('demo.f', payload, { metadata: { lang: 'de' } });
    // The code is loaded first, and the payload goes as it was.
    payload.fill(0);
    expect(await driven(evaluating)).toEqual(bytes('Y'));
    expect(calls.map(({ unknown }) => readMetadata(unknown))).toEqual([
      { tenant: 'acme' },
      { tenant: 'acme', lang: 'de' },
    ]);
  });

  it('has its priority, and is not sent with a bad one', async () => {
    const { client, calls } = await ground({ answer: upper, options: { metadata: { tenant: 'acme' } } });
    await driven(client.eval('demo.f', bytes('x'), { priority: 3 }));
    await driven(client.eval('demo.f', bytes('x'), { priority: 0 }));
    await driven(readAll(client.job('demo.f', [bytes('x')], { priority: -2, messages: 1 })));
    await driven(readAll(client.map('demo.f', [bytes('x')], { priority: 9, metadata: { lang: 'de' } })));
    expect(calls.map(({ unknown }) => [readPriority(unknown), readMetadata(unknown)])).toEqual([
      [3, { tenant: 'acme' }],
      [0, { tenant: 'acme' }],
      [-2, { tenant: 'acme' }],
      [9, { tenant: 'acme', lang: 'de' }],
    ]);
    const bad = { code: 'INVALID_CALL', sent: false, message: expect.stringContaining('priority must be') };
    for (const priority of [10, 0.5, Number.NaN, '1' as never]) {
      await expect(driven(client.eval('demo.f', bytes('x'), { priority }))).rejects.toMatchObject(bad);
      await expect(driven(readAll(client.job('demo.f', [bytes('x')], { priority })))).rejects.toMatchObject(
        bad,
      );
      await expect(driven(readAll(client.map('demo.f', [bytes('x')], { priority })))).rejects.toMatchObject(
        bad,
      );
    }
    expect(calls).toHaveLength(4);
  });
});

describe('an interceptor', () => {
  it('that is put around a client sees its calls from then on, and those of its other formats', async () => {
    const { client } = await ground({ answer: upper });
    const seen: unknown[] = [];
    await client.eval('demo.f', bytes('x'));
    const used = client.use((next) => (call) => {
      seen.push([call.kind, call.input]);
      return next(call);
    });
    expect(used).toBe(client);
    expect(await driven(client.with(text()).eval('demo.f', 'y'))).toBe('Y');
    expect(await driven(readAll(client.with(text()).map('demo.f', ['z'])))).toEqual(['Z']);
    expect(seen).toEqual([
      ['eval', 'y'],
      ['map', ['z']],
    ]);
  });

  it('is a function', async () => {
    const { client } = await ground();
    expect(() => client.use(5 as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'an interceptor must be a function',
        sent: false,
      }),
    );
  });
});

describe('a job and a map', () => {
  it('give the results of all inputs', async () => {
    const { client } = await ground({ answer: upper });
    const own = client.with(text());
    expect(await driven(readAll(own.job('demo.f', ['a', 'b'], { messages: 2 })))).toEqual(['A', 'B']);
    expect(await driven(readAll(own.map('demo.f', ['a', 'b'])))).toEqual(['A', 'B']);
    expect(await driven(readAll(own.mapSettled('demo.f', ['a'])))).toEqual([
      { index: 0, status: 'fulfilled', value: 'A' },
    ]);
  });

  it('have no progress but zeros before they are read, and take nothing', async () => {
    const { client, calls } = await ground({ answer: upper });
    const take = vi.fn();
    const input = { [Symbol.iterator]: take } as unknown as Iterable<Bytes>;
    expect(client.job('demo.f', input).progress).toEqual({ sent: 0, received: 0, started: undefined });
    expect(client.map('demo.f', input).progress).toBeUndefined();
    await settle();
    expect([take.mock.calls.length, calls.length]).toEqual([0, 0]);
  });

  const refusals = [
    [['f', []], 'the function must be'],
    [['other.f', []], "this client calls server 'demo' first"],
    [['demo.f', 5], 'payloads must be an iterable, a stream or a Blob, not 5'],
    [['demo.f', [], { cache: 5 }], 'cache must be a string, not 5'],
  ] as const;
  it.each(refusals)('of %j are refused when they are called', async (args, message) => {
    const { client } = await ground();
    for (const call of ['job', 'map', 'mapSettled'] as const)
      expect(() => client[call](...(args as unknown as Parameters<typeof client.map>))).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringContaining(message),
          sent: false,
        }),
      );
  });

  it('are refused for a bad option when they are first read, and send nothing', async () => {
    const { client, calls } = await ground({ answer: upper });
    for (const call of ['job', 'map', 'mapSettled'] as const)
      await expect(client[call]('demo.f', [new Uint8Array(1)], { window: 0 }).next()).rejects.toMatchObject({
        code: 'INVALID_CALL',
        message: 'window must be a whole number from 1 on, not 0',
        sent: false,
      });
    expect(calls).toHaveLength(0);
  });

  it('are refused at a server that takes no calls, whose cache can be used', async () => {
    const { client } = await ground({ store: { pull_address: '', k: 'v' } });
    const refusal = { code: 'INVALID_CALL', message: expect.stringContaining('takes no calls') };
    for (const call of ['job', 'map', 'mapSettled'] as const)
      expect(() => client[call]('demo.f', [])).toThrow(expect.objectContaining(refusal));
    await expect(client.eval('demo.f', bytes('x'))).rejects.toMatchObject(refusal);
    expect(await client.with(text()).get('k')).toBe('v');
    expect(client.unclaimed).toBe(0);
  });
});

describe('the cache of a client', () => {
  it('holds values of its format, under keys of the session', async () => {
    const { client, values } = await ground({ options: { session: 's-' } });
    const own = client.with(json<unknown>());
    expect(await own.set({ a: 1 }, 'k')).toBe('s-k');
    expect(values.get('s-k')).toBe('{"a":1}');
    expect([await own.get('k'), await own.get('none')]).toEqual([{ a: 1 }, undefined]);
    expect([await own.delete('k'), await own.delete('k')]).toEqual([true, false]);
  });

  it('stores a value as it was, though the caller changes it', async () => {
    const { client, values } = await ground();
    const value = bytes('v');
    const setting = client.set(value, 'k');
    value.fill(0);
    await setting;
    expect(values.get('k')).toBe('v');
  });

  it('says which value is not of its format', async () => {
    const { client } = await ground({ store: { k: '{' } });
    await expect(client.with(json()).get('k')).rejects.toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(/^the value is not JSON: /),
    });
    await expect(client.set('text' as never, 'k')).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: expect.stringMatching(/^the value was not sent: /),
      sent: false,
    });
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(client.with(json<unknown>()).eval('demo.f', circle)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      cause: expect.any(TypeError),
    });
  });

  it('is asked within its own time, or the client’s', async () => {
    const { client, connection } = await ground({ options: { timeout: 500 } });
    connection.answer = () => new Promise(() => {});
    await client.set(bytes('x'), 'k', { timeout: 0 }).catch((error) => {
      expect(error).toMatchObject({ code: 'INVALID_CALL' });
    });
    for (const [run, ms] of [
      [() => client.get('k'), 500],
      [() => client.get('k', { timeout: 100 }), 100],
      [() => client.set(bytes('v'), 'k', { timeout: 100 }), 100],
      [() => client.delete('k', { timeout: 100 }), 100],
    ] as const) {
      const outcome = expect(run()).rejects.toThrow(`within ${ms} ms`);
      await settle();
      await vi.advanceTimersByTimeAsync(ms);
      await outcome;
    }
    await client.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
