/** What runs in a thread, run here: each message to it, and what it says. Its text runs in real threads in `thread-pool.test.ts`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromThread, ToThread } from '../../../../../src/cluster/runtime/threads/messages.ts';
import {
  type ThreadPort,
  threadCode,
  threadText,
} from '../../../../../src/cluster/runtime/threads/thread-code.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import { bytes } from '../../../../support/bytes.ts';

const WINDOW = 2;
const GIVEN_FROM = 8;
const PAUSE = 50;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);
type Context = Record<string, never> & {
  readonly signal: AbortSignal;
  readonly cache: {
    get(key: string): Promise<unknown>;
    set(value: unknown, key?: string): Promise<unknown>;
    delete(key: string): Promise<unknown>;
    withSession(name: string | undefined): Context['cache'];
  };
  readonly logger: Record<'debug' | 'info' | 'warning' | 'error', (text: unknown, fields?: unknown) => void>;
  readonly progress: (...now: unknown[]) => void;
  readonly name: string;
  readonly message: { readonly function: string };
  readonly metadata: unknown;
};

async function start(exports: Record<string, unknown> | Error, isRead = true, module = 'file:///m.js') {
  const said: FromThread[] = [];
  const port: ThreadPort = {
    // What a real port does: it copies, and takes what is given away.
    postMessage: (message, transfer) => void said.push(structuredClone(message, { transfer: [...transfer] })),
    onmessage: null,
  };
  const load = vi.fn(async () => {
    if (exports instanceof Error) throw exports;
    return exports;
  });
  const settings = {
    module,
    name: 'role',
    window: WINDOW,
    givenFrom: GIVEN_FROM,
    progressPause: PAUSE,
  };
  threadCode(port, load, settings);
  const tell = async (message: ToThread) => {
    port.onmessage?.({ data: message });
    await settle();
  };
  if (isRead) await settle();
  const call = (name: string, payload: Uint8Array = bytes('x'), more: object = {}) =>
    tell({
      type: 'call',
      id: 7,
      name,
      message: palmMessage({ function: `role.${name}`, client: 'c/1', payload: payload as never }),
      metadata: { tenant: 'a' },
      wantsProgress: true,
      ...more,
    });
  /** What it said since the last call. */
  const news = () => said.splice(0);
  if (isRead) news();
  return { call, tell, news, load };
}

/** Starts a thread with one function. */
const running = (run: (payload: Uint8Array, context: Context) => unknown) => start({ default: { f: run } });
const reasonOf = async (exports: Record<string, unknown> | Error) => {
  const { news } = await start(exports, false);
  await settle();
  const [said] = news();
  return said?.type === 'unusable' ? said.reason : JSON.stringify(said);
};

