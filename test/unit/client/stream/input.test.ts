import { describe, expect, it, vi } from 'vitest';
import { openInput, sizeOf } from '../../../../src/client/stream/input.ts';

const done = { kind: 'done' };
const value = (own: unknown) => ({ kind: 'value', value: own });
const failed = (error: unknown) => ({ kind: 'failed', error });

/** An iterator that a test settles, and that counts what is asked of it. */
function iterable(isAsync: boolean, next: () => unknown) {
  const end = vi.fn(() => (isAsync ? Promise.resolve({ done: true }) : { done: true }));
  const own = { next: vi.fn(next), return: end };
  const open = vi.fn(() => own);
  const key = isAsync ? Symbol.asyncIterator : Symbol.iterator;
  return { input: { [key]: open } as unknown as Iterable<number>, open, next: own.next, end };
}

describe('a sync input', () => {
  it('gives its values at once or when awaited, and then its end', async () => {
    const input = openInput([1, 2]);
    expect(input.takeNow()).toEqual(value(1));
    expect(await input.take()).toEqual(value(2));
    expect([input.takeNow(), await input.take(), input.takeNow()]).toEqual([done, done, done]);
  });

  it('is opened when the first value is taken, and asked no more once it has ended', async () => {
    const { input: own, open, next, end } = iterable(false, () => ({ done: true, value: undefined }));
    const input = openInput(own);
    expect(open).not.toHaveBeenCalled();
    expect(input.takeNow()).toEqual(done);
    input.takeNow();
    await input.take();
    input.close();
    expect([open.mock.calls.length, next.mock.calls.length, end.mock.calls.length]).toEqual([1, 1, 0]);
  });

  it('that throws fails once, and has ended then', async () => {
    for (const take of ['takeNow', 'take'] as const) {
      const { input: own, end } = iterable(false, () => {
        throw new Error('why');
      });
      const input = openInput(own);
      expect(await input[take]()).toEqual(failed(new Error('why')));
      expect(await input[take]()).toEqual(done);
      input.close();
      expect(end).not.toHaveBeenCalled();
    }
  });

  it('is told once that no more is wanted', async () => {
    const { input: own, end } = iterable(false, () => ({ done: false, value: 1 }));
    const input = openInput(own);
    input.takeNow();
    input.close();
    input.close();
    expect(end).toHaveBeenCalledTimes(1);
    expect([input.takeNow(), await input.take()]).toEqual([done, done]);
  });

  it('that was not begun is not opened to be told', () => {
    const { input: own, open, end } = iterable(false, () => ({ done: true }));
    openInput(own).close();
    expect([open.mock.calls.length, end.mock.calls.length]).toEqual([0, 0]);
  });

  it('without a return, or whose return throws, is left all the same', async () => {
    const input = openInput({ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) });
    input.takeNow();
    input.close();
    const { input: own, end } = iterable(false, () => ({ done: false, value: 1 }));
    end.mockImplementation(() => {
      throw new Error('boom');
    });
    const other = openInput(own);
    other.takeNow();
    expect(() => other.close()).not.toThrow();
    await new Promise(setImmediate);
    expect(other.takeNow()).toEqual(done);
  });
});

