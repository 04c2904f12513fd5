import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import { Cancellations } from '../../../../src/cluster/runtime/cancellations.ts';
import { Engine, type EngineSettings } from '../../../../src/cluster/runtime/engine.ts';
import type { PalmFunctions } from '../../../../src/cluster/runtime/functions.ts';
import { Meter } from '../../../../src/cluster/runtime/meter.ts';
import { Again, MOST_DEATHS, ThreadDied } from '../../../../src/cluster/runtime/threads/thread-died.ts';
import { fn, text } from '../../../../src/functions/index.ts';
import type { Interceptor } from '../../../../src/interceptor.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

function ground(functions: PalmFunctions = {}, settings: Partial<EngineSettings> = {}) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const meter = new Meter();
  const counters = meter.tally;
  const own: EngineSettings = {
    name: 'server',
    cache: {} as EngineSettings['cache'],
    logger,
    functionLogger: logger,
    cancellations: new Cancellations(new AbortController().signal),
    includeStack: false,
    isNamed: true,
    mayEnd: false,
    meter,
    functions,
    ...settings,
  };
  const engine = new Engine(own);
  const messageOf = (fields: Partial<PalmMessage>) =>
    palmMessage({ client: 'c/1', function: 'server.f', payload: bytes('x'), ...fields });
  const run = async (fields: Partial<PalmMessage>) => {
    const emitted: PalmMessage[] = [];
    const emit = (message: PalmMessage) => {
      emitted.push({ ...message });
      return undefined;
    };
    await engine.run(messageOf(fields), emit as never);
    return emitted;
  };
  /** A run whose results a test takes as they come, and says whether it wants more. */
  const begin = (fields: Partial<PalmMessage> = {}, wantsMore = true, again?: Again) => {
    const emitted: string[] = [];
    const emit = (message: PalmMessage, isLast?: boolean) => {
      const what = message.status === Status.ok ? textOf(message.payload) : `status ${message.status}`;
      emitted.push(isLast ? `${what}, the last` : what);
      return Promise.resolve(wantsMore);
    };
    return { emitted, over: engine.run(messageOf(fields), emit, again) };
  };
  return { run, begin, engine, counters, logger, cancellations: own.cancellations };
}

const NOTICE = { client: 'c', calls: ['1'], code: 'CANCELLED', reason: 'enough' } as const;
const settle = () => new Promise(setImmediate);

const f = vi.fn((payload: Uint8Array) => bytes(`f(${textOf(payload)})`));

