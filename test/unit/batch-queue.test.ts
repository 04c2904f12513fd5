import { describe, expect, it } from 'vitest';
import { BatchQueue } from '../../src/async/batch-queue.ts';

describe('a BatchQueue', () => {
  it('is full by items or by bytes, whichever comes first, and has room once it is taken', async () => {
    const queue = new BatchQueue<string>(3, 100);
    queue.push(['a', 'b'], 99);
    expect(queue.isFull).toBe(false);
    queue.push(['c']);
    expect(queue.isFull).toBe(true);
    expect(await queue.next()).toEqual({ done: false, value: ['a', 'b', 'c'] });
    expect(queue.isFull).toBe(false);
    queue.push(['large'], 100);
    expect(queue.isFull).toBe(true);
    const room = queue.room();
    await queue.next();
    await room;
    expect(queue.isFull).toBe(false);
  });

  it('counts nothing of what a reader takes at once', async () => {
    const queue = new BatchQueue<string>(3, 100);
    const reading = queue.next();
    queue.push(['large'], 1_000);
    expect(await reading).toEqual({ done: false, value: ['large'] });
    expect(queue.isFull).toBe(false);
  });
});
