/** Interceptors around calls, where they are made and where they are served. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InterceptedCall, Master, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { Client, type Interceptor, PalmError, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { readAll } from '../support/wait.ts';

const own = { transport: memory(), loggingLevel: 'silent' } as const;
const upper = (payload: Uint8Array) => bytes(textOf(payload).toUpperCase());

/** Notes what it sees on the way in and on the way out. */
const noting =
  (name: string, notes: string[]): Interceptor =>
  (next) =>
  async (call) => {
    notes.push(`${name} ${call.kind} ${call.path}`);
    try {
      return await next(call);
    } finally {
      notes.push(`${name} done`);
    }
  };

let server: Server;

beforeAll(async () => {
  server = await Server.start({
    ...own,
    name: 'server',
    functions: {
      upper,
      tenant: (_payload, { metadata }) => bytes(metadata['tenant'] ?? 'nobody'),
      never: () => new Promise(() => {}),
    },
    concurrency: 10,
  });
});

afterAll(() => server?.close());

const connect = async (...interceptors: Interceptor[]) =>
  (await Client.connect({ ...own, dbAddress: server.dbAddress, interceptors })).with(text());

describe('interceptors of a client', () => {
  it('see each eval, job and map, the first one outermost', async () => {
    const notes: string[] = [];
    await using client = await connect(noting('a', notes));
    client.use(noting('b', notes));
    expect(await client.eval('server.upper', 'x')).toBe('X');
    expect(await readAll(client.job('server.upper', ['y'], { messages: 1 }))).toEqual(['Y']);
    expect(await readAll(client.map('server.upper', ['z']))).toEqual(['Z']);
    const around = (kind: string) => [`a ${kind} server.upper`, `b ${kind} server.upper`, 'b done', 'a done'];
    expect(notes).toEqual([...around('eval'), ...around('job'), ...around('map')]);
  });

  it('change what goes and what comes', async () => {
    const change: Interceptor = (next) => async (call) =>
      `${await next({ ...call, input: `${call.input}!` })}?`;
    await using client = await connect(change);
    expect(await client.eval('server.upper', 'x')).toBe('X!?');
  });

  it('change the inputs and results of a job, and leaving it leaves all', async () => {
    let wasLeft = 0;
    const change: Interceptor = (next) => async (call) => {
      async function* inputs() {
        try {
          for await (const input of call.input as string[]) yield `${input}!`;
        } finally {
          wasLeft++;
        }
      }
      const results = (await next({ ...call, input: inputs() })) as AsyncIterable<string>;
      return (async function* () {
        try {
          for await (const result of results) yield `${result}?`;
        } finally {
          wasLeft++;
        }
      })();
    };
    await using client = await connect(change);
    const map = client.map('server.upper', ['x', 'y'], { window: 1 });
    expect((await map.next()).value).toBe('X!?');
    expect(map.progress?.taken).toBeGreaterThan(0);
    await map.return();
    expect(await map.next()).toEqual({ done: true, value: undefined });
    expect(wasLeft).toBe(2);
  });

  it('add metadata', async () => {
    const tenant: Interceptor = (next) => (call) => {
      call.metadata['tenant'] = 'acme';
      return next(call);
    };
    await using client = await connect(tenant);
    expect(await client.eval('server.tenant', '')).toBe('acme');
    expect(await readAll(client.map('server.tenant', ['']))).toEqual(['acme']);
  });

  it('refuse calls, and their errors are those of the call', async () => {
    const error = new PalmError('FORBIDDEN', 'not today');
    const before = server.counters.received;
    await using client = await connect(() => async () => {
      throw error;
    });
    await expect(client.eval('server.upper', 'x')).rejects.toBe(error);
    await expect(client.job('server.upper', ['x']).next()).rejects.toBe(error);
    await expect(client.mapSettled('server.upper', ['x']).next()).rejects.toBe(error);
    expect(server.counters.received).toBe(before);
  });

  it('answer in place of the server', async () => {
    await using client = await connect(() => async ({ kind }) => {
      if (kind === 'eval') return 'cached';
      return (async function* () {
        yield 'cached';
      })();
    });
    expect(await client.eval('server.upper', 'x')).toBe('cached');
    expect(await readAll(client.map('server.upper', ['x']))).toEqual(['cached']);
  });

  it('see the error of a call, and may try it again', async () => {
    let tries = 0;
    const again: Interceptor = (next) => async (call) => {
      tries++;
      const first = await next({ ...call, input: 5 }).catch((error: PalmError) => error);
      expect(first).toMatchObject({ code: 'INVALID_CALL' });
      return next(call);
    };
    await using client = await connect(again);
    expect(await client.eval('server.upper', 'x')).toBe('X');
    expect(tries).toBe(1);
  });

  it('do not keep a call from being aborted, and may give another signal', async () => {
    const seen: InterceptedCall[] = [];
    await using client = await connect((next) => (call) => {
      seen.push(call);
      return next(call);
    });
    const abort = new AbortController();
    const call = client.eval('server.never', 'x', { signal: abort.signal });
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    expect(seen[0]?.signal).toBe(abort.signal);
  });

  it('that give no results of a job fail it', async () => {
    await using client = await connect((next) => async (call) => {
      await next(call);
      return 5;
    });
    const refused = { code: 'INVALID_CALL', message: expect.stringContaining('as an async iterable, not 5') };
    await expect(client.job('server.upper', ['x']).next()).rejects.toMatchObject(refused);
  });

  it('must be functions', async () => {
    const refused = { code: 'INVALID_CALL', message: expect.stringContaining('must be a') };
    for (const interceptors of [[5], 'x', {}])
      await expect(
        Client.connect({ ...own, dbAddress: server.dbAddress, interceptors: interceptors as never }),
      ).rejects.toMatchObject(refused);
    await using client = await connect();
    expect(() => client.use(5 as never)).toThrow(expect.objectContaining(refused));
    await expect(Server.start({ ...own, name: 's', interceptors: [5] as never })).rejects.toMatchObject(
      refused,
    );
  });

  it('get a payload as it was at the call', async () => {
    await using client = await Client.connect({
      ...own,
      dbAddress: server.dbAddress,
      interceptors: [(next) => next],
    });
    const payload = bytes('a');
    const answer = client.eval('server.upper', payload);
    payload[0] = 0;
    expect(textOf(await answer)).toBe('A');
  });
});

