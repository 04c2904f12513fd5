/** Functions with types, from a client to a server and back, over the transport in memory. */
import { runInNewContext } from 'node:vm';
import { type } from 'arktype';
import {
  array,
  check,
  checkAsync,
  minValue,
  number,
  object,
  objectAsync,
  optional,
  pipe,
  pipeAsync,
  string,
  union,
} from 'valibot';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import {
  bytes,
  float64,
  fn,
  functions,
  isErrorOf,
  json,
  pipeline,
  remote,
  text,
} from '../../src/functions/index.ts';
import { Client } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';

const images = functions({
  resize: fn(
    {
      input: object({ url: string(), width: optional(pipe(number(), minValue(1)), 300) }),
      output: bytes(),
      description: 'Makes it smaller.',
    },
    ({ url, width }) => new Uint8Array([url.length, width % 256]),
  ),
  area: fn(
    { input: z.object({ w: z.number(), h: z.number() }), output: z.object({ area: z.number().max(1_000) }) },
    async ({ w, h }) => ({ area: w * h }),
  ),
  tags: fn({ input: text(), output: json<{ tag: string }>() }, async function* (line) {
    for (const tag of line.split(' ').filter((own) => own !== '')) yield { tag };
  }),
  nested: fn(
    { input: object({ list: array(object({ id: union([number(), string()]) })) }), output: type('number') },
    ({ list }) => list.length,
  ),
  sum: fn({ input: float64(), output: type('number') }, (list) => list.reduce((a, b) => a + b, 0)),
  slow: fn(
    {
      input: objectAsync({
        name: pipeAsync(
          string(),
          checkAsync(async (name) => name !== 'taken', 'is taken'),
        ),
      }),
      output: text(),
    },
    ({ name }) => name,
  ),
  broken: fn(
    {
      input: pipe(
        string(),
        check(() => {
          throw new RangeError('the schema is broken');
        }),
      ),
      output: text(),
    },
    (line) => line,
  ),
  wrong: fn({ input: text(), output: bytes() }, (kind): Uint8Array => WRONG[kind] as never),
  find: fn(
    {
      input: text(),
      output: text(),
      errors: { NOT_FOUND: object({ name: string() }), OTHER: json<number>() },
    },
    (name) => {
      if (name === 'here') return name;
      if (name === 'lie') throw Object.assign(new Error('no data'), { code: 'NOT_FOUND', data: { name: 7 } });
      if (name === 'undeclared')
        throw Object.assign(new Error('secret'), { code: 'ENOENT', data: { path: '/' } });
      throw Object.assign(new Error(`there is no ${name}`), { code: 'NOT_FOUND', data: { name } });
    },
  ),
});

const WRONG: Readonly<Record<string, unknown>> = {
  float: new Float64Array(1),
  buffer: new ArrayBuffer(1),
  view: new DataView(new ArrayBuffer(1)),
  list: [],
  string: 'x',
  null: null,
};

const titles = functions({
  title: fn(
    {
      input: json<{ area: number }>(),
      output: text(),
      errors: { TOO_LONG: object({ most: number() }) },
    },
    ({ area }) => {
      if (area === 0) throw Object.assign(new Error('nothing'), { code: 'TOO_LONG', data: { most: 9 } });
      return `${area} m²`;
    },
  ),
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function ground(own: Parameters<typeof Server.start>[0]['functions'] = images) {
  const transport = memory();
  const server = await Server.start({
    transport,
    name: 'images',
    dbAddress: 'memory://*',
    pullAddress: 'memory://*',
    pubAddress: 'memory://*',
    loggingLevel: 'silent',
    functions: own,
  });
  const client = await Client.connect({ transport, dbAddress: server.dbAddress });
  closing.push(
    () => server.close(),
    () => client.close(),
  );
  return { client, transport, server };
}

async function collect<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of results) all.push(one);
  return all;
}

