/** Calls with metadata of their own, or within interceptors: what is made ready, what each interceptor sees, and what is left. */
import { describe, expect, it, vi } from 'vitest';
import type { CallSpec } from '../../../src/client/call.ts';
import type { ClientSettings } from '../../../src/client/connect-options.ts';
import {
  type CallSurroundings,
  elaborateEval,
  elaborateResults,
  prepare,
} from '../../../src/client/elaborate.ts';
import type { Interceptor } from '../../../src/interceptor.ts';
import { encodeMetadata, type Metadata, readMetadata } from '../../../src/protocol/metadata.ts';
import { progressCall, progressName } from '../../../src/protocol/progress.ts';
import { FakeServer } from '../../support/fake-connection.ts';
import { readAll } from '../../support/wait.ts';

const SPEC: CallSpec = { function: 'server.f', cache: '', pipeline: 'p', features: 1 };
const settings = (more: object = {}) =>
  ({
    logger: { debug() {}, info() {}, warning: vi.fn(), error() {} },
    dbAddress: 'db',
    ...more,
  }) as unknown as ClientSettings;

/** A client with these interceptors and this metadata. No call of these tests asks for its link. */
const surroundings = (interceptors: readonly Interceptor[] = [], metadata?: Metadata): CallSurroundings => ({
  interceptors,
  settings: { logger: settings().logger, metadata },
  callLink: () => {
    throw new Error('no call asked for progress');
  },
});