describe('an engine', () => {
  it('passes a failed message of a frond client on, and runs nothing', async () => {
    f.mockClear();
    const { run } = ground({ f });
    const failed = { status: Status.failed, error: 'before', features: Feature.batches };
    expect(await run(failed)).toMatchObject([{ ...failed, payload: bytes('x') }]);
    expect(f).not.toHaveBeenCalled();
  });

  it("runs the next function on the `0` of a pylm client's failed message, as pylm does", async () => {
    f.mockClear();
    const { run } = ground({ f });
    const [result] = await run({ status: Status.failed, error: 'before', payload: bytes('0') });
    expect(f).toHaveBeenCalledTimes(1);
    expect(textOf(result?.payload ?? bytes(''))).toBe('f(0)');
  });

  it('runs calls to its own name alone; a worker runs calls to any', async () => {
    const other = { function: 'other.f' };
    expect(await ground({ f }).run(other)).toMatchObject([
      { status: Status.unknownFunction, error: expect.stringContaining('this is server "server"') },
    ]);
    expect(await ground({ f }, { isNamed: false }).run(other)).toMatchObject([{ status: Status.ok }]);
  });

  it('runs the function of the stage, also when the same path came before at another', async () => {
    const { run } = ground({ f, g: () => bytes('g') });
    const path = 'server.f server.g';
    expect((await run({ function: path, stage: 0 })).map(({ payload }) => textOf(payload))).toEqual(['f(x)']);
    expect((await run({ function: path, stage: 1 })).map(({ payload }) => textOf(payload))).toEqual(['g']);
    expect(await run({ function: path, stage: 2 })).toMatchObject([
      { status: Status.unknownFunction, payload: bytes('0') },
    ]);
  });

  it('counts a message that ends here, where it may end; elsewhere that is a failure', async () => {
    const nothing: PalmFunctions = {
      nothing: () => undefined,
      later: async () => undefined,
      none: () => [],
    };
    for (const name of Object.keys(nothing)) {
      const ending = ground(nothing, { mayEnd: true });
      expect(await ending.run({ function: `server.${name}` })).toEqual([]);
      expect(ending.counters.ended).toBe(1);
      const answering = ground(nothing);
      expect(await answering.run({ function: `server.${name}` })).toMatchObject([
        { status: Status.failed, errorName: 'NoResult' },
      ]);
      expect(answering.counters.ended).toBe(0);
    }
  });

  it('does not count a message as ended that had results', async () => {
    const { run, counters } = ground({ f: () => [bytes('1'), bytes('2')] }, { mayEnd: true });
    expect((await run({})).map(({ payload }) => textOf(payload))).toEqual(['1', '2']);
    expect(counters.ended).toBe(0);
  });

  it.each([
    [
      'throws',
      () => {
        throw new RangeError('no');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('no'))],
    [
      'throws while it is read',
      function* () {
        yield bytes('1');
        throw new RangeError('no');
      },
    ],
  ])('answers a call whose function %s with what it threw', async (_what, run) => {
    const results = await ground({ f: run as PalmFunctions[string] }).run({});
    expect(results.at(-1)).toMatchObject({
      status: Status.failed,
      error: 'no',
      errorName: 'RangeError',
      payload: bytes('0'),
    });
  });

  it('tells the stack only where that is wanted', async () => {
    const fails: PalmFunctions = {
      f: () => {
        throw new Error('no');
      },
    };
    expect((await ground(fails).run({}))[0]?.error).toBe('no');
    expect((await ground(fails, { includeStack: true }).run({}))[0]?.error).toMatch(/Error: no\n +at /);
  });

  it('keeps the first failure of a call that fails again', async () => {
    const fails: PalmFunctions = {
      f: () => {
        throw new Error('second');
      },
    };
    expect(await ground(fails).run({ status: Status.failed, error: 'first', errorName: 'E' })).toMatchObject([
      { status: Status.failed, error: 'first', errorName: 'E', payload: bytes('0') },
    ]);
  });

  it('refuses functions that no call can name', () => {
    for (const functions of [{ 'a.b': f }, { 'a b': f }, { '': f }, { f: 5 }])
      expect(() => ground(functions as unknown as PalmFunctions)).toThrow(
        expect.objectContaining({ code: 'INVALID_CALL' }),
      );
  });
});

