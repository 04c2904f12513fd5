/** What calls of functions with types ask of their client: which call, of which path, with which options. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Client } from '../../../src/client/client.ts';
import {
  fn,
  functions,
  json,
  type PayloadCodec,
  pipeline,
  type RemoteCallOptions,
  remote,
  text,
} from '../../../src/functions/index.ts';
import { PalmError } from '../../../src/protocol/errors.ts';

type AnyCodec = PayloadCodec<unknown, unknown>;

const shop = functions({
  price: fn({ input: text(), output: json<number>() }, (name) => name.length),
  parts: fn({ input: text(), output: json<number>() }, function* (name) {
    yield name.length;
  }),
});

/** A client that writes down what it is asked, and what its server says of its functions. */
function fakeClient(said: () => Promise<unknown> = async () => []) {
  const calls: (readonly [kind: string, path: string, input: unknown, options: unknown])[] = [];
  const codecs: AnyCodec[] = [];
  /** Kinds of results that were left. */
  const left: string[] = [];
  let questions = 0;
  const client = {
    serverName: 'shop',
    with: (codec: AnyCodec) => {
      codecs.push(codec);
      const takes = (kind: string) => (path: readonly string[], input: unknown, options: unknown) => {
        calls.push([kind, path.join(' '), input, options]);
        if (kind === 'eval') return Promise.resolve('answer');
        return {
          progress: kind,
          next: async () => ({ done: true, value: undefined }),
          return: async () => {
            left.push(kind);
            return { done: true, value: undefined };
          },
        };
      };
      const get = () => {
        questions++;
        return said();
      };
      const [evaluate, job, map, mapSettled] = ['eval', 'job', 'map', 'mapSettled'].map(takes);
      return { eval: evaluate, job, map, mapSettled, get };
    },
  };
  return { client: client as unknown as Client, calls, codecs, left, questions: () => questions };
}

/** Loops over results, and counts them. */
async function counted(results: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of results) count++;
  return count;
}

const OPTIONS: RemoteCallOptions = {
  cache: 'c',
  metadata: { lang: 'de' },
  priority: 4,
  onProgress: () => {},
  signal: new AbortController().signal,
  detached: true,
  timeout: 7,
};

describe('calls of functions with types', () => {
  it('pass the options of a call on', async () => {
    const { client, calls } = fakeClient();
    const { price } = remote(client, 'shop', shop);
    expect(await price('a', OPTIONS)).toBe('answer');
    expect(calls).toEqual([['eval', 'shop.price', 'a', { ...OPTIONS, messages: 1 }]]);
    await price('b');
    expect(calls[1]).toEqual(['eval', 'shop.price', 'b', { messages: 1 }]);
  });

  it('pass the options of a call with several results on: the time is that between two of them', async () => {
    const { client, calls } = fakeClient();
    for await (const _ of remote(client, 'shop', shop).parts('a', OPTIONS));
    const { timeout, ...others } = OPTIONS;
    expect(calls).toEqual([
      ['job', 'shop.parts', ['a'], { ...others, untilEnd: true, idleTimeout: timeout }],
    ]);
  });

  it('pass the inputs and options of maps and jobs on, when they are first read', async () => {
    const { client, calls, left } = fakeClient();
    const { price } = remote(client, 'shop', shop);
    const inputs = ['a', 'b'];
    const options = { window: 3 };
    for (const how of ['map', 'mapSettled', 'job'] as const) {
      const results = price[how](inputs, options) as ReturnType<typeof price.map>;
      await new Promise(setImmediate);
      expect([calls, results.progress]).toEqual([[], undefined]);
      expect(await results.next()).toEqual({ done: true, value: undefined });
      expect([calls.splice(0), results.progress]).toEqual([[[how, 'shop.price', inputs, options]], how]);
      await results[Symbol.asyncDispose]();
      await results.return();
      expect(left.splice(0)).toEqual([how, how]);
      // Also when none of it was read.
      await (price[how](inputs, options) as ReturnType<typeof price.map>).return();
      expect([calls.splice(0).length, left.splice(0)]).toEqual([1, [how]]);
    }
  });

  it('write as the first of a pipeline takes, and read as the last gives, by the client of the first', async () => {
    const { client, calls, codecs } = fakeClient();
    const titles = functions({ title: fn({ input: json<number>(), output: text() }, (price) => `${price}`) });
    const first = remote(client, 'shop', shop);
    const second = remote(fakeClient().client, 'titles', titles);
    await pipeline(first.price, second.title)('a');
    expect(calls).toEqual([['eval', 'shop.price titles.title', 'a', { messages: 1 }]]);
    const upper = functions({ upper: fn({ input: text(), output: json<string>() }, (line) => line) });
    await pipeline(first.price, second.title, remote(fakeClient().client, 'last', upper).upper)('a');
    expect([calls[1]?.[1], codecs.at(-1)?.name]).toEqual(['shop.price titles.title last.upper', 'JSON']);
    const [codec] = codecs;
    expect(codec?.name).toBe('text');
    expect(Buffer.from(codec?.encode('plain') ?? []).toString()).toBe('plain');
    expect(codec?.decode(new Uint8Array(Buffer.from('plain')))).toBe('plain');
    expect(() => pipeline(...([] as unknown as [typeof first.price, typeof second.title]))).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', message: 'a pipeline needs a function' }),
    );
  });
});

