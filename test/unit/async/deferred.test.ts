import { describe, expect, it } from 'vitest';
import { deferred, PendingReplies } from '../../../src/async/deferred.ts';

describe('a deferred', () => {
  it('settles its promise once', async () => {
    const [good, bad] = [deferred<number>(), deferred<number>()];
    good.resolve(1);
    good.resolve(2);
    good.reject('late');
    bad.reject('why');
    bad.resolve(1);
    expect(await good.promise).toBe(1);
    await expect(bad.promise).rejects.toBe('why');
  });
});

describe('pending replies', () => {
  it('have numbers from 1 on, and are known until they are settled', async () => {
    const pending = new PendingReplies<string>();
    const [first, second] = [pending.add(), pending.add()];
    expect([first.id, second.id]).toEqual([1, 2]);
    expect([pending.has(1), pending.has(2), pending.has(3)]).toEqual([true, true, false]);
    pending.settle(1, 'answer');
    pending.fail(2, 'why');
    expect(await first.reply).toBe('answer');
    await expect(second.reply).rejects.toBe('why');
    expect([pending.has(1), pending.has(2)]).toEqual([false, false]);
  });

  it('leave alone what does not wait', () => {
    const pending = new PendingReplies<string>();
    pending.settle(7, 'answer');
    pending.fail(7, 'why');
    expect(pending.add().id).toBe(1);
  });

  it('fail together', async () => {
    const pending = new PendingReplies<string>();
    const [first, second] = [pending.add(), pending.add()];
    pending.failAll('closed');
    await expect(first.reply).rejects.toBe('closed');
    await expect(second.reply).rejects.toBe('closed');
    expect([pending.has(1), pending.has(2)]).toEqual([false, false]);
  });
});
