/** Results as a stream: what is taken of them, and when they are left. */
import { expect, it, vi } from 'vitest';
import { readable } from '../../../../src/client/stream/readable.ts';
import { readAll } from '../../../support/wait.ts';

function counted(results: readonly number[]) {
  const own = { taken: 0, isLeft: false };
  async function* values() {
    try {
      for (const result of results) {
        own.taken++;
        yield result;
      }
    } finally {
      own.isLeft = true;
    }
  }
  return Object.assign(own, { values: values() });
}

it('a stream takes each result when it is read from, and no earlier', async () => {
  const own = counted([1, 2, 3]);
  const stream = readable(own.values);
  await new Promise(setImmediate);
  expect(own.taken).toBe(0);
  const reader = stream.getReader();
  expect(await reader.read()).toEqual({ done: false, value: 1 });
  await new Promise(setImmediate);
  expect(own.taken).toBe(1);
  reader.releaseLock();
  expect(await readAll(stream)).toEqual([2, 3]);
});

it('a stream that is cancelled leaves its results, also those it has not begun', async () => {
  const own = counted([1, 2]);
  const reader = readable(own.values).getReader();
  await reader.read();
  await reader.cancel();
  expect([own.isLeft, own.taken]).toEqual([true, 1]);
  const left = vi.fn(async () => ({ done: true, value: undefined }) as const);
  const next = vi.fn();
  await readable({ [Symbol.asyncIterator]: () => ({ next, return: left }) }).cancel();
  expect([left.mock.calls.length, next.mock.calls.length]).toEqual([1, 0]);
  await readable({ [Symbol.asyncIterator]: () => ({ next }) }).cancel();
});

it('a stream fails as its results do', async () => {
  const failure = new Error('why');
  const next = () => Promise.reject(failure);
  await expect(readAll(readable({ [Symbol.asyncIterator]: () => ({ next }) }))).rejects.toBe(failure);
});
