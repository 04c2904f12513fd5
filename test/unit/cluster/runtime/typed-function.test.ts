/** Functions with types: what is decoded, checked, run and encoded, at once or later, and what becomes of each failure. */
import { describe, expect, it, vi } from 'vitest';
import type { FunctionContext } from '../../../../src/cluster/runtime/functions.ts';
import {
  asPalmFunction,
  isOffered,
  type OfferedFunction,
} from '../../../../src/cluster/runtime/typed-function.ts';
import { AnsweredError, answerOf } from '../../../../src/functions/contract/answered-error.ts';
import { json, text } from '../../../../src/functions/index.ts';
import { decodeFailure } from '../../../../src/protocol/failure-details.ts';
import { Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

const context = { name: 'server' } as unknown as FunctionContext;

/** A schema of Standard Schema whose checks a test makes, at once or later. */
const schema = (check: (value: unknown) => unknown, isLater = false) => ({
  '~standard': {
    version: 1 as const,
    vendor: 'own',
    validate: (value: unknown) =>
      (isLater ? Promise.resolve().then(() => check(value)) : check(value)) as never,
  },
});
/** Takes numbers, and doubles them. */
const doubled = (isLater = false) =>
  schema(
    (value) =>
      typeof value === 'number'
        ? { value: value * 2 }
        : { issues: [{ message: 'not a number', path: ['a', { key: 0 }] }] },
    isLater,
  );
const throwing = (isLater = false) =>
  schema(() => {
    throw new RangeError('torn');
  }, isLater);

type Run = (input: never, context: FunctionContext) => unknown;
const of = (
  run: Run,
  { input = json(), output = json(), errors = undefined as unknown, kind = 'one' } = {} as Record<
    string,
    unknown
  >,
) => asPalmFunction({ kind, input, output, errors, run } as never as OfferedFunction);
const callWith = (fn: ReturnType<typeof of>, payload: unknown) =>
  fn(typeof payload === 'string' ? bytes(payload) : bytes(JSON.stringify(payload)), context) as unknown;
const answer = async (fn: ReturnType<typeof of>, payload: unknown) =>
  JSON.parse(textOf((await callWith(fn, payload)) as Uint8Array));
const failure = async (fn: ReturnType<typeof of>, payload: unknown = 1) => {
  try {
    const result = await callWith(fn, payload);
    for await (const _ of result as AsyncIterable<unknown>);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
};
const all = async (results: unknown) => {
  const texts: string[] = [];
  for await (const one of results as AsyncIterable<Uint8Array>) texts.push(textOf(one));
  return texts;
};

describe('what can be offered', () => {
  const whole = { input: json(), output: json(), run: () => 1 };

  it.each([
    [() => 1, true],
    [whole, true],
    [{ ...whole, input: doubled() }, true],
    [undefined, false],
    [null, false],
    ['f', false],
    [{}, false],
    [{ ...whole, run: 5 }, false],
    [{ ...whole, input: 5 }, false],
    [{ ...whole, output: undefined }, false],
  ])('%#: %s', (value, isSo) => {
    expect(isOffered(value)).toBe(isSo);
  });

  it('a function of bytes is given back as it is', () => {
    const own = () => bytes('');
    expect(asPalmFunction(own)).toBe(own);
  });
});

describe('a function with types', () => {
  it('is given the decoded input and the context, and its result is encoded, in the same turn', () => {
    const run = vi.fn((input: string, given: FunctionContext) => `${input} ${given.name}`);
    const result = callWith(of(run as Run, { input: text(), output: text() }), 'hello');
    expect(result).toEqual(bytes('hello server'));
  });

  it.each([false, true])(
    'gets what the schema of its input makes of it, and gives what that of its output does; later: %s',
    async (isLater) => {
      const fn = of((n: number) => n + 1, { input: doubled(isLater), output: doubled(isLater) });
      expect(await answer(fn, 3)).toBe(14);
      expect(callWith(fn, 3) instanceof Promise).toBe(isLater);
    },
  );

  it('may answer later, though its schemas do not', async () => {
    expect(
      await answer(
        of(async (n: number) => n + 1, { input: doubled(), output: doubled() }),
        3,
      ),
    ).toBe(14);
    expect(
      await answer(
        of(async (n: number) => n + 1, { input: doubled(true) }),
        3,
      ),
    ).toBe(7);
  });

  it('that gives nothing gives nothing, whatever the shape', async () => {
    for (const output of [json(), doubled(), doubled(true)]) {
      expect(
        callWith(
          of(() => undefined, { output }),
          1,
        ),
      ).toBeUndefined();
      expect(
        await callWith(
          of(async () => undefined, { output }),
          1,
        ),
      ).toBeUndefined();
    }
  });

  it('that gives an object gives one result, whatever it has, unless it is a generator', async () => {
    for (const one of [{ next: 1, throw: 2 }, { throw: 2 }, { next: 1 }]) {
      expect(
        await answer(
          of(() => one),
          1,
        ),
      ).toEqual(one);
    }
    // An iterator of a list has no way to throw into it.
    expect(
      await answer(
        of(() => [1, 2].values()),
        1,
      ),
    ).toEqual({});
  });

  it('that gives a list gives one result', async () => {
    expect(
      await answer(
        of(() => [1, 2]),
        1,
      ),
    ).toEqual([1, 2]);
    expect(
      await answer(
        of(async () => [1, 2]),
        1,
      ),
    ).toEqual([1, 2]);
    expect(
      await answer(
        of(async () => [1, 2], { input: doubled(true) }),
        1,
      ),
    ).toEqual([1, 2]);
    expect(
      await answer(
        of(() => null),
        1,
      ),
    ).toBeNull();
    expect(
      await answer(
        of(() => 'text'),
        1,
      ),
    ).toBe('text');
  });
});

describe('an input that is not right', () => {
  it('is refused with what is wrong, and nothing runs', async () => {
    for (const isLater of [false, true]) {
      const run = vi.fn(() => 1);
      const error = await failure(of(run, { input: doubled(isLater) }), 'x' as never);
      expect(run).not.toHaveBeenCalled();
      expect(error).toBeInstanceOf(AnsweredError);
      expect(error.name).toBe('InvalidInput');
    }
    const error = await failure(
      of(() => 1, { input: doubled() }),
      { no: 'number' },
    );
    expect(error.message).toBe('a.0: not a number');
    expect(answerOf(error)?.status).toBe(Status.invalid);
    expect(decodeFailure(answerOf(error)?.payload as never)).toEqual({
      issues: [{ path: ['a', 0], message: 'not a number' }],
    });
  });

  it('that cannot be decoded is refused, too, with the name of the codec', async () => {
    const run = vi.fn(() => 1);
    const error = await failure(of(run), '{');
    expect(error).toMatchObject({
      name: 'InvalidInput',
      message: expect.stringMatching(/^it is not JSON: /),
    });
    expect(error.cause).toBeInstanceOf(Error);
    expect(answerOf(error)?.status).toBe(Status.invalid);
    expect(run).not.toHaveBeenCalled();
  });

  it('is not what its schema throws at: that is a fault of the schema', async () => {
    for (const isLater of [false, true]) {
      const error = await failure(of(() => 1, { input: throwing(isLater) }));
      expect(error).toMatchObject({
        name: 'TypeError',
        message: 'the schema of the input threw: torn',
        cause: { name: 'RangeError' },
      });
      expect(answerOf(error)).toBeUndefined();
    }
  });
});

describe('a result that is not right', () => {
  it.each([
    ['at once', () => 'no number', false],
    ['later', async () => 'no number', false],
    ['by a schema that answers later', () => 'no number', true],
    ['both later', async () => 'no number', true],
  ])('is a failure of the function, %s', async (_when, run, isLater) => {
    const error = await failure(of(run, { output: doubled(isLater) }));
    expect(error).toMatchObject({
      name: 'InvalidOutput',
      message: 'the function returned what is not what its schema allows: a.0: not a number',
    });
    expect(answerOf(error)).toBeUndefined();
  });

  it('because it cannot be encoded says so', async () => {
    const error = await failure(of(() => 5, { output: text() }));
    expect(error).toMatchObject({
      name: 'InvalidOutput',
      message: expect.stringMatching(/^the function returned what is not text: /),
    });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('because its schema throws says that', async () => {
    for (const isLater of [false, true]) {
      expect(await failure(of(() => 1, { output: throwing(isLater) }))).toMatchObject({
        message: 'the schema of the result threw: torn',
      });
    }
  });
});

describe('several results', () => {
  const two = async function* () {
    yield 1;
    yield 2;
  };

  it.each([
    ['an async generator', two],
    [
      'a generator',
      function* () {
        yield 1;
        yield 2;
      },
    ],
    ['a promise of one', async () => two()],
    ['another async iterable', () => ({ [Symbol.asyncIterator]: two })],
  ])('are those of %s, each checked and encoded', async (_what, run) => {
    for (const isLater of [false, true]) {
      expect(await all(await callWith(of(run as Run, { output: doubled(isLater) }), 1))).toEqual(['2', '4']);
      const later = of(run as Run, { input: doubled(true), output: doubled(isLater) });
      expect(await all(await callWith(later, 1))).toEqual(['2', '4']);
    }
  });

  it('end at the first that is not right, and the generator is left', async () => {
    for (const [bad, message] of [
      ['x', 'the function returned what is not what its schema allows: a.0: not a number'],
      [undefined, 'the function returned what is not nothing: a result must be given with each yield'],
    ] as const) {
      let isLeft = false;
      const fn = of(
        async function* () {
          try {
            yield 1;
            yield bad;
            yield 2;
          } finally {
            isLeft = true;
          }
        } as Run,
        { output: doubled() },
      );
      const read: string[] = [];
      const reading = (async () => {
        for await (const one of callWith(fn, 1) as AsyncIterable<Uint8Array>) read.push(textOf(one));
      })();
      await expect(reading).rejects.toMatchObject({ name: 'InvalidOutput', message });
      expect([read, isLeft]).toEqual([['2'], true]);
    }
  });

  it('that nobody reads to the end leave the generator, once', async () => {
    const left = vi.fn(async () => ({ done: true, value: undefined }));
    const next = vi.fn(async () => ({ done: false, value: 1 }));
    const iterator = { next, return: left };
    const fn = of((() => ({ [Symbol.asyncIterator]: () => iterator })) as Run);
    for await (const _ of callWith(fn, 1) as AsyncIterable<unknown>) break;
    expect([left.mock.calls.length, next.mock.calls.length]).toEqual([1, 1]);
    // One that has ended, or has failed, is not left.
    next.mockResolvedValueOnce({ done: true, value: 1 });
    expect(await all(callWith(fn, 1))).toEqual([]);
    next.mockRejectedValueOnce(new Error('torn'));
    await expect(all(callWith(fn, 1))).rejects.toThrow('torn');
    expect(left).toHaveBeenCalledTimes(1);
    // Nor one that cannot be.
    const bare = of((() => ({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1 }) }),
    })) as Run);
    for await (const _ of callWith(bare, 1) as AsyncIterable<unknown>) break;
  });
});