describe('an async input', () => {
  it('gives nothing at once, and its values when awaited', async () => {
    async function* values() {
      yield 1;
      yield 2;
    }
    const input = openInput(values());
    expect(input.takeNow()).toBeUndefined();
    expect([await input.take(), await input.take(), await input.take()]).toEqual([value(1), value(2), done]);
    expect(input.takeNow()).toEqual(done);
  });

  it('that is both is taken as async', async () => {
    const own = Object.assign([7], {
      [Symbol.asyncIterator]: async function* () {
        yield 1;
      },
    });
    const input = openInput(own);
    expect(input.takeNow()).toBeUndefined();
    expect(await input.take()).toEqual(value(1));
  });

  it('that rejects fails once, and has ended then', async () => {
    const { input: own, end } = iterable(true, async () => {
      throw new Error('why');
    });
    const input = openInput(own);
    expect(await input.take()).toEqual(failed(new Error('why')));
    expect(await input.take()).toEqual(done);
    input.close();
    expect(end).not.toHaveBeenCalled();
  });

  it('that is closed meanwhile gives its end, not its value', async () => {
    let give: (result: unknown) => void = () => {};
    const { input: own, end } = iterable(
      true,
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const input = openInput(own);
    const taking = input.take();
    input.close();
    give({ done: false, value: 1 });
    expect(await taking).toEqual(done);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('whose return rejects is left all the same', async () => {
    const { input: own, end } = iterable(true, async () => ({ done: false, value: 1 }));
    end.mockImplementation(() => Promise.reject(new Error('boom')));
    const input = openInput(own);
    await input.take();
    input.close();
    // A rejection that nobody handles fails the test run.
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(input.takeNow()).toEqual(done);
  });
});

describe('a stream that cannot be iterated, as in Safari', () => {
  function stream() {
    const cancel = vi.fn(async () => {});
    let count = 0;
    const read = async () => (count < 2 ? { done: false, value: ++count } : { done: true, value: undefined });
    return { own: { getReader: () => ({ read, cancel }) } as unknown as Iterable<number>, cancel };
  }

  it('is read to its end', async () => {
    const { own, cancel } = stream();
    const input = openInput(own);
    expect(input.takeNow()).toBeUndefined();
    expect([await input.take(), await input.take(), await input.take()]).toEqual([value(1), value(2), done]);
    expect(cancel).not.toHaveBeenCalled();
  });

  it('is cancelled when no more is wanted', async () => {
    const { own, cancel } = stream();
    const input = openInput(own);
    await input.take();
    input.close();
    await new Promise(setImmediate);
    expect(cancel).toHaveBeenCalledTimes(1);
  });
});

describe('a stream of Node', () => {
  function stream(destroy: unknown) {
    const { input, end } = iterable(true, async () => ({ done: false, value: 1 }));
    return { own: Object.assign(input, { destroy }), end };
  }

  it('is destroyed when no more is wanted: its iterator would wait for the next chunk', async () => {
    const destroy = vi.fn(function (this: unknown) {
      return this;
    });
    const { own, end } = stream(destroy);
    const input = openInput(own);
    expect(input.takeNow()).toBeUndefined();
    await input.take();
    input.close();
    input.close();
    expect(destroy.mock.results.map((result) => result.value)).toEqual([own]);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('is left alone when it was not begun', () => {
    const destroy = vi.fn();
    openInput(stream(destroy).own).close();
    expect(destroy).not.toHaveBeenCalled();
  });

  it('may have a destroy that is no function, as any object may', async () => {
    const { own, end } = stream('yes');
    const input = openInput(own);
    await input.take();
    input.close();
    expect(end).toHaveBeenCalledTimes(1);
  });
});

describe('a Blob', () => {
  const PIECE = 65_536;

  it.each([
    [0, []],
    [1, [1]],
    [PIECE - 1, [PIECE - 1]],
    [PIECE, [PIECE]],
    [PIECE + 1, [PIECE, 1]],
    [2 * PIECE, [PIECE, PIECE]],
  ])('of %i bytes gives pieces of %j', async (size, lengths) => {
    const whole = new Uint8Array(size).map((_, at) => at % 251);
    const input = openInput<Uint8Array<ArrayBuffer>>(new Blob([whole]));
    expect(input.takeNow()).toBeUndefined();
    const pieces: Uint8Array[] = [];
    for (let item = await input.take(); item.kind === 'value'; item = await input.take())
      pieces.push(item.value);
    expect(pieces.map(({ length }) => length)).toEqual(lengths);
    expect(Buffer.compare(Buffer.concat(pieces), whole)).toBe(0);
    expect(sizeOf(new Blob([whole]))).toBe(lengths.length);
  });
});

describe('the number of inputs', () => {
  it.each([
    ['a list', [1, 2], 2],
    ['an empty list', [], 0],
    ['a typed array', new Float64Array(3), 3],
    ['a Set', new Set([1]), 1],
    ['a Map', new Map([[1, 2]]), 1],
    ['a list with a size', Object.assign([1], { size: 7 }), 1],
    ['an odd length beside a size', { length: 'x', size: 4 }, 4],
  ])('is that of %s', (_what, own, count) => {
    expect(sizeOf(own)).toBe(count);
  });

  it.each([
    ['a generator', (function* () {})()],
    ['a length below 0', { length: -1 }],
    ['a length that is not whole', { length: 1.5 }],
    ['a length that is a string', { length: '2' }],
    ['an endless size', { size: Number.POSITIVE_INFINITY }],
  ])('is not known of %s', (_what, own) => {
    expect(sizeOf(own)).toBeUndefined();
  });
});