describe.each([
  ['with the types alone', undefined],
  ['with the definitions', images],
])('remote, %s', (_name, definitions) => {
  const open = async () => {
    const { client } = await ground();
    return { client, i: remote<typeof images>(client, 'images', definitions) };
  };

  it('calls functions of every shape', async () => {
    const { i } = await open();
    expect(await i.resize({ url: 'abc' })).toEqual(new Uint8Array([3, 300 % 256]));
    expect(await i.area({ w: 2, h: 3 })).toEqual({ area: 6 });
    expect(await i.sum(new Float64Array([1.5, 2]))).toBe(3.5);
    expect(await i.nested({ list: [{ id: 1 }, { id: 'a' }] })).toBe(2);
    expect(await i.slow({ name: 'free' })).toBe('free');
  });

  it('gives the results of a generator until it is over, none too', async () => {
    const { i } = await open();
    expect(await collect(i.tags('a b c'))).toEqual([{ tag: 'a' }, { tag: 'b' }, { tag: 'c' }]);
    expect(await collect(i.tags(''))).toEqual([]);
    expect(await collect(i.tags('again'))).toEqual([{ tag: 'again' }]);
  });

  it('maps and runs jobs', async () => {
    const { i } = await open();
    const sizes = [1, 2, 3].map((w) => ({ w, h: 2 }));
    expect(await collect(i.area.map(sizes))).toEqual([{ area: 2 }, { area: 4 }, { area: 6 }]);
    expect(await collect(i.area.job(sizes, { messages: 3 }))).toHaveLength(3);
    const settled = await collect(i.area.mapSettled([{ w: 1, h: 1 }, { w: 'x', h: 1 } as never]));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('refuses wrong input with the path and reason of each issue', async () => {
    const { i } = await open();
    await expect(i.area({ w: '1' as never, h: 2 })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      issues: [{ path: ['w'], message: expect.stringMatching(/number/) }],
      sent: definitions === undefined,
    });
    await expect(i.nested({ list: [{ id: 1 }, { id: true as never }] })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      issues: [{ path: ['list', 1, 'id'] }],
    });
    await expect(i.resize({ url: 'x', width: 0 })).rejects.toMatchObject({ issues: [{ path: ['width'] }] });
    await expect(i.slow({ name: 'taken' })).rejects.toMatchObject({
      code: 'INVALID_CALL',
      issues: [{ path: ['name'], message: 'is taken' }],
    });
  });

  it('takes a schema that throws for a fault of the schema', async () => {
    const { i } = await open();
    const error = await i.broken('x').catch((reason: unknown) => reason);
    if (definitions === undefined)
      expect(error).toMatchObject({
        code: 'REMOTE',
        message: expect.stringContaining('the schema of the input threw'),
      });
    else expect(error).toMatchObject({ message: expect.stringContaining('the schema is broken') });
  });

  it('does not answer with output that the schema refuses', async () => {
    const { i } = await open();
    await expect(i.area({ w: 100, h: 100 })).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName: 'InvalidOutput',
      message: expect.stringContaining('area: '),
    });
  });

  it.each(Object.keys(WRONG))('does not take %s for bytes', async (kind) => {
    const { i } = await open();
    await expect(i.wrong(kind)).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'InvalidOutput' });
  });

  it('tells the code and data of a declared error, and no other data', async () => {
    const { i } = await open();
    await expect(i.find('it')).rejects.toMatchObject({
      code: 'REMOTE',
      remoteName: 'NOT_FOUND',
      data: { name: 'it' },
      message: expect.stringContaining('there is no it'),
    });
    await expect(i.find('undeclared')).rejects.toMatchObject({ remoteName: 'Error', data: undefined });
    await expect(i.find('lie')).rejects.toMatchObject({ remoteName: 'InvalidOutput', data: undefined });
    const [outcome] = await collect(i.find.mapSettled(['one']));
    expect(outcome).toMatchObject({ status: 'rejected', reason: { data: { name: 'one' }, index: 0 } });
  });

  it('has the type of the data of each declared error', async () => {
    const { i } = await open();
    const failure = async (own: Promise<unknown>) => own.catch((error: unknown) => error);
    const error = await failure(i.find('it'));
    expect(isErrorOf(error, i.find)).toBe(true);
    expect(isErrorOf(error, i.find, 'OTHER')).toBe(false);
    expect(isErrorOf(await failure(i.find('undeclared')), i.find)).toBe(false);
    expect(isErrorOf(await failure(i.find('lie')), i.find)).toBe(false);
    expect(isErrorOf(await failure(i.area({ w: 'x' as never, h: 1 })), i.find)).toBe(false);
    expect([undefined, null, {}, new Error('x')].some((own) => isErrorOf(own, i.find))).toBe(false);
    if (!isErrorOf(error, i.find)) throw error;
    expectTypeOf(error.remoteName).toEqualTypeOf<'NOT_FOUND' | 'OTHER'>();
    if (error.remoteName === 'NOT_FOUND') {
      expectTypeOf(error.data).toEqualTypeOf<{ name: string }>();
      expect(error.data.name).toBe('it');
    } else expectTypeOf(error.data).toEqualTypeOf<number>();
    if (isErrorOf(error, i.find, 'OTHER')) expectTypeOf(error.data).toEqualTypeOf<number>();
    // @ts-expect-error a code that is not declared
    isErrorOf(error, i.find, 'GONE');
    // @ts-expect-error a function that declares no errors
    isErrorOf(error, i.area, 'NOT_FOUND');
    const [outcome] = await collect(i.find.mapSettled(['one']));
    const reason = outcome?.status === 'rejected' ? outcome.reason : undefined;
    expect(isErrorOf(reason, i.find, 'NOT_FOUND') && reason.data.name).toBe('one');
  });

  it('does not compile for what does not fit', async () => {
    const { i } = await open();
    const never = () => {
      // @ts-expect-error there is no such field
      i.resize({ url: 'x', widht: 3 });
      // @ts-expect-error a wrong type
      i.area({ w: '1', h: 2 });
      // @ts-expect-error there is no such function
      i.resise({ url: 'x' });
      // @ts-expect-error stages that do not fit
      pipeline(i.nested, i.area);
      // @ts-expect-error several results are not one
      const n: Promise<{ tag: string }> = i.tags('a');
      void n;
    };
    expect(never).toBeTypeOf('function');
  });
});

