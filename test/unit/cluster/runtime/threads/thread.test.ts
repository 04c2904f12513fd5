/** One thread, which a test plays: what it is told, what is made of what it tells, and what is left when it ends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SignalHub } from '../../../../../src/async/signals.ts';
import { cacheOf, type FunctionContext } from '../../../../../src/cluster/runtime/functions.ts';
import { MemoryStore } from '../../../../../src/cluster/runtime/store.ts';
import type { FromThread } from '../../../../../src/cluster/runtime/threads/messages.ts';
import { GIVEN_FROM, Thread, type ThreadContext } from '../../../../../src/cluster/runtime/threads/thread.ts';
import { ThreadDied } from '../../../../../src/cluster/runtime/threads/thread-died.ts';
import type { Bytes } from '../../../../../src/protocol/bytes.ts';
import { PalmError } from '../../../../../src/protocol/errors.ts';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import { bytes } from '../../../../support/bytes.ts';
import { type PlayedThread, playThreads } from '../../../../support/played-thread.ts';

let made: readonly PlayedThread[];

beforeEach(() => {
  vi.useFakeTimers();
  made = playThreads();
});
afterEach(() => {
  // However a call ends, its time to end is not waited for any more.
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const GRACE = 100;

function open(context: Partial<ThreadContext> = {}) {
  const ended: unknown[] = [];
  const closing = new AbortController();
  const thread = new Thread({
    text: '',
    memory: undefined,
    grace: GRACE,
    closing: closing.signal,
    signals: new SignalHub(),
    onEnd: (own, reason, calls) => void ended.push([own === thread, reason, calls]),
    ...context,
  });
  const played = made.at(-1) as PlayedThread;
  const lines: unknown[] = [];
  const at = (level: string) => (text: string, fields?: unknown) => void lines.push([level, text, fields]);
  const logger = { debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error') };
  const store = new MemoryStore();
  const told = () => played.told.map(({ message }) => message);

  function run(payload: Bytes = bytes('x'), more: object = {}) {
    const controller = new AbortController();
    const { signal } = controller;
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    const message = palmMessage({ function: 's.f', client: 'c/1', payload });
    const context = { message, name: 's', cache: cacheOf(store), logger, signal, ...more };
    const result = thread.run('f', payload, context as FunctionContext);
    const outcome: { value?: unknown; error?: unknown } = {};
    result.then(
      (value) => {
        outcome.value = value;
      },
      (error) => {
        outcome.error = error;
      },
    );
    /** Whether somebody listens to its signal. */
    const isHeard = () => added.mock.calls.length > removed.mock.calls.length;
    const id = told().findLast((one) => one.type === 'call')?.id as number;
    return { controller, result, outcome, isHeard, id };
  }
  return { thread, played, told, run, ended, closing, lines, store };
}

type Thrown = Error & Readonly<Record<string | symbol, unknown>>;

/** Lets what was resolved go on. */
const turn = () => vi.advanceTimersByTimeAsync(0);

describe('a thread that starts', () => {
  it('is ready when it says so, with what its functions take and give', async () => {
    const { thread, played } = open();
    expect([thread.isReady, thread.size]).toEqual([false, 0]);
    played.tell({
      type: 'ready',
      functions: [
        ['f', '{"name":"other","kind":"one"}'],
        ['g', '{}'],
      ],
    });
    expect(thread.isReady).toBe(true);
    expect(await thread.ready).toEqual([{ name: 'f', kind: 'one' }, { name: 'g' }]);
  });

  it('with a module that cannot be used says why, and has ended', async () => {
    const { thread, played, ended } = open();
    played.tell({ type: 'unusable', reason: 'no functions' });
    await expect(thread.ready).rejects.toThrow('no functions');
    expect([thread.isReady, played.terminations, ended]).toEqual([false, 1, [[true, 'no functions', 0]]]);
    // What it says after that is of nobody.
    played.tell({ type: 'ready', functions: [] });
    played.end(1);
    expect([thread.isReady, ended.length]).toEqual([false, 1]);
  });

  it('and ends before it is ready says how', async () => {
    const { thread, played, ended } = open();
    played.fail(new Error('no memory'));
    played.end(1);
    await expect(thread.ready).rejects.toThrow('the thread failed: no memory');
    expect(ended).toEqual([[true, 'the thread failed: no memory', 0]]);
  });

  it('and is closed before is told of as closed, and not as ended', async () => {
    const { thread, played, ended } = open();
    const reason = new PalmError('CLOSED', 'the role is closed');
    await thread.close(reason);
    await expect(thread.ready).rejects.toBe(reason);
    played.end(0);
    expect([played.terminations, ended]).toEqual([1, []]);
  });
});

