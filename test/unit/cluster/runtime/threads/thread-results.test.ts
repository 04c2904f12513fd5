/** Results that come from a thread one after the other: read as they come, waited for, left, failed. */
import { expect, it, vi } from 'vitest';
import { ThreadResults } from '../../../../../src/cluster/runtime/threads/thread-results.ts';

function ground() {
  const [onTaken, onStop] = [vi.fn(), vi.fn()];
  return { results: new ThreadResults({ onTaken, onStop }), onTaken, onStop };
}

it('are read in their order, those that came before and those that are waited for, and each is reported', async () => {
  const { results, onTaken, onStop } = ground();
  expect(results[Symbol.asyncIterator]()).toBe(results);
  results.add(1);
  results.add(2);
  expect(onTaken).not.toHaveBeenCalled();
  expect([await results.next(), await results.next()]).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
  ]);
  expect(onTaken).toHaveBeenCalledTimes(2);
  const waiting = results.next();
  results.add(3);
  expect(await waiting).toEqual({ done: false, value: 3 });
  expect([onTaken.mock.calls.length, onStop.mock.calls.length]).toEqual([3, 0]);
});

it('are read to the last one when their end has come', async () => {
  const { results, onStop } = ground();
  results.add(1);
  results.end();
  results.add(2);
  expect(await results.next()).toEqual({ done: false, value: 1 });
  for (let i = 0; i < 2; i++) expect(await results.next()).toEqual({ done: true, value: undefined });
  expect(await results.return()).toEqual({ done: true, value: undefined });
  expect(onStop).not.toHaveBeenCalled();
});

it('end for one who waits', async () => {
  const { results } = ground();
  const waiting = results.next();
  results.end();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

it('fail behind those that came before, for one who waits too, and each time', async () => {
  const error = new Error('gone');
  const { results } = ground();
  results.add(1);
  results.fail(error);
  results.end();
  expect(await results.next()).toEqual({ done: false, value: 1 });
  for (let i = 0; i < 2; i++) await expect(results.next()).rejects.toBe(error);
  const other = ground();
  const waiting = other.results.next();
  other.results.fail(error);
  await expect(waiting).rejects.toBe(error);
});

it('that have ended do not fail', async () => {
  const { results } = ground();
  results.end();
  results.fail(new Error('late'));
  expect(await results.next()).toEqual({ done: true, value: undefined });
});

it('that are left are forgotten, and the thread is told, once', async () => {
  const { results, onStop, onTaken } = ground();
  results.add(1);
  expect(await results.return()).toEqual({ done: true, value: undefined });
  await results.return();
  expect(onStop).toHaveBeenCalledTimes(1);
  results.add(2);
  expect(await results.next()).toEqual({ done: true, value: undefined });
  expect(onTaken).not.toHaveBeenCalled();
});
