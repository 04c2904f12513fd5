import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FunctionContext } from '../../../../../src/cluster/runtime/functions.ts';
import { cacheOf } from '../../../../../src/cluster/runtime/functions.ts';
import { MemoryStore } from '../../../../../src/cluster/runtime/store.ts';
import { MOST_THREADS } from '../../../../../src/cluster/runtime/threads/options.ts';
import { ThreadDied } from '../../../../../src/cluster/runtime/threads/thread-died.ts';
import {
  ThreadPool,
  type ThreadPoolSettings,
} from '../../../../../src/cluster/runtime/threads/thread-pool.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';
import { playThreads } from '../../../../support/played-thread.ts';
import { eventually, until, within } from '../../../../support/wait.ts';

const module = new URL('../../../../cluster/threads/functions.mjs', import.meta.url).href;
const LIMIT = 10_000;

let opened: ThreadPool[] = [];
afterEach(async () => {
  for (const pool of opened) await pool.close();
  opened = [];
});

async function open(options: Partial<ThreadPoolSettings> = {}) {
  const lines: string[] = [];
  const take = (message: string) => void lines.push(message);
  const logger = { debug: take, info: take, warning: take, error: take };
  const closing = new AbortController();
  const settings = { module, count: 1, memory: undefined, grace: 100, name: 'role', logger };
  const pool = await ThreadPool.start({ ...settings, closing: closing.signal, ...options });
  opened.push(pool);
  const cache = cacheOf(new MemoryStore());
  const run = async (name: string, payload: Bytes, signal = new AbortController().signal) => {
    const message = palmMessage({ function: `role.${name}`, client: 'c/1', payload });
    const progress = (...now: readonly unknown[]) => void lines.push(`progress ${now.join(' ')}`);
    const context = { message, metadata: { tenant: 'a' }, progress, name: 'role', cache, logger, signal };
    return pool.functions[name]?.(payload, context as FunctionContext) as unknown;
  };
  const answer = async (name: string, text = '') => textOf((await run(name, bytes(text))) as Uint8Array);
  return { pool, run, answer, lines, closing };
}