describe('an error that a function throws', () => {
  const sad = (data?: unknown) => Object.assign(new Error('so sad'), { code: 'SAD', data });
  const throwers = (error: unknown): [string, Run, Record<string, unknown>][] => [
    [
      'at once',
      () => {
        throw error;
      },
      {},
    ],
    ['later', () => Promise.reject(error), {}],
    [
      'behind a schema that answers later',
      () => {
        throw error;
      },
      { input: doubled(true) },
    ],
    [
      'between results',
      async function* () {
        yield 1;
        throw error;
      },
      {},
    ],
  ];

  it.each(throwers(sad({ n: 1 })))(
    '%s and is declared is told with its code and data',
    async (_when, run, more) => {
      const error = await failure(of(run, { ...more, errors: { SAD: json() } }));
      expect(error).toBeInstanceOf(AnsweredError);
      expect([error.name, error.message, error.cause]).toMatchObject(['SAD', 'so sad', { code: 'SAD' }]);
      expect(answerOf(error)?.status).toBe(Status.failed);
      expect(decodeFailure(answerOf(error)?.payload as never)).toEqual({ data: { n: 1 } });
    },
  );

  it.each(throwers(sad(2)))(
    '%s and is declared by a schema has its data checked',
    async (_when, run, more) => {
      for (const isLater of [false, true]) {
        const error = await failure(of(run, { ...more, errors: { SAD: doubled(isLater) } }));
        expect(decodeFailure(answerOf(error)?.payload as never)).toEqual({ data: 4 });
      }
    },
  );

  it('and whose data are not as declared is told as a wrong output', async () => {
    for (const isLater of [false, true]) {
      const error = await failure(of(() => Promise.reject(sad('x')), { errors: { SAD: doubled(isLater) } }));
      expect(error).toMatchObject({
        name: 'InvalidOutput',
        message: 'the function returned what is not what error SAD declares: a.0: not a number',
        cause: { code: 'SAD' },
      });
      expect(
        await failure(of(() => Promise.reject(sad(1)), { errors: { SAD: throwing(isLater) } })),
      ).toMatchObject({
        message: 'the schema of the data of error SAD threw: torn',
      });
    }
  });

  it.each([
    ['is not declared', sad(), { GLAD: json() }],
    ['is declared nowhere', sad(), undefined],
    [
      'has the name of what every object has',
      Object.assign(new Error('x'), { code: 'toString' }),
      { SAD: json() },
    ],
    ['has a code that is not a string', Object.assign(new Error('x'), { code: 7 }), { 7: json() }],
    ['has no code', new Error('x'), { undefined: json() }],
    ['is not an object', 'text', { SAD: json() }],
    ['is null', null, { SAD: json() }],
    [
      'cannot be read',
      Object.defineProperty(new Error('x'), 'code', {
        get: () => {
          throw new Error('no');
        },
      }),
      { SAD: json() },
    ],
  ])('and %s is thrown on as it is', async (_what, error, errors) => {
    for (const [, run, more] of throwers(error))
      expect(await failure(of(run, { ...more, errors }))).toBe(error);
  });
});
