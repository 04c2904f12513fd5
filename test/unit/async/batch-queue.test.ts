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
