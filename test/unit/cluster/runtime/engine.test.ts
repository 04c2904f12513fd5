import { describe, expect, it, vi } from 'vitest';
import { Cancellations } from '../../../../src/cluster/runtime/cancellations.ts';
import { Engine, type EngineSettings } from '../../../../src/cluster/runtime/engine.ts';
import type { PalmFunctions } from '../../../../src/cluster/runtime/functions.ts';
import { tally } from '../../../../src/cluster/runtime/status.ts';
import { Feature, type PalmMessage, palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes, textOf } from '../../../support/bytes.ts';

function ground(functions: PalmFunctions = {}, settings: Partial<EngineSettings> = {}) {
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const counters = tally();
  const own: EngineSettings = {
    name: 'server',
    cache: {} as EngineSettings['cache'],
    logger,
    functionLogger: logger,
    cancellations: new Cancellations(new AbortController().signal),
    includeStack: false,
    isNamed: true,
    mayEnd: false,
    tally: counters,
    functions,
    ...settings,
  };
  const engine = new Engine(own);
  const run = async (fields: Partial<PalmMessage>) => {
    const emitted: PalmMessage[] = [];
    const emit = (message: PalmMessage) => {
      emitted.push({ ...message });
      return undefined;
    };
    await engine.run(palmMessage({ function: 'server.f', payload: bytes('x'), ...fields }), emit as never);
    return emitted;
  };
  return { run, counters, logger };
}

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