describe('a module', () => {
  const f = () => bytes('');

  it.each([
    ['an object', { default: { f, g: f } }, ['f', 'g']],
    ['a function that gives one', { default: async () => ({ f }) }, ['f']],
    ['functions under a name of its own', { default: { functions: { f } } }, ['f']],
    ['one that was compiled to CommonJS', { default: { __esModule: true, default: { f } } }, ['f']],
    ['named exports, of which others may be constants', { f, LIMIT: 5, names: ['a'] }, ['f']],
    [
      'named objects of definitions, and of nothing else',
      {
        own: { f: definition(), g: definition() },
        functions: { h: f },
        some: { i: definition(), j: 5 },
        list: [definition()],
        nothing: null,
      },
      ['f', 'g'],
    ],
    ['what gives a function alone', { default: { f: { [Symbol.for('frond.function')]: () => f } } }, ['f']],
    ['definitions among functions', { default: { f, g: definition() } }, ['f', 'g']],
  ])('may give its functions as %s', async (_what, exports, names) => {
    const { news, load } = await start(exports, false);
    await settle();
    const told = names.map((name) => [name, expect.any(String)]);
    expect(news()).toEqual([{ type: 'ready', functions: told }]);
    expect(load).toHaveBeenCalledWith('file:///m.js');
  });

  it.each([
    ['cannot be loaded', new Error('no such file'), 'no such file'],
    ['throws another error', new RangeError('too far'), 'RangeError: too far'],
    ['throws an error without a name', Object.assign(new Error('why'), { name: '' }), 'why'],
    [
      'has null among its functions',
      { default: { f, n: null } },
      'its default export has n, which is not a function',
    ],
    ['exports nothing', {}, 'it exports no functions, but nothing'],
    ['exports no functions', { A: 1, B: { f: 1 } }, 'it exports no functions, but A, B'],
    [
      'has a list for its default',
      { default: [f] },
      /^its default export is not an object of functions, but /,
    ],
    [
      'has a number for its default',
      { default: 5 },
      'its default export is not an object of functions, but 5',
    ],
    [
      'has null for its default',
      { default: null },
      'its default export is not an object of functions, but null',
    ],
    [
      'has something else among its functions',
      { default: { f, n: 5 } },
      'its default export has n, which is not a function',
    ],
    [
      'has half a definition',
      { default: { f: { run: f, input: 1 } } },
      'its default export has f, which is not a function',
    ],
    [
      'has another half',
      { default: { f: { run: f, output: 1 } } },
      'its default export has f, which is not a function',
    ],
    [
      'has a definition that runs nothing',
      { default: { f: { run: 5, input: 1, output: 1 } } },
      'its default export has f, which is not a function',
    ],
    ['has no functions', { default: {} }, 'its default export has no functions'],
    [
      'has a definition whose code cannot be found',
      { default: { f: { run: f, input: 1, output: 1 } } },
      /^f is a definition, and the code for it cannot be loaded from where the module is: /,
    ],
  ])('that %s is of no use, and that is said', async (_what, exports, reason) => {
    if (typeof reason === 'string') expect(await reasonOf(exports)).toBe(reason);
    else expect(await reasonOf(exports)).toMatch(reason);
  });

  it('that cannot be used fails each call', async () => {
    const { call, news } = await start(new Error('no such file'));
    await call('f');
    expect(news()).toMatchObject([
      { type: 'error', id: 7, error: { name: 'Error', message: 'no such file' } },
    ]);
  });

  it('is waited for by calls that come first', async () => {
    const { call, news } = await start({ default: { f: (own: Uint8Array) => own } }, false);
    await call('f');
    expect(news().map(({ type }) => type)).toEqual(['ready', 'result']);
  });

  /** What `fn` makes: it gives its function of bytes itself. */
  function definition() {
    return { input: 1, output: 1, run: () => 1, [Symbol.for('frond.function')]: () => () => bytes('typed') };
  }
});