describe('the functions of an engine', () => {
  it('are named, echo first, and described, the same list each time', () => {
    const { engine } = ground({
      f,
      upper: fn({ input: text(), output: text() }, (line) => line.toUpperCase()),
    } as never);
    expect(engine.functionNames).toEqual(['echo', 'f', 'upper']);
    expect(engine.descriptions).toEqual([
      { name: 'echo' },
      { name: 'f' },
      { name: 'upper', kind: 'one', input: { codec: 'text' }, output: { codec: 'text' } },
    ]);
    expect(engine.descriptions).toBe(engine.descriptions);
  });

  it('are described as their threads say, where they run in some', () => {
    const said = { name: 'f', kind: 'one', input: { codec: 'text' } } as const;
    const { engine } = ground({ f, g: f }, { descriptions: [said] });
    expect(engine.descriptions).toEqual([{ name: 'echo' }, said, { name: 'g' }]);
  });

  it('have a meter each, with what calls took, at once and later, and how many failed', async () => {
    const meter = new Meter();
    const { run, engine } = ground(
      {
        f: async (payload) => payload,
        fails: () => {
          throw new Error('no');
        },
      },
      { meter },
    );
    const clock = vi.spyOn(performance, 'now').mockReturnValue(3_500);
    meter.now = 3_000;
    await run({});
    await run({ function: 'server.fails' });
    meter.tick(3_250);
    clock.mockRestore();
    const taken = engine.meters.map(([name, { seconds, failed }]) => {
      const { count, sum } = seconds.distribution;
      return [name, count, sum, failed];
    });
    expect(taken).toEqual([
      ['echo', 0, 0, 0],
      ['f', 1, 0.5, 0],
      ['fails', 1, 0.25, 1],
    ]);
  });

  it('have echo among them, which returns its payload, unless another takes its place', async () => {
    expect(await ground().run({ function: 'server.echo' })).toMatchObject([{ payload: bytes('x') }]);
    expect(await ground({ echo: () => bytes('own') }).run({ function: 'server.echo' })).toMatchObject([
      { payload: bytes('own') },
    ]);
    // Names of what every object has are no functions.
    expect(await ground().run({ function: 'server.toString' })).toMatchObject([
      { status: Status.unknownFunction },
    ]);
    expect(ground({ toString: f } as never).engine.descriptions).toEqual([
      { name: 'echo' },
      { name: 'toString' },
    ]);
  });

  it('are called for a frond client, too', async () => {
    expect(await ground({ f }).run({ features: Feature.batches })).toMatchObject([
      { payload: bytes('f(x)') },
    ]);
  });

  it.each([
    [{ function: 'nothing' }, true, '"nothing" has no stage 0 of the form \'server.function\''],
    [{ function: 'other.f' }, true, 'this is server "server", not "other"'],
    [
      { function: 'a.b other.f', stage: 1 },
      true,
      'this is server "server", not "other" (stage 1 of "a.b other.f")',
    ],
    [{ function: 'server.zzz' }, true, 'server "server" has no function "zzz"'],
    [{ function: 'server.ech' }, true, 'server "server" has no function "ech"; did you mean "echo"?'],
    [{ function: 'other.ech' }, false, 'worker "server" has no function "ech"; did you mean "echo"?'],
  ])('that are not there are told of: %j', async (fields, isNamed, error) => {
    expect(await ground({}, { isNamed }).run(fields)).toMatchObject([
      { status: Status.unknownFunction, error },
    ]);
  });

  it('that no call can name are named in the error', () => {
    expect(() => ground({ 'a.b': 5 } as never)).toThrow(
      'functions must hold functions, or what fn(…) makes, under names without dots or spaces, not "a.b": 5',
    );
  });
});