describe('interceptors of a server', () => {
  it('stand around its functions, in order, and know the path', async () => {
    const notes: string[] = [];
    await using other = await Server.start({
      ...own,
      name: 'other',
      functions: { upper },
      interceptors: [noting('a', notes)],
    });
    other.use(noting('b', notes));
    await using client = (await Client.connect({ ...own, dbAddress: other.dbAddress })).with(text());
    expect(await client.eval('other.upper', 'x')).toBe('X');
    expect(notes).toEqual(['a function other.upper', 'b function other.upper', 'b done', 'a done']);
  });

  it('change payloads and results, and refuse', async () => {
    const guard: Interceptor = (next) => async (call) => {
      if (call.metadata['tenant'] === undefined) throw new PalmError('FORBIDDEN', 'who are you?');
      const result = (await next({
        ...call,
        input: bytes(`${textOf(call.input as Uint8Array)}!`),
      })) as Uint8Array;
      return bytes(`${textOf(result)}?`);
    };
    await using other = await Server.start({
      ...own,
      name: 'other',
      interceptors: [guard],
      functions: {
        upper,
        async *twice(payload) {
          yield payload;
          yield payload;
        },
      },
    });
    await using client = (await Client.connect({ ...own, dbAddress: other.dbAddress })).with(text());
    expect(await client.eval('other.upper', 'x', { metadata: { tenant: 'acme' } })).toBe('X!?');
    await expect(client.eval('other.upper', 'x')).rejects.toMatchObject({
      code: 'REMOTE',
      message: expect.stringContaining('who are you?'),
    });
  });

  it('add metadata for the function and for the servers behind', async () => {
    const mark: Interceptor = (next) => (call) => {
      call.metadata['by'] = 'first';
      return next(call);
    };
    const by = {
      by: (payload: Uint8Array, { metadata }: { metadata: Readonly<Record<string, string>> }) =>
        bytes(`${textOf(payload)} ${metadata['by']} ${metadata['lang']}`),
    };
    await using first = await Server.start({
      ...own,
      name: 'first',
      functions: by,
      pipelined: true,
      interceptors: [mark],
    });
    const previous = { previous: 'first', previousDbAddress: first.dbAddress };
    await using last = await Pipeline.start({ ...own, ...previous, name: 'last', functions: by });
    await last.ready();
    await using client = (await Client.connect({ ...own, dbAddress: first.dbAddress })).with(text());
    const metadata = { lang: 'de' };
    expect(await client.eval(['first.by', 'last.by'], 'x', { metadata })).toBe('x first de first de');
  });

  it('stand around generators, and around the functions of workers', async () => {
    const notes: string[] = [];
    await using master = await Master.start({ ...own, name: 'master' });
    await using worker = await Worker.start({
      ...own,
      dbAddress: master.dbAddress,
      interceptors: [noting('a', notes)],
      functions: {
        *twice(payload) {
          yield payload;
          yield payload;
        },
      },
    });
    worker.use(noting('b', notes));
    await using client = (await Client.connect({ ...own, dbAddress: master.dbAddress })).with(text());
    expect(await client.eval('master.twice', 'x', { messages: 2 })).toEqual(['x', 'x']);
    expect(notes).toEqual(['a function master.twice', 'b function master.twice', 'b done', 'a done']);
    expect(() => master.use(noting('c', notes))).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
  });

  it('fail a call whose metadata cannot be kept', async () => {
    const spoil: Interceptor = (next) => (call) => {
      call.metadata['frond-x'] = 'x';
      return next(call);
    };
    await using other = await Server.start({
      ...own,
      name: 'other',
      functions: { upper },
      interceptors: [spoil],
    });
    await using client = (await Client.connect({ ...own, dbAddress: other.dbAddress })).with(text());
    await expect(client.eval('other.upper', 'x')).rejects.toMatchObject({
      code: 'REMOTE',
      message: expect.stringContaining('reserved'),
    });
  });
});
