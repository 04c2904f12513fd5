import { describe, expect, it } from 'vitest';
import { AsyncQueue } from '../../../src/async/async-queue.ts';

const end = { done: true, value: undefined };
const value = (own: number) => ({ done: false, value: own });

describe('an AsyncQueue', () => {
  it('gives values in order, to readers that came before them too', async () => {
    const queue = new AsyncQueue<number>();
    const early = [queue.next(), queue.next()];
    for (const own of [1, 2, 3, 4]) queue.push(own);
    expect(await Promise.all(early)).toEqual([value(1), value(2)]);
    expect(queue.size).toBe(2);
    expect(await queue.next()).toEqual(value(3));
    expect(queue.take()).toBe(4);
    expect([queue.size, queue.take()]).toEqual([0, undefined]);
  });

  it('gives what is left, then the end again and again, and takes nothing more', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    queue.end();
    queue.push(2);
    expect(await queue.next()).toEqual(value(1));
    for (let i = 0; i < 2; i++) expect(await queue.next()).toEqual(end);
  });

  it('gives what is left, then the failure once, then the end', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    queue.fail('first');
    queue.fail('second');
    queue.end();
    expect(await queue.next()).toEqual(value(1));
    await expect(queue.next()).rejects.toBe('first');
    expect(await queue.next()).toEqual(end);
  });

  it('that fails tells one waiting reader why, and the others the end', async () => {
    const queue = new AsyncQueue<number>();
    const [first, second] = [queue.next(), queue.next()];
    queue.fail('why');
    await expect(first).rejects.toBe('why');
    expect(await second).toEqual(end);
  });

  it('that ends lets all waiting readers go', async () => {
    const queue = new AsyncQueue<number>();
    const waiting = [queue.next(), queue.next()];
    queue.end();
    expect(await Promise.all(waiting)).toEqual([end, end]);
  });

  it('stays open when values are dropped, and ends when it is cleared', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    queue.drop();
    queue.push(2);
    expect(await queue.next()).toEqual(value(2));
    queue.push(3);
    queue.clear();
    queue.push(4);
    expect(queue.size).toBe(0);
    expect(await queue.next()).toEqual(end);
  });

  it('that failed tells nothing of it once it is cleared', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    queue.fail('why');
    queue.clear();
    expect(await queue.next()).toEqual(end);
  });
});