describe('a call of a function that may give several results', () => {
  it('is a job when it is looped over, and an eval when it is awaited, where nobody says which', async () => {
    const { client, calls } = fakeClient();
    const { parts } = remote<typeof shop>(client, 'other');
    for await (const _ of parts('a'));
    expect(calls.map(([kind]) => kind)).toEqual(['job']);
    expect(await (parts('b') as unknown as Promise<unknown>)).toBe('answer');
    expect(calls.map(([kind]) => kind)).toEqual(['job', 'eval']);
    await expect(counted(parts('c'))).resolves.toBe(0);
    expect(calls.map(([kind]) => kind)).toEqual(['job', 'eval', 'job']);
  });

  it('sends nothing when it is not looped over', async () => {
    const { client, calls } = fakeClient();
    const call = remote(client, 'shop', shop).parts('a') as unknown as Promise<unknown>;
    expect(await call).toBeUndefined();
    expect(calls).toEqual([]);
  });
});

describe('input that is not right', () => {
  const checked = functions({
    now: fn({ input: z.object({ n: z.number() }), output: text() }, () => 'x'),
    later: fn(
      { input: z.object({ n: z.number().refine(async (n) => n > 0, 'too small') }), output: text() },
      () => 'x',
    ),
    many: fn({ input: z.object({ n: z.number() }), output: text() }, function* () {
      yield 'x';
    }),
  });

  it('is refused with its issues before anything is sent, at once or when the schema has looked', async () => {
    const { client, calls } = fakeClient();
    const own = remote(client, 'shop', checked);
    await expect(own.now({ n: 'x' as never })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      sent: false,
      message: expect.stringMatching(/^the input of shop\.now is not right: n: /),
      issues: [{ path: ['n'] }],
    });
    await expect(own.later({ n: 0 })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: 'the input of shop.later is not right: n: too small',
    });
    await expect(counted(own.many({ n: 'x' as never }))).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(calls).toEqual([]);
    await own.now({ n: 1 });
    await own.later({ n: 1 });
    expect(calls.map(([, path]) => path)).toEqual(['shop.now', 'shop.later']);
  });
});

describe('inputs of a map or job', () => {
  it('are refused as they are taken, but for what the schema looks at later: that is left to the server', async () => {
    const shapes = functions({
      now: fn({ input: z.object({ n: z.number() }), output: text() }, () => 'x'),
      later: fn({ input: z.object({ n: z.number().refine(async (n) => n > 0) }), output: text() }, () => 'x'),
    });
    const { client, codecs } = fakeClient();
    const own = remote(client, 'shop', shapes);
    await own.now.map([]).next();
    await own.later.map([]).next();
    const [, now, , later] = codecs;
    expect(() => now?.encode({ n: 'x' })).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', issues: [expect.objectContaining({ path: ['n'] })] }),
    );
    for (const [codec, n] of [
      [now, 1],
      [later, 0],
    ] as const)
      expect(Buffer.from(codec?.encode({ n }) ?? []).toString()).toBe(`{"n":${n}}`);
  });
});