describe('a call', () => {
  it('is told with its message, its payload, its metadata, and whether progress is wanted', () => {
    const { told, run } = open();
    run(bytes('abc'), { metadata: { lang: 'de' } });
    run(bytes('abc'), { wantsProgress: false });
    run(bytes('abc'), { wantsProgress: true });
    const message = palmMessage({ function: 's.f', client: 'c/1', payload: bytes('abc') });
    const own = { type: 'call', name: 'f', message };
    expect(told()).toEqual([
      { ...own, id: 1, metadata: { lang: 'de' }, wantsProgress: true },
      { ...own, id: 2, metadata: undefined, wantsProgress: false },
      { ...own, id: 3, metadata: undefined, wantsProgress: true },
    ]);
  });

  it.each([
    ['is copied up to a size', GIVEN_FROM - 1, false],
    ['is given away from then on', GIVEN_FROM, true],
  ])('has a payload that %s', (_what, size, isGiven) => {
    const { played, run } = open();
    const payload = new Uint8Array(size);
    run(payload);
    expect(played.told[0]?.transfer).toEqual(isGiven ? [payload.buffer] : []);
  });

  it('has a payload of its own buffer, whatever it is a part of', () => {
    const { played, run } = open();
    const whole = new Uint8Array(3 * GIVEN_FROM).fill(7);
    run(whole.subarray(GIVEN_FROM, 2 * GIVEN_FROM));
    run(whole.subarray(0, GIVEN_FROM));
    run(whole);
    const [part, head, own] = played.told.map(({ transfer }) => transfer[0] as ArrayBuffer);
    expect([part?.byteLength, head?.byteLength]).toEqual([GIVEN_FROM, GIVEN_FROM]);
    expect(own).toBe(whole.buffer);
    expect(played.told[0]?.message).toMatchObject({
      message: { payload: whole.subarray(GIVEN_FROM, 2 * GIVEN_FROM) },
    });
  });

  it('that is cancelled already is not begun', async () => {
    const { thread, told, run } = open();
    const reason = new Error('nobody waits');
    await expect(run(bytes('x'), { signal: AbortSignal.abort(reason) }).result).rejects.toBe(reason);
    expect([told(), thread.size]).toEqual([[], 0]);
  });

  it('ends with its result, and nothing of it is left', async () => {
    const { thread, played, run } = open();
    const [one, other] = [run(), run()];
    expect([one.id, other.id, thread.size, one.isHeard()]).toEqual([1, 2, 2, true]);
    played.tell({ type: 'result', id: one.id, value: 'done' });
    expect(await one.result).toBe('done');
    await turn();
    expect([thread.size, one.isHeard(), other.isHeard(), other.outcome]).toEqual([1, false, true, {}]);
    // A second result is of no call.
    played.tell({ type: 'result', id: one.id, value: 'again' });
    played.tell({ type: 'result', id: other.id, value: undefined });
    expect(await other.result).toBeUndefined();
    expect(thread.size).toBe(0);
  });

  it('ends with the error that was thrown, as it was', async () => {
    const { thread, played, run } = open();
    const { id, result, isHeard } = run();
    const answer = { status: 6 };
    const given = {
      name: 'RangeError',
      message: 'too far',
      stack: 'the stack',
      code: 'FAR',
      data: 5,
      answer,
    };
    played.tell({ type: 'error', id, error: given });
    const error = (await result.catch((one) => one)) as Thrown;
    expect(error).toBeInstanceOf(Error);
    const { name, message, stack, code, data } = error;
    expect({ name, message, stack, code, data }).toEqual({
      name: 'RangeError',
      message: 'too far',
      stack: 'the stack',
      code: 'FAR',
      data: 5,
    });
    expect(error[Symbol.for('frond.answer')]).toBe(answer);
    expect(error).not.toHaveProperty('answer');
    expect([thread.size, isHeard()]).toEqual([0, false]);
    // Without what it lacks.
    const next = run();
    played.tell({ type: 'error', id: next.id, error: { name: 'Error', message: 'no' } });
    const plain = (await next.result.catch((one) => one)) as Thrown;
    expect(plain.stack).toContain('thread.test.ts');
    expect(Object.getOwnPropertySymbols(plain)).toEqual([]);
  });
});

