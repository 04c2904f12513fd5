import { describe, expect, it } from 'vitest';
import { BatchQueue } from '../../../src/async/batch-queue.ts';

interface Item {
  readonly name: string;
  readonly size: number;
}

const item = (name: string, size = 0): Item => ({ name, size });

describe('a BatchQueue', () => {
  it('is full by items or by bytes, whichever comes first, and has room once it is taken', async () => {
    const queue = new BatchQueue<Item>(3, { sizeOf: ({ size }) => size, bytes: 100 });
    queue.push([item('a', 90), item('b', 9)]);
    expect(queue.isFull).toBe(false);
    queue.push([item('c')]);
    expect(queue.isFull).toBe(true);
    expect(await queue.next()).toEqual({ done: false, value: [item('a', 90), item('b', 9), item('c')] });
    expect(queue.isFull).toBe(false);
    queue.push([item('large', 100)]);
    expect(queue.isFull).toBe(true);
    const room = queue.room();
    await queue.next();
    await room;
    expect(queue.isFull).toBe(false);
  });

  it('counts nothing of what a reader takes at once', async () => {
    const queue = new BatchQueue<Item>(3, { sizeOf: ({ size }) => size, bytes: 100 });
    const reading = queue.next();
    queue.push([item('large', 1_000)]);
    expect(await reading).toEqual({ done: false, value: [item('large', 1_000)] });
    expect(queue.isFull).toBe(false);
  });

  it.each([
    [99, false],
    [100, true],
    [101, true],
  ])('is full or not with %i of 100', (bytes, isFull) => {
    const queue = new BatchQueue<Uint8Array>(10, { sizeOf: ({ length }) => length, bytes: 100 });
    queue.push([new Uint8Array(bytes - 1), new Uint8Array(1)]);
    expect(queue.isFull).toBe(isFull);
    queue.next();
    expect(queue.isFull).toBe(false);
  });
});

describe('the reader of a BatchQueue', () => {
  const end = { done: true, value: undefined };

  it('gets what came since its last read, in order, in an array of its own', async () => {
    const queue = new BatchQueue<number>(100);
    expect(queue.size).toBe(0);
    queue.push([1, 2]);
    queue.push([]);
    queue.push([3]);
    expect(queue.size).toBe(3);
    const { value: first } = await queue.next();
    expect([first, queue.size]).toEqual([[1, 2, 3], 0]);
    queue.push([4]);
    expect(await queue.next()).toEqual({ done: false, value: [4] });
    expect(first).toEqual([1, 2, 3]);
  });

  it('waits for items, and is not woken by none', async () => {
    const queue = new BatchQueue<number>(100);
    const reading = queue.next();
    queue.push([]);
    queue.push([1]);
    expect(await reading).toEqual({ done: false, value: [1] });
    expect(queue.size).toBe(0);
    // A read that was given is over.
    queue.push([2]);
    expect(await queue.next()).toEqual({ done: false, value: [2] });
  });

  it('gets what is left and then the end; nothing more is taken', async () => {
    const queue = new BatchQueue<number>(100);
    expect(queue.isEnded).toBe(false);
    queue.push([1]);
    queue.end();
    queue.push([2]);
    expect(queue.isEnded).toBe(true);
    expect(await queue.next()).toEqual({ done: false, value: [1] });
    expect(await queue.next()).toEqual(end);
  });

  it('that waits gets the end', async () => {
    const queue = new BatchQueue<number>(100);
    const reading = queue.next();
    queue.end();
    expect(await reading).toEqual(end);
  });
});

describe('writers of a BatchQueue', () => {
  /** Whether a promise has resolved by now. */
  async function isThere(promise: Promise<void>): Promise<boolean> {
    const none = {};
    return (await Promise.race([promise, Promise.resolve(none)])) !== none;
  }

  it.each([
    [1, true],
    [2, false],
    [3, false],
  ])('have room with %i of 2 items: %s', async (count, hasRoom) => {
    const queue = new BatchQueue<number>(2);
    queue.push(Array.from({ length: count }, (_, i) => i));
    expect([queue.isFull, await isThere(queue.room())]).toEqual([!hasRoom, hasRoom]);
  });

  it('that wait all have room once the items are read, or the queue is ended', async () => {
    const queue = new BatchQueue<number>(1);
    queue.push([1]);
    const waiting = [queue.room(), queue.room()];
    expect(await isThere(waiting[0] as Promise<void>)).toBe(false);
    queue.next();
    expect(await Promise.all(waiting.map(isThere))).toEqual([true, true]);
    queue.push([2]);
    const held = queue.room();
    queue.end();
    expect([await isThere(held), await isThere(queue.room())]).toEqual([true, true]);
    expect(queue.isFull).toBe(true);
  });
});