describe('a call that is cancelled', () => {
  const reason = new PalmError('CANCELLED' as 'CLOSED', 'nobody waits');

  it('is told, with the code of the reason', async () => {
    const { run, lines } = await open();
    const controller = new AbortController();
    const running = run('listens', bytes(''), controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toMatchObject({ name: 'RangeError', message: 'told: CANCELLED' });
    expect(lines).toEqual([]);
  });

  it('before it begins does not begin', async () => {
    const { run } = await open();
    await expect(run('forever', bytes(''), AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each(['deaf', 'forever'])(
    'and does not listen (%s) frees its thread after the grace time',
    async (name) => {
      const { run, answer, lines } = await open();
      const controller = new AbortController();
      const running = run(name, bytes(''), controller.signal);
      const before = performance.now();
      controller.abort(reason);
      await expect(within(LIMIT, running as Promise<unknown>)).rejects.toBe(reason);
      expect(performance.now() - before).toBeGreaterThanOrEqual(95);
      expect(lines).toEqual(['a thread has ended, and another takes its place']);
      expect(await answer('upper', 'on')).toBe('ON');
    },
  );

  it('ends the calls beside it without blame', async () => {
    const { run } = await open();
    const controller = new AbortController();
    const beside = run('deaf', bytes(''));
    const running = run('deaf', bytes(''), controller.signal);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    const error = await (beside as Promise<unknown>).catch((one) => one);
    expect(error).toBeInstanceOf(ThreadDied);
    expect(error).toMatchObject({ isSuspect: false });
  });

  it('when it is over changes nothing', async () => {
    const { run, answer, lines } = await open({ grace: 1 });
    const controller = new AbortController();
    await run('upper', bytes('x'), controller.signal);
    controller.abort(reason);
    expect(await answer('compute', '50')).toBe('50');
    expect(lines).toEqual([]);
  });

  it('because its role closes is told, and keeps its time', async () => {
    const { run, closing, lines } = await open({ grace: 1 });
    const running = run('compute', bytes('150'), closing.signal);
    closing.abort(new PalmError('CLOSED', 'closing'));
    expect(textOf((await running) as Uint8Array)).toBe('150');
    expect(lines).toEqual([]);
  });
});

describe('results that are not read to their end', () => {
  it('end their generator', async () => {
    const { run, answer, lines } = await open();
    const results = (await run('endless', bytes(''))) as AsyncIterable<Uint8Array>;
    const read: string[] = [];
    for await (const one of results) {
      read.push(textOf(one));
      if (read.length === 40) break;
    }
    expect(read.at(-1)).toBe('39');
    expect(await answer('upper', 'on')).toBe('ON');
    expect(lines).toEqual([]);
  });

  it('end the thread of a generator that does not let events in', async () => {
    const { run, answer, lines } = await open();
    for await (const _ of (await run('stuck', bytes(''))) as AsyncIterable<Uint8Array>) break;
    await until(() => lines.length > 0);
    expect(await answer('upper', 'on')).toBe('ON');
  });

  it('do not come faster than they are read', async () => {
    const { run } = await open();
    const results = (await run('endless', bytes(''))) as AsyncIterableIterator<Uint8Array>;
    for (let i = 0; i < 10; i++) await results.next();
    // The thread answers in order, so what was sent ahead has come by the end of this call.
    await run('upper', bytes('x'));
    const before = performance.now();
    await results.return?.();
    expect(performance.now() - before).toBeLessThan(LIMIT);
  });
});

describe('the pool', () => {
  it('fails calls while no thread can be started, and says why', async () => {
    const text = `
      if (process.env.FROND_TEST_BROKEN) throw new Error('the disk is full');
      export default { exits: () => process.exit(1), same: (payload) => payload };
    `;
    const own = `data:text/javascript,${encodeURIComponent(text)}`;
    const { run, lines } = await open({ module: own });
    process.env['FROND_TEST_BROKEN'] = 'yes';
    try {
      await expect(run('exits', bytes(''))).rejects.toBeInstanceOf(ThreadDied);
      await until(() => lines.length === 2);
      await expect(run('same', bytes(''))).rejects.toThrow(/no thread runs.*the disk is full/);
    } finally {
      delete process.env['FROND_TEST_BROKEN'];
    }
    // Another is started after a second.
    let answer: unknown;
    await eventually(async () => {
      answer = await (run('same', bytes('back')) as Promise<unknown>).catch(() => undefined);
      return answer !== undefined;
    });
    expect(answer).toEqual(bytes('back'));
  });

  it('gives a call to the thread with the fewest', async () => {
    const { run } = await open({ count: 3 });
    const controller = new AbortController();
    const computing = ['forever', 'forever'].map((name) => run(name, bytes(''), controller.signal));
    // Behind one of these it would never be answered.
    for (let i = 0; i < 10; i++) expect(await run('upper', bytes('x'))).toEqual(bytes('X'));
    controller.abort(new Error('enough'));
    for (const one of computing) await expect(one).rejects.toThrow('enough');
  });

  it('passes metadata, progress and how an error wants to be answered', async () => {
    const text = `
      export default {
        tells: (payload, { metadata, progress }) => {
          for (let i = 0; i < 1000; i++) progress(i, 1000, metadata.tenant);
          return payload;
        },
        answers: () => {
          throw Object.assign(new Error('no'), { code: 'SAD', data: { a: 1 }, [Symbol.for('frond.answer')]: { status: 6 } });
        },
      };
    `;
    const { run, lines } = await open({ module: `data:text/javascript,${encodeURIComponent(text)}` });
    await run('tells', bytes('x'));
    expect(lines[0]).toBe('progress 0 1000 a');
    expect(lines.at(-1)).toBe('progress 999 1000 a');
    expect(lines.length).toBeLessThan(50);
    const error = await (run('answers', bytes('')) as Promise<unknown>).catch((one) => one);
    expect(error).toMatchObject({ message: 'no', code: 'SAD', data: { a: 1 } });
    expect(Reflect.get(error as object, Symbol.for('frond.answer'))).toEqual({ status: 6 });
  });

  it('rejects calls when it is closed, and takes no more', async () => {
    const { pool, run } = await open();
    const running = run('deaf', bytes(''));
    const ended = expect(running).rejects.toMatchObject({ code: 'CLOSED' });
    await pool.close();
    await ended;
    await expect(run('upper', bytes(''))).rejects.toThrow();
  });

  it('leaves small payloads whole, and takes large ones', async () => {
    const { run } = await open();
    const [small, large] = [new Uint8Array(100), new Uint8Array(100_000)];
    await run('same', small);
    await run('same', large);
    expect([small.length, large.length]).toEqual([100, 0]);
  });
});

describe('a pool of played threads', () => {
  const lines: unknown[][] = [];
  const take = (...line: unknown[]) => void lines.push(line);
  const logger = { debug: take, info: take, warning: take, error: take };

  beforeEach(() => {
    vi.useFakeTimers();
    lines.length = 0;
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  const url = 'file:///app/functions.js';

  function start(count: number | 'auto' = 1) {
    const settings = { module: url, count, memory: undefined, grace: 100, name: 'role', logger };
    return ThreadPool.start({ ...settings, closing: new AbortController().signal });
  }

  it.each([
    [3, 3],
    [MOST_THREADS + 1, MOST_THREADS],
  ])('of a machine that runs %i has %i, and is there when all are ready', async (cores, count) => {
    const made = playThreads(cores);
    const starting = start('auto');
    expect(made).toHaveLength(count);
    for (const thread of made.slice(1)) thread.ready('other');
    let isThere = false;
    starting.then(() => {
      isThere = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(isThere).toBe(false);
    made[0]?.tell({ type: 'ready', functions: [['f', '{"kind":"many"}']] });
    const pool = await starting;
    expect([pool.count, Object.keys(pool.functions), pool.descriptions]).toEqual([
      count,
      ['f'],
      [{ name: 'f', kind: 'many' }],
    ]);
    await pool.close();
    expect(made.map(({ terminations }) => terminations)).toEqual(Array(count).fill(1));
  });

  it('whose module cannot be used is refused with the reason, and leaves no thread', async () => {
    const made = playThreads();
    const starting = start(2);
    made[0]?.ready('f');
    made[1]?.tell({ type: 'unusable', reason: 'it exports nothing' });
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_CALL',
      message: `the module "${url}" cannot be used in a thread: it exports nothing`,
      cause: expect.objectContaining({ message: 'it exports nothing' }),
    });
    expect(made.map(({ terminations }) => terminations)).toEqual([1, 1]);
    expect(lines).toEqual([]);
  });

  it('on a platform without threads is refused as that', async () => {
    playThreads();
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
    vi.stubGlobal('Worker', undefined);
    const error = await start().catch((one) => one);
    expect(error).toMatchObject({ code: 'INVALID_CALL', message: expect.stringMatching(/^this platform/) });
    vi.unstubAllGlobals();
  });

  it('puts another at once in the place of a thread that ends, and says so', async () => {
    const made = playThreads();
    const starting = start(2);
    for (const thread of made) thread.ready('f');
    const pool = await starting;
    made[0]?.end(3);
    expect(made).toHaveLength(3);
    expect(lines).toEqual([
      [
        'a thread has ended, and another takes its place',
        { reason: 'the thread ended by itself, with exit code 3', calls: 0 },
      ],
    ]);
    await pool.close();
    expect(made.map(({ terminations }) => terminations)).toEqual([1, 1, 1]);
    // What ends now ends because it was told to.
    made[1]?.end(0);
    expect([made.length, lines.length]).toEqual([3, 1]);
  });

  it('tries again after 1 s, and twice as long each time up to 30 s, until one is ready', async () => {
    const made = playThreads();
    const starting = start();
    made[0]?.ready('f');
    const pool = await starting;
    made[0]?.end(1);
    for (const delay of [1, 2, 4, 8, 16, 30, 30]) {
      const { length } = made;
      made.at(-1)?.tell({ type: 'unusable', reason: `${delay}` });
      expect(() => pool.functions['f']?.(bytes(''), {} as never)).toThrow(
        `no thread runs, and the last one could not be started: ${delay}`,
      );
      vi.advanceTimersByTime(delay * 1_000 - 1);
      expect(made).toHaveLength(length);
      vi.advanceTimersByTime(1);
      expect(made).toHaveLength(length + 1);
    }
    made.at(-1)?.ready('f');
    made.at(-1)?.end(1);
    const { length } = made;
    made.at(-1)?.end(1);
    vi.advanceTimersByTime(1_000);
    expect(made).toHaveLength(length + 1);
    await pool.close();
  });

  it('that closes starts no other', async () => {
    const made = playThreads();
    const starting = start();
    made[0]?.ready('f');
    const pool = await starting;
    made[0]?.end(1);
    made[1]?.end(1);
    expect(vi.getTimerCount()).toBe(1);
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    await closing;
    expect(vi.getTimerCount()).toBe(0);
    expect(() => pool.functions['f']?.(bytes(''), {} as never)).toThrow(
      expect.objectContaining({ code: 'CLOSED', message: '"role" is closed' }),
    );
  });
});
