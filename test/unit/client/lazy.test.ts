/** Jobs and maps whose code is still being loaded. */
import { describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../src/async/deferred.ts';
import { lazy } from '../../../src/client/lazy.ts';

async function* three(): AsyncGenerator<number, undefined> {
  yield 1;
  yield 2;
  yield 3;
  return undefined;
}

function opened() {
  const results = three();
  return {
    progress: 'own',
    next: () => results.next(),
    return: () => results.return(undefined),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      await results.return(undefined);
    },
  };
}

describe('results whose code is loaded when they are first read', () => {
  it('load nothing before, and answer readers in order once it is here', async () => {
    const loaded = deferred<ReturnType<typeof opened>>();
    const starts: (number | undefined)[] = [];
    const load = (started: number | undefined) => {
      starts.push(started);
      return loaded.promise;
    };
    const results = lazy(load, (started) => started);
    expect([results.progress, starts]).toEqual([undefined, []]);
    const reads = [results.next(), results.next()];
    expect(results.progress).toBeGreaterThan(0);
    loaded.resolve(opened());
    expect((await Promise.all(reads)).map(({ value }) => value)).toEqual([1, 2]);
    expect(starts).toHaveLength(1);
    expect(results.progress).toBe('own');
    expect((await results.next()).value).toBe(3);
  });

  it('are over when they are left meanwhile', async () => {
    const loaded = deferred<ReturnType<typeof opened>>();
    const results = lazy(
      () => loaded.promise,
      () => undefined,
    );
    const left = results.return();
    const next = results.next();
    loaded.resolve(opened());
    expect(await left).toEqual({ done: true, value: undefined });
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('say what failed when it cannot be loaded, and try again when they are read again', async () => {
    let isUp = false;
    const load = async () => {
      if (!isUp) throw new TypeError('Failed to fetch');
      return opened();
    };
    const results = lazy(load, () => undefined);
    await expect(results.next()).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringContaining('Failed to fetch'),
    });
    isUp = true;
    expect((await results.next()).value).toBe(1);
  });
});

it('results are left at the end of their block, also before they are read', async () => {
  const own = opened();
  const left = vi.spyOn(own, 'return');
  await lazy(
    async () => own,
    () => undefined,
  )[Symbol.asyncDispose]();
  expect(left).toHaveBeenCalledTimes(1);
});