describe('what a server says of its functions', () => {
  const described = async () => [
    { name: 'price', kind: 'one', input: { codec: 'text' }, output: { codec: 'float64' } },
    { name: 'raw' },
    { name: 'odd', kind: 'one', input: { codec: 'MessagePack' }, output: { codec: 'JSON' } },
    { name: 'strange', kind: 'one', input: { codec: 'JSON' }, output: { codec: 'MessagePack' } },
  ];

  it('is asked for once, by what has no definitions, and says how values are written', async () => {
    const { client, codecs, questions } = fakeClient(described);
    const own = remote<typeof shop>(client, 'shop');
    expect(questions()).toBe(0);
    await Promise.all([own.price('a'), own.price('b')]);
    await own.price('c');
    await own.parts('d');
    await remote<{ raw: typeof shop.price }>(client, 'shop').raw('e');
    expect(questions()).toBe(2);
    const written = codecs.map(({ name, encode }) => [name, Buffer.from(encode('x')).toString()]);
    expect(written).toContainEqual(['float64', 'x']);
    // Nothing is said of parts: that is JSON.
    expect(written).toContainEqual(['JSON', '"x"']);
  });

  it('is not asked for where definitions are given, or of a server that is not the client’s', async () => {
    const { client, codecs, questions } = fakeClient(described);
    await remote(client, 'shop', shop).price('a');
    await remote<typeof shop>(client, 'other').price('a');
    expect([questions(), codecs.at(-1)?.name]).toEqual([0, 'JSON']);
  });

  it('may not be read by the client: then values are JSON', async () => {
    const forbidden = async () => {
      throw new PalmError('FORBIDDEN', 'not for you', { sent: true });
    };
    const { client, calls, codecs } = fakeClient(forbidden);
    await remote<typeof shop>(client, 'shop').price('a');
    expect([calls.length, codecs.at(-1)?.name]).toEqual([1, 'JSON']);
  });

  it('is asked for again by the next call when that failed', async () => {
    let failures = 2;
    const { client, calls, questions } = fakeClient(async () => {
      if (failures-- > 0) throw new PalmError('TIMEOUT', 'late', { sent: true });
      return described();
    });
    const own = remote<typeof shop>(client, 'shop');
    for (let i = 0; i < 2; i++) await expect(own.price('a')).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(calls).toEqual([]);
    await own.price('a');
    expect([calls.length, questions()]).toEqual([1, 3]);
  });

  it('fails a call that says so when it cannot be asked for', async () => {
    const { client, calls } = fakeClient(async () => {
      throw new TypeError('no network');
    });
    await expect(remote<typeof shop>(client, 'shop').price('a')).rejects.toMatchObject({
      code: 'DISCONNECTED',
      sent: false,
      message: 'loading code failed: no network',
    });
    expect(calls).toEqual([]);
  });

  it('may be nothing at all', async () => {
    const { client, calls } = fakeClient(async () => undefined);
    await remote<typeof shop>(client, 'shop').price('a');
    expect(calls).toHaveLength(1);
  });

  it('with a codec that pages do not have is refused before anything is sent', async () => {
    const { client, calls } = fakeClient(described);
    const own = remote<Record<'odd' | 'strange', typeof shop.price>>(client, 'shop');
    for (const name of ['odd', 'strange'] as const)
      await expect(own[name]('a')).rejects.toMatchObject({
        code: 'INVALID_CALL',
        sent: false,
        message: `shop.${name} has the codec "MessagePack": give remote(…) its definitions`,
      });
    expect(calls).toEqual([]);
  });
});

it('functions are the same whenever they are asked for, and are not taken for a promise', async () => {
  const { client } = fakeClient();
  const own = remote(client, 'shop', shop);
  expect(own.price).toBe(own.price);
  expect((own as { then?: unknown }).then).toBeUndefined();
  expect((own as Record<symbol, unknown>)[Symbol.toPrimitive]).toBeUndefined();
  expect(await Promise.resolve(own)).toBe(own);
});

it('functions that the definitions lack are refused, those of every object too', async () => {
  const { client, calls } = fakeClient();
  const own = remote(client, 'shop', shop) as unknown as Record<string, typeof shop.price.run>;
  for (const name of ['prise', 'toString', 'constructor'])
    await expect(own[name]?.('a', {} as never)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: `the definitions have no function "${name}"`,
    });
  expect(calls).toEqual([]);
});