describe('a call', () => {
  it('runs a function with its payload and context, and tells its result', async () => {
    let seen: Context | undefined;
    const { call, news } = await running((payload, context) => {
      seen = context;
      return payload;
    });
    await call('f', bytes('in'));
    expect(news()).toEqual([{ type: 'result', id: 7, value: bytes('in') }]);
    expect(seen).toMatchObject({
      name: 'role',
      metadata: { tenant: 'a' },
      message: { function: 'role.f', client: 'c/1' },
    });
    expect(seen?.signal.aborted).toBe(false);
  });

  it('of a function that is not there fails', async () => {
    const { call, news } = await running(() => bytes(''));
    await call('g');
    expect(news()).toMatchObject([
      { type: 'error', error: { message: 'the module has no function g any more' } },
    ]);
  });

  it('that is aborted has its signal aborted with the reason, and one that is over has not', async () => {
    const signals: AbortSignal[] = [];
    const { call, tell } = await running((_payload, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(bytes(''))));
    });
    await call('f');
    const reason = { name: 'PalmError', message: 'enough', code: 'CANCELLED' };
    await tell({ type: 'abort', id: 8, reason });
    expect(signals[0]?.aborted).toBe(false);
    await tell({ type: 'abort', id: 7, reason });
    expect(signals[0]?.reason).toBeInstanceOf(Error);
    expect(signals[0]?.reason).toMatchObject(reason);
    await tell({ type: 'abort', id: 7, reason });
    const over = await running((payload, { signal }) => {
      signals.push(signal);
      return payload;
    });
    await over.call('f');
    await over.tell({ type: 'abort', id: 7, reason });
    expect(signals[1]?.aborted).toBe(false);
  });

  it.each([
    [
      'an error',
      Object.assign(new RangeError('no'), { code: 'SAD', data: { a: 1 } }),
      { name: 'RangeError', message: 'no', code: 'SAD', data: { a: 1 } },
    ],
    [
      'one that says how it is answered',
      Object.assign(new Error('no'), { [Symbol.for('frond.answer')]: { status: 6 } }),
      { message: 'no', answer: { status: 6 } },
    ],
    [
      'one whose data cannot be cloned',
      Object.assign(new Error('no'), { data: () => {} }),
      { name: 'Error', message: 'no' },
    ],
    ['a string', 'no', { name: '', message: 'no' }],
    ['nothing', undefined, { name: '', message: 'undefined' }],
    ['null', null, { name: '', message: 'null' }],
    ['an object without a message', { a: 1 }, { name: '', message: '[object Object]' }],
    ['an object with one', { message: 5 }, { name: '', message: '5' }],
    [
      'what cannot be read',
      new Proxy(
        {},
        {
          has: () => {
            throw new Error('no');
          },
        },
      ),
      { name: '', message: 'an error that cannot be read' },
    ],
    ['what cannot be a string', Object.create(null), { name: '', message: 'an error that cannot be read' }],
  ])('that throws %s tells it', async (_what, error, told) => {
    const { call, news } = await running(() => {
      throw error;
    });
    await call('f');
    const [said] = news();
    expect(said).toMatchObject({ type: 'error', id: 7, error: told });
    const extra = Object.keys((said as { error: object }).error).filter(
      (key) => !['name', 'message', 'stack'].includes(key),
    );
    expect(extra.sort()).toEqual(
      Object.keys(told)
        .filter((key) => !['name', 'message'].includes(key))
        .sort(),
    );
    const { stack } = (said as { error: { stack?: string } }).error;
    expect(stack).toBe(error instanceof Error ? error.stack : undefined);
  });
});

describe('a result', () => {
  it('that is large is given away, and one that is small or a part is copied', async () => {
    const kept: Record<string, Uint8Array> = {
      small: new Uint8Array(GIVEN_FROM - 1).fill(1),
      large: new Uint8Array(GIVEN_FROM).fill(2),
      part: new Uint8Array(100).fill(3).subarray(10, 10 + GIVEN_FROM),
    };
    const { call, news } = await start({
      default: Object.fromEntries(Object.entries(kept).map(([name, own]) => [name, () => own])),
    });
    for (const [name, length] of [
      ['small', 7],
      ['large', 8],
      ['part', 8],
    ] as const) {
      const value = new Uint8Array(length).fill(Object.keys(kept).indexOf(name) + 1);
      await call(name);
      expect(news()).toEqual([{ type: 'result', id: 7, value }]);
    }
    expect([kept['small']?.length, kept['large']?.length, kept['part']?.length]).toEqual([7, 0, 8]);
    // What is sent of a part is not the whole.
    await call('part');
    expect((news()[0] as { value: Uint8Array }).value.buffer.byteLength).toBe(GIVEN_FROM);
    // It is gone.
    await call('large');
    expect(news()).toMatchObject([
      {
        type: 'error',
        error: { name: 'TypeError', message: expect.stringContaining('return a copy of what you keep') },
      },
    ]);
  });

  it.each([
    ['a buffer', () => new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2])],
    ['another view', () => new DataView(new Uint8Array([1, 2, 3]).buffer, 1), new Uint8Array([2, 3])],
    ['nothing', () => undefined, undefined],
    ['a number', () => 5, 5],
    ['a string', () => 'text', 'text'],
    ['null', () => null, null],
    ['an object', () => ({ a: 1 }), { a: 1 }],
  ])('may be %s', async (_what, run, value) => {
    const { call, news } = await running(run);
    await call('f');
    expect(news()).toEqual([{ type: 'result', id: 7, value }]);
  });

  it('that cannot leave the thread is a failure', async () => {
    const { call, news } = await running(() => () => {});
    await call('f');
    expect(news()).toMatchObject([
      {
        error: {
          name: 'TypeError',
          message: expect.stringMatching(
            /^the function returned a function that cannot leave its thread; an answer must be bytes/,
          ),
        },
      },
    ]);
  });

  it('whose memory cannot be given away is copied', async () => {
    const { buffer } = new WebAssembly.Memory({ initial: 1 });
    const whole = new Uint8Array(buffer);
    const { call, news } = await running(() => whole);
    await call('f');
    expect((news()[0] as { value: Uint8Array }).value).toHaveLength(65_536);
    expect(whole).toHaveLength(65_536);
  });
});