describe('interceptors', () => {
  const exclaiming: Interceptor = (next) => async (call) =>
    bytes(`${textOf((await next(call)) as Uint8Array)}!`);

  it('stand around the functions, and those that come later within the others', async () => {
    const { run, engine } = ground({ f }, { interceptors: [exclaiming] });
    expect(await run({})).toMatchObject([{ payload: bytes('f(x)!') }]);
    engine.use((next) => async (call) => bytes(`${textOf((await next(call)) as Uint8Array)}?`));
    expect(await run({})).toMatchObject([{ payload: bytes('f(x)?!') }]);
  });

  it('stand around a function that was called before', async () => {
    const { run, engine } = ground({ f });
    expect(await run({})).toMatchObject([{ payload: bytes('f(x)') }]);
    engine.use(exclaiming);
    expect(await run({})).toMatchObject([{ payload: bytes('f(x)!') }]);
  });

  it('are functions', () => {
    const { engine } = ground();
    expect(() => engine.use(5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
    expect(() => ground({}, { interceptors: 5 as never })).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL' }),
    );
  });

  it('that are none let a function answer in its own turn', () => {
    const { begin } = ground({ f });
    const { emitted, over } = begin();
    expect(emitted).toEqual(['f(x)']);
    expect(over).toBeInstanceOf(Promise);
    // Only what is emitted then is a promise here: a flow gives none in a message's own turn.
    const own = ground({ f }).engine.run(palmMessage({ client: 'c', function: 'server.f' }), () => undefined);
    expect(own).toBeUndefined();
  });
});

describe('a caller that wants to know the end', () => {
  const wants = { features: Feature.ends };

  it.each([
    ['one result', { f }],
    ['one result later', { f: async (payload: Uint8Array) => f(payload) }],
    ['a list of one', { f: (payload: Uint8Array) => [f(payload)] }],
  ])('hears of it behind %s', async (_what, functions) => {
    const { begin, counters } = ground(functions);
    const { emitted, over } = begin(wants);
    await over;
    expect(emitted).toEqual(['f(x)', `status ${Status.ended}, the last`]);
    expect(counters.ended).toBe(0);
  });

  it('gets an end without a payload, and one alone where there are no results', async () => {
    for (const mayEnd of [true, false]) {
      const { run, counters } = ground({ f: () => [] }, { mayEnd });
      expect(await run(wants)).toMatchObject([{ status: Status.ended, payload: bytes('') }]);
      expect(counters.ended).toBe(0);
    }
  });

  it('hears of a failure in its place', async () => {
    const { begin } = ground({
      f: function* () {
        yield bytes('1');
        throw new Error('no');
      },
    });
    const { emitted, over } = begin(wants);
    await over;
    expect(emitted).toEqual(['1', `status ${Status.failed}, the last`]);
  });
});

describe('results', () => {
  it('that come later say that they are the last, where that is known', async () => {
    const last = async (run: PalmFunctions[string]) => {
      const { begin } = ground({ f: run });
      const { emitted, over } = begin();
      await over;
      return emitted;
    };
    expect(await last(async () => bytes('a'))).toEqual(['a, the last']);
    expect(await last(() => [bytes('a'), bytes('b')])).toEqual(['a', 'b']);
    expect(await last(() => Promise.reject(new Error('no')))).toEqual([`status ${Status.failed}, the last`]);
    expect(await last(async () => undefined)).toEqual([`status ${Status.failed}, the last`]);
  });

  it('are no longer asked for when nobody wants more', async () => {
    let isLeft = false;
    const { begin } = ground({
      *f() {
        try {
          for (const one of ['1', '2']) yield bytes(one);
        } finally {
          isLeft = true;
        }
      },
    });
    const { emitted, over } = begin({}, false);
    await over;
    expect([emitted, isLeft]).toEqual([['1'], true]);
  });

  it.each([
    ['a number', async () => 5, 'the function returned 5, but an answer must be bytes'],
    ['a string', () => 'text', 'the function returned "text", but an answer must be bytes'],
    [
      'a list with a number',
      () => [5],
      'the function returned 5 in a list of 1, but an answer must be bytes',
    ],
  ])('that are not bytes are a failure: %s', async (_what, run, error) => {
    expect(await ground({ f: run } as never).run({})).toMatchObject([
      { status: Status.failed, error: expect.stringContaining(error), errorName: 'TypeError' },
    ]);
  });
});

describe('a call that is cancelled', () => {
  it('before it begins does not begin, and is answered so', async () => {
    f.mockClear();
    const { begin, cancellations } = ground({ f });
    cancellations.cancel(NOTICE);
    expect(begin().emitted).toEqual([`status ${Status.cancelled}`]);
    expect(f).not.toHaveBeenCalled();
  });

  it.each([
    ['gives bytes', () => bytes('late')],
    ['gives nothing', () => undefined],
    ['gives a list', () => [bytes('late')]],
    ['fails', () => Promise.reject(new Error('late'))],
  ])('while it runs has no results when it %s, and is counted', async (_what, result) => {
    for (const fields of [{}, { features: Feature.ends }]) {
      const gate = deferred<void>();
      const { begin, cancellations, counters } = ground(
        { f: (() => gate.promise.then(result as () => unknown)) as never },
        { mayEnd: true },
      );
      const { emitted, over } = begin(fields);
      expect(cancellations.cancel(NOTICE)).toBe(1);
      gate.resolve();
      await over;
      expect([emitted, counters.cancelled, counters.ended, counters.failed]).toEqual([[], 1, 0, 0]);
    }
  });

  it('between two results has no more of them, and its generator is ended', async () => {
    for (const fields of [{}, { features: Feature.ends }]) {
      const gate = deferred<void>();
      let isLeft = false;
      const { begin, cancellations, counters } = ground(
        {
          async *f() {
            try {
              yield bytes('1');
              await gate.promise;
              yield bytes('2');
              yield bytes('3');
            } finally {
              isLeft = true;
            }
          },
        },
        { mayEnd: true },
      );
      const { emitted, over } = begin(fields);
      await settle();
      cancellations.cancel(NOTICE);
      gate.resolve();
      await over;
      expect([emitted, isLeft, counters.cancelled, counters.ended]).toEqual([['1'], true, 1, 0]);
    }
  });

  it('behind its last result, before it ends, counts as cancelled', async () => {
    const { begin, cancellations, counters } = ground({
      *f() {
        yield bytes('1');
        cancellations.cancel(NOTICE);
      },
    });
    const { emitted, over } = begin();
    await over;
    expect([emitted, counters.cancelled]).toEqual([['1'], 1]);
  });

  it('when it is over is not there any more', async () => {
    const { run, cancellations } = ground({
      f: async (payload) => payload,
      fails: () => Promise.reject(new Error('no')),
    });
    await run({});
    await run({ function: 'server.fails' });
    expect(cancellations.cancel({ client: 'c', calls: [], code: 'CANCELLED', reason: '' })).toBe(0);
  });
});

describe('a call whose thread has ended', () => {
  const dies = (isSuspect: boolean) => ({ f: () => Promise.reject(new ThreadDied('gone', isSuspect)) });

  it('is run again, until as many threads ended with it as may', async () => {
    const { begin } = ground(dies(true));
    let again: Again | undefined;
    for (let death = 1; death < MOST_DEATHS; death++) {
      const { emitted, over } = begin({}, true, again);
      again = (await over) as Again;
      expect(again).toBeInstanceOf(Again);
      expect([emitted, again.deaths, again.passed]).toEqual([[], death, 0]);
    }
    const { emitted, over } = begin({}, true, again);
    await over;
    expect(emitted).toEqual([`status ${Status.failed}, the last`]);
  });

  it('without blame is run again any number of times', async () => {
    const { begin } = ground(dies(false));
    const again = (await begin({}, true, new Again(MOST_DEATHS - 1, 4)).over) as Again;
    expect([again.deaths, again.passed]).toEqual([MOST_DEATHS - 1, 4]);
  });

  it('has the results passed over that it gave before', async () => {
    const results = ['1', '2', '3'];
    let upTo = 2;
    const { begin } = ground({
      async *f() {
        for (const one of results.slice(0, upTo)) yield bytes(one);
        if (upTo < results.length) throw new ThreadDied('gone', true);
      },
    });
    const first = begin();
    const again = (await first.over) as Again;
    expect([first.emitted, again.passed]).toEqual([['1', '2'], 2]);
    // Another thread ends before it has come as far.
    upTo = 1;
    const second = begin({}, true, again);
    const further = (await second.over) as Again;
    expect([second.emitted, further.passed, further.deaths]).toEqual([[], 2, 2]);
    upTo = 3;
    const third = begin({}, true, further);
    expect(await third.over).toBeUndefined();
    expect(third.emitted).toEqual(['3']);
  });
});