describe('a typed function', () => {
  it('refuses what is not of its codec', async () => {
    const { client } = await ground();
    await expect(client.with(text()).eval('images.area', 'no JSON')).rejects.toMatchObject({
      code: 'INVALID_CALL',
      sent: true,
      issues: [{ path: [], message: expect.stringContaining('it is not JSON') }],
    });
    await expect(client.eval('images.sum', new Uint8Array(9))).rejects.toMatchObject({
      code: 'INVALID_CALL',
    });
  });

  it('runs beside functions of bytes', async () => {
    const { client } = await ground({ ...images, plain: (payload) => payload });
    expect(await client.with(text()).eval('images.plain', 'x')).toBe('x');
    expect(await client.with(json()).eval('images.area', { w: 1, h: 1 })).toEqual({ area: 1 });
  });

  it('is refused where its definition has another version', async () => {
    const { client } = await ground();
    const older = functions({ area: fn({ input: json<number[]>(), output: text() }, () => '') });
    const { area } = remote(client, 'images', older);
    await expect(area([1, 2])).rejects.toMatchObject({ code: 'INVALID_CALL', sent: true });
    const other = functions({
      area: fn({ input: json<{ w: number; h: number }>(), output: float64() }, () => new Float64Array(0)),
    });
    await expect(remote(client, 'images', other).area({ w: 1, h: 1 })).rejects.toMatchObject({
      code: 'PROTOCOL',
    });
  });

  it('answers for a schema that throws, or refuses, sooner or later, on either side', async () => {
    const fails = async () => {
      throw new RangeError('the schema is broken');
    };
    const late = (run: () => Promise<boolean>) => pipeAsync(string(), checkAsync(run, 'is taken'));
    const same = (line: string) => line;
    const schemas = functions({
      input: fn({ input: late(fails), output: text() }, same),
      result: fn({ input: text(), output: late(fails) }, same),
      now: fn(
        {
          input: text(),
          output: pipe(
            string(),
            check(() => JSON.parse('{')),
          ),
        },
        same,
      ),
      refused: fn({ input: text(), output: late(async () => false) }, same),
      each: fn({ input: text(), output: late(async () => false) }, async function* (line) {
        yield line;
      }),
    });
    const { client } = await ground(schemas);
    const call = async (name: string) => {
      const payload = name === 'input' ? '"x"' : 'x';
      const error = await client
        .with(text())
        .eval(`images.${name}`, payload)
        .catch((reason) => reason);
      return [error.code, error.remoteName, error.message];
    };
    const threw = (what: string) => expect.stringContaining(`the schema of the ${what} threw`);
    expect(await call('input')).toEqual(['REMOTE', 'TypeError', threw('input')]);
    for (const name of ['result', 'now'])
      expect(await call(name)).toEqual(['REMOTE', 'TypeError', threw('result')]);
    for (const name of ['refused', 'each'])
      expect(await call(name)).toEqual(['REMOTE', 'InvalidOutput', expect.stringContaining('is taken')]);
  });

  it('answers with the bytes of another realm', async () => {
    const { client } = await ground({
      foreign: fn({ input: text(), output: bytes() }, () => runInNewContext('new Uint8Array([1, 2])')),
      plain: () => runInNewContext('new Float64Array(1).buffer'),
    });
    expect(await client.eval('images.foreign', new Uint8Array())).toEqual(new Uint8Array([1, 2]));
    expect(await client.eval('images.plain', new Uint8Array())).toEqual(new Uint8Array(8));
  });

  it('does not start under a name that no call can have', async () => {
    await expect(ground({ 'a.b': images.area })).rejects.toMatchObject({ code: 'INVALID_CALL' });
    await expect(ground({ half: { ...images.area, input: undefined as never } })).rejects.toMatchObject({
      code: 'INVALID_CALL',
    });
  });

  it('runs in workers and pipelines', async () => {
    const transport = memory();
    const names = { dbAddress: 'memory://*', pubAddress: 'memory://*', loggingLevel: 'silent' } as const;
    const master = await Master.start({
      transport,
      name: 'images',
      pullAddress: 'memory://*',
      workerPullAddress: 'memory://*',
      workerPushAddress: 'memory://*',
      pipelined: true,
      ...names,
    });
    const worker = await Worker.start({
      transport,
      dbAddress: master.dbAddress,
      functions: images,
      loggingLevel: 'silent',
    });
    const last = await Pipeline.start({
      transport,
      name: 'titles',
      previous: 'images',
      subAddress: master.pubAddress,
      functions: titles,
      ...names,
    });
    await last.ready();
    const client = await Client.connect({
      transport,
      dbAddress: master.dbAddress,
      subAddress: last.pubAddress,
    });
    closing.push(
      () => master.close(),
      () => worker.close(),
      () => last.close(),
      () => client.close(),
    );
    const i = remote(client, 'images', images);
    const t = remote(client, 'titles', titles);
    expect(await pipeline(i.area, t.title)({ w: 2, h: 3 })).toBe('6 m²');
    expect(await collect(pipeline(i.area, t.title).map([{ w: 1, h: 1 }]))).toEqual(['1 m²']);
    const titled = pipeline(i.area, t.title);
    const error = await titled({ w: 0, h: 0 }).catch((reason: unknown) => reason);
    expect(isErrorOf(error, titled, 'TOO_LONG') && error.data.most).toBe(9);
    await expect(
      remote<typeof images>(client, 'images').area({ w: 'x' as never, h: 1 }),
    ).rejects.toMatchObject({ code: 'INVALID_CALL' });
  });

  it('has the errors of all functions of its pipeline', () => {
    const own = functions({
      one: fn(
        {
          input: text(),
          output: text(),
          errors: { BUSY: json<number>(), GONE: object({ since: string() }) },
        },
        (line) => line,
      ),
      two: fn({ input: text(), output: text(), errors: { BUSY: json<string>() } }, (line) => line),
      three: fn({ input: text(), output: text(), errors: { LATE: json<Date>() } }, (line) => line),
      plain: fn({ input: text(), output: text() }, (line) => line),
      many: fn({ input: text(), output: text(), errors: { BAD: json<boolean>() } }, async function* (line) {
        yield line;
      }),
    });
    const { one, two, three, plain, many } = remote<typeof own>({ serverName: 'own' } as Client, 'own');
    const error: unknown = undefined;
    const [both, all, nested] = [
      pipeline(one, two),
      pipeline(one, two, three),
      pipeline(pipeline(one, two), three),
    ];
    if (isErrorOf(error, both, 'BUSY')) expectTypeOf(error.data).toEqualTypeOf<number | string>();
    if (isErrorOf(error, both, 'GONE')) expectTypeOf(error.data).toEqualTypeOf<{ since: string }>();
    for (const called of [all, nested]) {
      if (!isErrorOf(error, called)) continue;
      expectTypeOf(error.remoteName).toEqualTypeOf<'BUSY' | 'GONE' | 'LATE'>();
      if (error.remoteName === 'LATE') expectTypeOf(error.data).toEqualTypeOf<Date>();
      if (error.remoteName === 'BUSY') expectTypeOf(error.data).toEqualTypeOf<number | string>();
    }
    if (isErrorOf(error, pipeline(one, many), 'BAD')) expectTypeOf(error.data).toEqualTypeOf<boolean>();
    if (isErrorOf(error, pipeline(one, many, plain), 'GONE'))
      expectTypeOf(error.data).toEqualTypeOf<{ since: string }>();
    // @ts-expect-error no function of it declares the code
    isErrorOf(error, both, 'LATE');
    // @ts-expect-error a function that declares no errors adds none
    isErrorOf(error, pipeline(plain, plain), 'BUSY');
    expect(isErrorOf(error, all)).toBe(false);
  });
});