describe('several results', () => {
  const items = (news: readonly FromThread[]) =>
    news.map((one) => (one.type === 'item' ? one.value : one.type));

  it.each([
    [
      'a generator',
      function* () {
        yield bytes('1');
        yield bytes('2');
      },
    ],
    [
      'an async generator',
      async function* () {
        yield bytes('1');
        yield bytes('2');
      },
    ],
    ['a list', () => [bytes('1'), bytes('2')]],
    ['a set', () => new Set([bytes('1'), bytes('2')])],
    ['a promise of a list', async () => [bytes('1'), Promise.resolve(bytes('2'))]],
  ])('of %s are told one after the other, and their end', async (_what, run) => {
    const { call, tell, news } = await running(run as never);
    await call('f');
    // The window is full: it does not say the end before one is taken.
    expect(items(news())).toEqual([bytes('1'), bytes('2')]);
    await tell({ type: 'taken', id: 7 });
    expect(items(news())).toEqual(['end']);
  });

  it('wait while as many as may are on their way', async () => {
    const { call, tell, news } = await running(function* () {
      for (let i = 1; i <= 4; i++) yield bytes(String(i));
    });
    await call('f');
    expect(items(news())).toEqual([bytes('1'), bytes('2')]);
    await tell({ type: 'taken', id: 8 });
    expect(news()).toEqual([]);
    await tell({ type: 'taken', id: 7 });
    expect(items(news())).toEqual([bytes('3')]);
    await tell({ type: 'taken', id: 7 });
    await tell({ type: 'taken', id: 7 });
    expect(items(news())).toEqual([bytes('4'), 'end']);
    await tell({ type: 'taken', id: 7 });
  });

  it.each([true, false])('are left when no more are wanted; it waits for room then: %s', async (isFull) => {
    let isLeft = false;
    let made = 0;
    let next = () => {};
    const { call, tell, news } = await running(async function* () {
      try {
        for (let i = 1; ; i++) {
          made = i;
          yield bytes(String(i));
          if (!isFull)
            await new Promise<void>((resolve) => {
              next = resolve;
            });
        }
      } finally {
        isLeft = true;
      }
    });
    await call('f');
    expect(items(news())).toHaveLength(isFull ? 2 : 1);
    await tell({ type: 'stop', id: 7 });
    next();
    await settle();
    expect([isLeft, items(news()), made]).toEqual([true, ['end'], 2]);
  });

  it('that fail tell the failure, after the results before', async () => {
    const { call, news } = await running(function* () {
      yield bytes('1');
      throw new Error('no');
    });
    await call('f');
    expect(items(news())).toEqual([bytes('1'), 'error']);
  });

  it('leave no rejection unhandled that is behind the one that fails', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const { call, news } = await running(() => [
        Promise.reject(new Error('1')),
        Promise.reject(new Error('2')),
      ]);
      await call('f');
      vi.useRealTimers();
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      expect(news()).toMatchObject([{ type: 'error', error: { message: '1' } }]);
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('the cache of a call', () => {
  it('is asked across, each request under its own number', async () => {
    const answers: unknown[] = [];
    const { call, tell, news } = await running(async (payload, { cache }) => {
      answers.push(
        await Promise.all([cache.get('k'), cache.set(payload, 'k'), cache.set(payload), cache.delete('k')]),
      );
      return payload;
    });
    const whole = new Uint8Array(100);
    await call('f', whole.subarray(0, 3));
    const asked = news() as { request: number; value: Uint8Array | undefined }[];
    const common = { type: 'cache', id: 7, session: undefined };
    expect(asked).toEqual([
      { ...common, request: 1, operation: 'get', key: 'k', value: undefined },
      { ...common, request: 2, operation: 'set', key: 'k', value: new Uint8Array(3) },
      { ...common, request: 3, operation: 'set', key: undefined, value: new Uint8Array(3) },
      { ...common, request: 4, operation: 'delete', key: 'k', value: undefined },
    ]);
    expect(asked[1]?.value?.buffer.byteLength).toBe(3);
    for (const { request } of asked) await tell({ type: 'reply', request, value: request * 10 });
    expect(answers).toEqual([[10, 20, 30, 40]]);
    // An answer that nobody waits for.
    await tell({ type: 'reply', request: 1, value: 0 });
    await tell({ type: 'refused', request: 1, error: { name: '', message: '' } });
  });

  it('has other sessions, and none, and its refusals are errors', async () => {
    const { call, tell, news } = await running(async (payload, { cache }) => {
      await cache.withSession('S-').get('k');
      await cache.withSession('S-').withSession(undefined).set('text');
      return payload;
    });
    await call('f');
    expect(news()).toMatchObject([{ session: { name: 'S-' }, operation: 'get' }]);
    await tell({ type: 'reply', request: 1, value: undefined });
    expect(news()).toMatchObject([{ session: { name: undefined }, operation: 'set', value: 'text' }]);
    await tell({
      type: 'refused',
      request: 2,
      error: { name: 'PalmError', message: 'no', code: 'INVALID_CALL' },
    });
    expect(news()).toMatchObject([
      { type: 'error', error: { name: 'PalmError', message: 'no', code: 'INVALID_CALL' } },
    ]);
  });

  it('refuses at once what cannot leave the thread', async () => {
    const { call, news } = await running(async (_payload, { cache }) => cache.set(() => {}, 'k'));
    await call('f');
    expect(news()).toMatchObject([{ type: 'error', error: { name: 'DataCloneError' } }]);
  });
});

describe('the logger of a call', () => {
  it('tells each line with its level, and without fields that cannot be cloned', async () => {
    const { call, news } = await running((payload, { logger }) => {
      for (const level of ['debug', 'info', 'warning', 'error'] as const) logger[level](level, { a: 1 });
      logger.info(5, { a: () => {} });
      return payload;
    });
    await call('f');
    const common = { type: 'log', id: 7 };
    expect(news().slice(0, -1)).toEqual([
      ...['debug', 'info', 'warning', 'error'].map((level) => ({
        ...common,
        level,
        text: level,
        fields: { a: 1 },
      })),
      { ...common, level: 'info', text: '5', fields: undefined },
    ]);
  });
});

describe('the progress of a call', () => {
  const told = (news: readonly FromThread[]) =>
    news.map((one) => (one.type === 'progress' ? one.progress.join(' ') : one.type));

  it('is told at once, then once in a pause, and the last of all before the result', async () => {
    let go = () => {};
    let more: Context['progress'] = () => {};
    const { call, news } = await running(async (payload, { progress }) => {
      more = progress;
      progress(1, 9, 'begins');
      progress(2);
      progress(3);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      progress(5);
      return payload;
    });
    await call('f');
    expect(told(news())).toEqual(['1 9 begins']);
    await vi.advanceTimersByTimeAsync(PAUSE - 1);
    expect(news()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(told(news())).toEqual(['3']);
    more(4);
    go();
    await settle();
    expect(told(news())).toEqual(['5', 'result']);
    more(6);
    await vi.advanceTimersByTimeAsync(2 * PAUSE);
    expect([news(), vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('is told by a function that lets no timer in, when a pause is over', async () => {
    const { call, news } = await running((payload, { progress }) => {
      const before = performance.now();
      progress(1);
      const now = vi.spyOn(performance, 'now').mockReturnValue(before + PAUSE);
      progress(2);
      now.mockRestore();
      progress(3);
      return payload;
    });
    await call('f');
    expect(told(news())).toEqual(['1', '2', '3', 'result']);
  });

  it('is told before the end of several results, and before a failure', async () => {
    for (const fails of [true, false]) {
      const { call, news } = await running(function* (_payload: Uint8Array, { progress }: Context) {
        progress(1);
        yield bytes('x');
        progress(2);
        if (fails) throw new Error('no');
      } as never);
      await call('f');
      expect(told(news())).toEqual(['1', 'item', '2', fails ? 'error' : 'end']);
    }
  });

  it('is not told where nobody wants to hear of it, or when it cannot be cloned', async () => {
    const { call, news } = await running((payload, { progress }) => {
      progress(() => {});
      return payload;
    });
    await call('f');
    expect(told(news())).toEqual(['result']);
    await call('f', bytes('x'), { wantsProgress: false });
    expect(told(news())).toEqual(['result']);
  });
});

describe('definitions of the frond that a module uses', () => {
  const made: string[] = [];
  afterEach(async () => {
    for (const folder of made.splice(0)) await rm(folder, { recursive: true });
  });

  /** A module's address, beside which a `frond/cluster` is that has this code. */
  async function beside(code: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'frond-thread-code-'));
    made.push(folder);
    const frond = join(folder, 'node_modules/frond');
    await mkdir(frond, { recursive: true });
    await writeFile(join(frond, 'cluster.js'), code);
    return pathToFileURL(join(folder, 'm.js')).href;
  }
  const define = 'exports.asPalmFunction = ({ run }) => run;';
  const plain = () => bytes('plain');
  const exports = { default: { own: { input: 1, output: 1, run: () => bytes('typed') }, plain } };

  it('are run and described by it; functions of bytes have their names alone', async () => {
    const module = await beside(`${define} exports.describeFunction = (name) => ({ name, kind: 'one' });`);
    const { news, call } = await start(exports, false, module);
    await settle();
    expect(news()).toEqual([
      {
        type: 'ready',
        functions: [
          ['own', '{"name":"own","kind":"one"}'],
          ['plain', '{"name":"plain"}'],
        ],
      },
    ]);
    await call('own');
    expect(news()).toMatchObject([{ type: 'result', value: bytes('typed') }]);
  });

  it.each([
    ['is older and has no words for them', ''],
    ['says nothing', 'exports.describeFunction = () => undefined;'],
    ['says what is not a description', "exports.describeFunction = () => 'one {';"],
    ['fails', "exports.describeFunction = () => { throw new Error('no'); };"],
  ])('have their names alone where it %s', async (_what, more) => {
    const { news } = await start(exports, false, await beside(`${define} ${more}`));
    await settle();
    expect(news()).toMatchObject([
      {
        type: 'ready',
        functions: [
          ['own', '{"name":"own"}'],
          ['plain', '{"name":"plain"}'],
        ],
      },
    ]);
  });
});

it('the text of a thread is the code with its settings', () => {
  const settings = { module: 'file:///m.js', name: 'role', window: 1, givenFrom: 2, progressPause: 3 };
  expect(threadText(settings)).toContain(`(url) => import(url), ${JSON.stringify(settings)});`);
});