describe('the settings of a client', () => {
  it('are its own: nothing that the caller changes later shows', () => {
    const [metadata, interceptors] = [{ tenant: 'acme' }, [(next) => next] as Interceptor[]];
    const before = settings({ metadata, interceptors });
    const ready = prepare(before);
    metadata.tenant = 'other';
    interceptors.pop();
    expect(ready.metadata).toEqual({ tenant: 'acme' });
    expect(ready.metadataField).toEqual(encodeMetadata({ tenant: 'acme' }));
    expect(ready.interceptors).toHaveLength(1);
    expect([ready.dbAddress, ready.tap]).toEqual(['db', undefined]);
  });

  it('are without metadata and interceptors where none are given', () => {
    const ready = prepare(settings());
    expect([ready.metadata, ready.metadataField, ready.interceptors]).toEqual([{}, undefined, []]);
  });

  it('have a tap that harms no call', () => {
    const before = settings({
      tap: () => {
        throw new Error('odd');
      },
    });
    const ready = prepare(before);
    expect(ready.tap?.received('db', 'db', undefined, 1)).toBeUndefined();
    expect(before.logger.warning).toHaveBeenCalledWith('the tap threw', { reason: 'odd' });
  });

  it.each([
    [{ metadata: { A: 'x' } }, 'a name in metadata'],
    [{ interceptors: 5 }, 'interceptors must be a list of functions, not 5'],
    [{ interceptors: [5] }, 'an interceptor must be a function, not 5'],
  ])('are refused when they are not acceptable: %j', (more, message) => {
    expect(() => prepare(settings(more))).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        sent: false,
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe('an eval', () => {
  it("goes with its client's metadata and its own, which counts", async () => {
    const run = vi.fn(async () => 'answer');
    const client = surroundings([], { tenant: 'acme', lang: 'de' });
    const { signal } = new AbortController();
    expect(await elaborateEval(client, SPEC, 'input', { metadata: { lang: 'fr' }, signal }, run)).toBe(
      'answer',
    );
    expect(run.mock.calls).toEqual([[{ ...SPEC, metadata: expect.any(Uint8Array) }, 'input', signal]]);
    const [spec] = run.mock.calls[0] as unknown as [CallSpec];
    expect(readMetadata(spec.metadata ?? new Uint8Array(0))).toEqual({ tenant: 'acme', lang: 'fr' });
  });

  it.each([[5], ['told'], [null], [{}]])(
    'with %j for onProgress is refused, and nothing is run',
    async (own) => {
      const run = vi.fn();
      await expect(
        elaborateEval(surroundings(), SPEC, 'input', { onProgress: own as never }, run),
      ).rejects.toMatchObject({
        code: 'INVALID_CALL',
        sent: false,
        message: expect.stringMatching(/^onProgress must be a function, not /),
      });
      expect(run).not.toHaveBeenCalled();
    },
  );

  it('with onProgress asks for progress while it runs, and keeps nothing of that', async () => {
    const server = await FakeServer.open();
    const client = { ...surroundings(), callLink: () => server.link };
    let open: readonly string[] = [];
    const run = vi.fn(async () => {
      open = server.link.mailbox.ids();
      return 'answer';
    });
    const { signal } = new AbortController();
    expect(await elaborateEval(client, SPEC, 'input', { onProgress: () => {}, signal }, run)).toBe('answer');
    const [[spec, ...rest] = []] = run.mock.calls as unknown as [[CallSpec, ...unknown[]]];
    expect(rest).toEqual(['input', signal]);
    // Under the name that answers of progress come to.
    const name = progressName(spec?.metadata ?? new Uint8Array(0)) ?? '';
    expect(open).toEqual([progressCall(name)]);
    expect(server.link.mailbox.ids()).toEqual([]);
  });

  it('is seen by the interceptors, the first one outermost, and may be changed by them', async () => {
    const seen: unknown[] = [];
    const [first, second]: [Interceptor, Interceptor] = [
      (next) => async (call) => {
        seen.push({ ...call, metadata: { ...call.metadata } });
        call.metadata['span'] = '1';
        return `${await next({ ...call, input: 'changed' })}!`;
      },
      (next) => async (call) => {
        seen.push(call.input);
        return next(call);
      },
    ];
    const client = surroundings([first, second]);
    const run = vi.fn(async (spec: CallSpec) =>
      JSON.stringify(readMetadata(spec.metadata ?? new Uint8Array(0))),
    );
    expect(await elaborateEval(client, SPEC, 'input', {}, run)).toBe('{"span":"1"}!');
    expect(seen).toEqual([
      { kind: 'eval', path: 'server.f', input: 'input', metadata: {}, signal: undefined },
      'changed',
    ]);
    expect(run.mock.calls[0]?.slice(1)).toEqual(['changed', undefined]);
  });

  it.each([
    ['its own metadata', { metadata: { A: 'x' } }],
    ['metadata that is no object', { metadata: 'x' as never }],
  ])('with %s is refused before an interceptor sees it', async (_what, extras) => {
    const seen = vi.fn();
    const client = surroundings([seen as unknown as Interceptor]);
    const run = vi.fn();
    await expect(elaborateEval(client, SPEC, 'input', extras, run)).rejects.toMatchObject({
      code: 'INVALID_CALL',
      sent: false,
    });
    expect([seen.mock.calls.length, run.mock.calls.length]).toEqual([0, 0]);
  });

  it('is not run when an interceptor makes its metadata unacceptable, or refuses it', async () => {
    const run = vi.fn();
    const spoil: Interceptor = (next) => (call) => next({ ...call, metadata: { A: 'x' } });
    const refuse: Interceptor = () => async () => {
      throw new Error('refused');
    };
    const by = (own: Interceptor) => elaborateEval(surroundings([own]), SPEC, 1, {}, run);
    await expect(by(spoil)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    await expect(by(refuse)).rejects.toThrow('refused');
    expect(run).not.toHaveBeenCalled();
  });
});

describe('the results of a job or map', () => {
  function opened() {
    const returns = vi.fn();
    async function* values() {
      try {
        yield 1;
        yield 2;
      } finally {
        returns();
      }
      return undefined;
    }
    const own = values();
    const results = {
      progress: { received: 7 },
      next: () => own.next(),
      return: vi.fn(() => own.return(undefined)),
      [Symbol.asyncIterator]: () => results,
      [Symbol.asyncDispose]: async () => {
        await own.return(undefined);
      },
    };
    return results;
  }
  const open = (interceptors: readonly Interceptor[], results = opened(), kind: 'job' | 'map' = 'job') =>
    elaborateResults(surroundings(interceptors), kind, SPEC, ['a'], {}, () => results as never);

  it('are those of the run itself where no interceptor gives others', async () => {
    const results = opened();
    expect(await open([], results)).toBe(results);
    expect(await open([(next) => next], results)).toBe(results);
  });

  it('are seen with their kind', async () => {
    for (const kind of ['job', 'map'] as const) {
      const seen = vi.fn();
      await open(
        [
          (next) => (call) => {
            seen(call.kind, call.input);
            return next(call);
          },
        ],
        opened(),
        kind,
      );
      expect(seen.mock.calls).toEqual([[kind, ['a']]]);
    }
  });

  it('may be others, which are read instead, with the progress of the run', async () => {
    const results = opened();
    const doubled: Interceptor = (next) => async (call) => {
      const given = (await next(call)) as AsyncIterable<number>;
      return (async function* () {
        for await (const value of given) yield 2 * value;
      })();
    };
    const own = await open([doubled], results);
    expect(own[Symbol.asyncIterator]()).toBe(own);
    expect(own.progress).toEqual({ received: 7 });
    expect(await readAll(own)).toEqual([2, 4]);
  });

  it('have no progress where the run was never begun', async () => {
    async function* instead() {
      yield 5;
    }
    const own = await open([() => async () => instead()]);
    expect(own.progress).toBeUndefined();
    expect(await readAll(own)).toEqual([5]);
    expect(await own.return()).toEqual({ done: true, value: undefined });
  });

  it('leave the run first when they are left, and then those of the interceptor', async () => {
    for (const how of ['return', 'dispose'] as const) {
      const results = opened();
      const order: string[] = [];
      results.return.mockImplementation(async () => {
        order.push('run');
        return { done: true, value: undefined } as never;
      });
      const other = {
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: false, value: 1 }),
          return: async () => {
            order.push('interceptor');
          },
        }),
      };
      const own = await open(
        [
          (next) => async (call) => {
            await next(call);
            return other;
          },
        ],
        results,
      );
      if (how === 'return') expect(await own.return()).toEqual({ done: true, value: undefined });
      else await own[Symbol.asyncDispose]();
      expect(order).toEqual(['run', 'interceptor']);
    }
  });

  it('may have nothing to leave', async () => {
    const other = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
    };
    const own = await open([() => async () => other]);
    expect(await own.return()).toEqual({ done: true, value: undefined });
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 5, '5'],
    ['a list', [1], 'a list of 1'],
  ])('are refused when an interceptor gives %s, and the run is left', async (_what, given, shown) => {
    for (const kind of ['job', 'map'] as const) {
      const results = opened();
      const instead: Interceptor = (next) => async (call) => {
        await next(call);
        return given;
      };
      await expect(open([instead], results, kind)).rejects.toMatchObject({
        code: 'INVALID_CALL',
        sent: false,
        message: `an interceptor must give the results of a ${kind} as an async iterable, not ${shown}`,
      });
      expect(results.return).toHaveBeenCalledTimes(1);
      await expect(open([() => async () => given], opened(), kind)).rejects.toMatchObject({
        code: 'INVALID_CALL',
      });
    }
  });
});
