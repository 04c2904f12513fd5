import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Macrotasks, macrotasks } from '../../../src/async/macrotask.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** What runs, in order: two tasks that were given first, and a promise. */
async function order(later: Macrotasks): Promise<string[]> {
  const told: string[] = [];
  const over = new Promise<void>((resolve) => {
    later(() => told.push('task 1'));
    later(() => {
      told.push('task 2');
      resolve();
    });
  });
  Promise.resolve().then(() => told.push('promise'));
  await over;
  return told;
}

describe('macrotasks', () => {
  it('run in order, after promises', async () => {
    expect(await order(macrotasks())).toEqual(['promise', 'task 1', 'task 2']);
  });

  it('run so where there is no setImmediate, as in browsers', async () => {
    const channels: MessageChannel[] = [];
    class Recorded extends MessageChannel {
      constructor() {
        super();
        channels.push(this);
      }
    }
    vi.stubGlobal('setImmediate', undefined);
    vi.stubGlobal('MessageChannel', Recorded);
    expect(await order(macrotasks())).toEqual(['promise', 'task 1', 'task 2']);
    expect(channels).toHaveLength(1);
    for (const { port1 } of channels) port1.close();
  });

  it('need no channel where there is setImmediate', async () => {
    vi.stubGlobal('MessageChannel', undefined);
    expect(await order(macrotasks())).toEqual(['promise', 'task 1', 'task 2']);
  });
});