describe('what a server says about its functions', () => {
  it('is under a key of its cache', async () => {
    const { client } = await ground({ ...images, plain: (payload) => payload });
    const said = (await client.with(json<unknown, { name: string }[]>()).get('frond_functions')) ?? [];
    expect(said.find(({ name }) => name === 'plain')).toEqual({ name: 'plain' });
    expect(said.find(({ name }) => name === 'resize')).toEqual({
      name: 'resize',
      description: 'Makes it smaller.',
      kind: 'one',
      input: { codec: 'JSON' },
      output: { codec: 'Uint8Array' },
    });
    expect(said.find(({ name }) => name === 'area')).toMatchObject({
      input: { codec: 'JSON', schema: { type: 'object', required: ['w', 'h'] } },
      output: { codec: 'JSON', schema: { properties: { area: { maximum: 1_000 } } } },
    });
    expect(said.find(({ name }) => name === 'tags')).toMatchObject({
      kind: 'many',
      input: { codec: 'text' },
    });
    expect(said.find(({ name }) => name === 'find')).toMatchObject({
      errors: { NOT_FOUND: { codec: 'JSON' } },
    });
  });

  it('is not what a client can write', async () => {
    const { client } = await ground();
    await expect(client.set(new Uint8Array(1), 'frond_functions')).rejects.toMatchObject({
      code: 'INVALID_CALL',
    });
  });
});