describe('results one after the other', () => {
  it('are read as they come, each is reported, and their end ends the call', async () => {
    const { thread, played, told, run } = open();
    const { id, result, isHeard } = run();
    for (const value of ['a', 'b']) played.tell({ type: 'item', id, value });
    const results = (await result) as AsyncIterableIterator<unknown>;
    expect(await results.next()).toEqual({ done: false, value: 'a' });
    expect(told().slice(1)).toEqual([{ type: 'taken', id }]);
    expect([thread.size, isHeard()]).toEqual([1, true]);
    played.tell({ type: 'end', id });
    expect([thread.size, isHeard()]).toEqual([0, false]);
    expect(await results.next()).toEqual({ done: false, value: 'b' });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  it('that are none end at once', async () => {
    const { thread, played, run } = open();
    const { id, result } = run();
    played.tell({ type: 'end', id });
    const results = (await result) as AsyncIterableIterator<unknown>;
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(thread.size).toBe(0);
    // Of a call that is over.
    played.tell({ type: 'item', id, value: 'late' });
    played.tell({ type: 'end', id });
  });

  it('fail with what was thrown behind them', async () => {
    const { played, run } = open();
    const { id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    played.tell({ type: 'error', id, error: { name: 'Error', message: 'no more' } });
    const results = (await result) as AsyncIterableIterator<unknown>;
    expect(await results.next()).toEqual({ done: false, value: 'a' });
    await expect(results.next()).rejects.toThrow('no more');
  });

  it('that are left end their function, which is told, and gets its time', async () => {
    const { thread, played, told, run, ended } = open();
    const { id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    const results = (await result) as AsyncIterableIterator<unknown>;
    await results.return?.();
    await results.return?.();
    expect(told().slice(1)).toEqual([{ type: 'stop', id }]);
    expect(thread.size).toBe(1);
    vi.advanceTimersByTime(GRACE - 1);
    played.tell({ type: 'end', id });
    vi.advanceTimersByTime(GRACE);
    expect([thread.size, ended]).toEqual([0, []]);
  });

  it('that are left by a function that does not end, end its thread', async () => {
    const { played, run, ended } = open();
    const { id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    await ((await result) as AsyncIterableIterator<unknown>).return?.();
    vi.advanceTimersByTime(GRACE);
    const reason = `a call in it was cancelled and did not end within ${GRACE} ms`;
    expect([played.terminations, ended]).toEqual([1, [[true, reason, 0]]]);
  });

  it('that are left when the call is over are told to nobody', async () => {
    const { played, told, run } = open();
    const { id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    const results = (await result) as AsyncIterableIterator<unknown>;
    played.tell({ type: 'error', id, error: { name: 'Error', message: 'no' } });
    await results.return?.();
    expect(told()).toHaveLength(1);
  });
});

describe('a call that is cancelled', () => {
  const reason = new PalmError('TIMEOUT', 'it took too long');

  it('is told with the reason, its code too, and may end by itself', async () => {
    const { thread, played, told, run, ended } = open();
    const { controller, id, result, isHeard } = run();
    controller.abort(reason);
    const error = { name: 'PalmError', message: 'it took too long', code: 'TIMEOUT' };
    expect(told().slice(1)).toEqual([{ type: 'abort', id, reason: error }]);
    vi.advanceTimersByTime(GRACE - 1);
    played.tell({ type: 'result', id, value: 'just in time' });
    expect(await result).toBe('just in time');
    vi.advanceTimersByTime(GRACE);
    expect([thread.size, isHeard(), ended]).toEqual([0, false, []]);
  });

  it.each([
    ['that is not an error', 5, { name: '', message: '5' }],
    ['without a code', new RangeError('far'), { name: 'RangeError', message: 'far' }],
    ['with an empty code', Object.assign(new Error('far'), { code: '' }), { name: 'Error', message: 'far' }],
    [
      'whose name cannot be read',
      Object.defineProperty(new Error('far'), 'name', {
        get() {
          throw new Error('no');
        },
      }),
      { name: '', message: 'far' },
    ],
    [
      'that cannot be read',
      {
        get code() {
          throw new Error('no');
        },
        toString: 5,
      },
      { name: '', message: 'an error that cannot be read', code: undefined },
    ],
  ])('is told with a reason %s', (_what, own, told) => {
    const { told: all, played, run } = open();
    const { controller, id } = run();
    controller.abort(own);
    expect(all().at(-1)).toStrictEqual({ type: 'abort', id, reason: told });
    played.tell({ type: 'end', id });
  });

  it('and does not end in its time fails with the reason, and its thread ends, which blames nobody else', async () => {
    const { thread, played, run, ended } = open();
    const [guilty, beside] = [run(), run()];
    guilty.controller.abort(reason);
    vi.advanceTimersByTime(GRACE - 1);
    await turn();
    expect([guilty.outcome, played.terminations]).toEqual([{}, 0]);
    vi.advanceTimersByTime(1);
    await expect(guilty.result).rejects.toBe(reason);
    const text = `a call in it was cancelled and did not end within ${GRACE} ms`;
    const error = await beside.result.catch((one) => one);
    expect(error).toBeInstanceOf(ThreadDied);
    expect(error).toMatchObject({ message: text, isSuspect: false, name: 'ThreadDied' });
    expect([thread.size, guilty.isHeard(), beside.isHeard()]).toEqual([0, false, false]);
    expect([played.terminations, ended]).toEqual([1, [[true, text, 1]]]);
  });

  it('when it was left already keeps the time that it has', async () => {
    const { played, run, ended } = open();
    const { controller, id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    await ((await result) as AsyncIterableIterator<unknown>).return?.();
    vi.advanceTimersByTime(GRACE / 2);
    controller.abort(reason);
    vi.advanceTimersByTime(GRACE / 2);
    expect(ended).toHaveLength(1);
  });

  it('because the role closes is told, and has the time of the role', async () => {
    const { played, told, run, closing, ended } = open();
    const { controller, id, result } = run();
    closing.abort(reason);
    controller.abort(reason);
    expect(told().at(-1)).toMatchObject({ type: 'abort', id });
    vi.advanceTimersByTime(10 * GRACE);
    expect(ended).toEqual([]);
    played.tell({ type: 'result', id, value: 'done' });
    expect(await result).toBe('done');
  });

  it('for another reason while the role closes has its own time', async () => {
    const { run, closing, ended } = open();
    const { controller, result } = run();
    closing.abort(new Error('closing'));
    controller.abort(reason);
    vi.advanceTimersByTime(GRACE);
    await expect(result).rejects.toBe(reason);
    expect(ended).toHaveLength(1);
  });

  it('and then has the role close keeps the time that it has', async () => {
    const { run, closing, ended } = open();
    const { controller, result } = run();
    controller.abort(reason);
    closing.abort(reason);
    vi.advanceTimersByTime(GRACE);
    await expect(result).rejects.toBe(reason);
    expect(ended).toHaveLength(1);
  });
});

describe('a thread that ends', () => {
  it('because its module is of no use takes its calls with it, which may be to blame', async () => {
    const { played, run } = open();
    const one = run();
    played.tell({ type: 'unusable', reason: 'no functions' });
    const error = await one.result.catch((own) => own);
    expect(error).toBeInstanceOf(ThreadDied);
    expect(error).toMatchObject({ message: 'no functions', isSuspect: true });
  });

  it('takes its calls with it, each of which may be to blame, or has the reason of its cancel', async () => {
    const { thread, played, run, ended } = open();
    const [one, cancelled] = [run(), run()];
    const reason = new Error('nobody waits');
    cancelled.controller.abort(reason);
    played.end(3);
    const text = 'the thread ended by itself, with exit code 3';
    const error = await one.result.catch((own) => own);
    expect(error).toBeInstanceOf(ThreadDied);
    expect(error).toMatchObject({ message: text, isSuspect: true });
    await expect(cancelled.result).rejects.toBe(reason);
    expect([thread.size, one.isHeard(), cancelled.isHeard()]).toEqual([0, false, false]);
    expect([played.terminations, ended]).toEqual([1, [[true, text, 2]]]);
  });

  it('ends once, and is heard and told no more', async () => {
    const { played, told, run, ended } = open();
    const { id, result } = run();
    played.tell({ type: 'item', id, value: 'a' });
    const results = (await result) as AsyncIterableIterator<unknown>;
    played.fail(new Error('no'));
    played.end(1);
    played.tell({ type: 'result', id, value: 'late' });
    expect(ended).toEqual([[true, 'the thread failed: no', 1]]);
    // What came before may still be read, and is reported to nobody.
    expect(await results.next()).toEqual({ done: false, value: 'a' });
    await expect(results.next()).rejects.toBeInstanceOf(ThreadDied);
    expect(told()).toHaveLength(1);
  });

  it('is closed with its calls, which get the reason', async () => {
    const { thread, played, told, run, ended } = open();
    const [one, cancelled] = [run(), run()];
    cancelled.controller.abort(new Error('nobody waits'));
    const before = told().length;
    const reason = new PalmError('CLOSED', 'the role is closed');
    await thread.close(reason);
    for (const { result } of [one, cancelled]) await expect(result).rejects.toBe(reason);
    expect([thread.size, one.isHeard(), cancelled.isHeard()]).toEqual([0, false, false]);
    expect([played.terminations, ended, told().length]).toEqual([1, [], before]);
  });
});

describe('what a function says and asks while it runs', () => {
  it('is progress for its caller, where one listens', () => {
    const { played, run } = open();
    const progress = vi.fn();
    const [told, untold] = [run(bytes('x'), { progress }), run()];
    for (const { id } of [told, untold]) played.tell({ type: 'progress', id, progress: [1, 2, 'half'] });
    expect(progress.mock.calls).toEqual([[1, 2, 'half']]);
    played.tell({ type: 'result', id: told.id, value: 1 });
    played.tell({ type: 'progress', id: told.id, progress: [2] });
    expect(progress).toHaveBeenCalledTimes(1);
  });

  it('is lines for its logger, as long as it runs', () => {
    const { played, run, lines } = open();
    const { id } = run();
    const line = { type: 'log', id, text: 't', fields: { a: 1 } } as const;
    for (const level of ['debug', 'info', 'warning', 'error'] as const) played.tell({ ...line, level });
    played.tell({ type: 'result', id, value: 1 });
    played.tell({ ...line, level: 'info' });
    expect(lines).toEqual(['debug', 'info', 'warning', 'error'].map((level) => [level, 't', { a: 1 }]));
  });

  it('is requests to the cache, under the session that it chooses', async () => {
    const { played, told, run } = open();
    const { id } = run();
    const ask = async (operation: 'get' | 'set' | 'delete', more: object = {}) => {
      const request = told().length;
      const question = {
        type: 'cache',
        id,
        request,
        operation,
        session: undefined,
        key: 'k',
        value: undefined,
      };
      played.tell({ ...question, ...more } as FromThread);
      await vi.waitFor(() => expect(told()).toHaveLength(request + 1), 10_000);
      const reply = told().at(-1);
      expect(reply).toMatchObject({ request });
      return reply?.type === 'reply' ? reply.value : reply;
    };
    expect(await ask('set', { value: bytes('v') })).toBe('k');
    expect(await ask('get')).toEqual(bytes('v'));
    const session = { name: 'mine/' };
    expect(await ask('set', { session, value: bytes('w') })).toBe('mine/k');
    expect([await ask('get', { session }), await ask('get')]).toEqual([bytes('w'), bytes('v')]);
    expect(await ask('get', { session: { name: undefined }, key: 'mine/k' })).toEqual(bytes('w'));
    expect([await ask('delete'), await ask('delete'), await ask('get')]).toEqual([true, false, undefined]);
    expect(await ask('set', { key: 'name', value: bytes('v') })).toMatchObject({
      type: 'refused',
      error: { name: 'PalmError', code: 'INVALID_CALL' },
    });
  });

  it('is refused by a store that throws, whatever it throws', async () => {
    const { played, told, run, store } = open();
    const { id } = run();
    for (const [thrown, error] of [
      [undefined, { name: '', message: 'undefined' }],
      [new RangeError('full'), { name: 'RangeError', message: 'full' }],
    ] as const) {
      vi.spyOn(store, 'get').mockImplementation(() => {
        throw thrown;
      });
      const question = {
        type: 'cache',
        id,
        operation: 'get',
        session: undefined,
        key: 'k',
        value: undefined,
      };
      played.tell({ ...question, request: 1 } as FromThread);
      await turn();
      expect(told().at(-1)).toStrictEqual({ type: 'refused', request: 1, error });
    }
  });

  it('is refused when its call is over, and not answered when its thread is', async () => {
    const { thread, played, told, run } = open();
    const { id } = run();
    played.tell({ type: 'result', id, value: 1 });
    const question = { type: 'cache', id, operation: 'get', session: undefined, key: 'k', value: undefined };
    played.tell({ ...question, request: 7 } as FromThread);
    await turn();
    expect(told().at(-1)).toEqual({
      type: 'refused',
      request: 7,
      error: { name: 'Error', message: 'the call is over, and has no cache any more' },
    });
    const next = run();
    next.result.catch(() => {});
    const before = told().length;
    played.tell({ ...question, id: next.id, request: 8 } as FromThread);
    await thread.close(new Error('closed'));
    await turn();
    expect(told()).toHaveLength(before);
  });
});
