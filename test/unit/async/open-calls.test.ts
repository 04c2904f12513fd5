import { describe, expect, it, vi } from 'vitest';
import { closed, OpenCalls } from '../../../src/async/open-calls.ts';

/** Whether a promise has resolved by now. */
async function isThere(promise: Promise<void>): Promise<boolean> {
  const none = {};
  return (await Promise.race([promise, Promise.resolve(none)])) !== none;
}

describe('open calls', () => {
  it('hold up closing until each has its outcome', async () => {
    const calls = new OpenCalls();
    const [first, second] = [calls.begin(), calls.begin()];
    const closing = calls.close();
    first();
    first();
    expect(await isThere(closing)).toBe(false);
    second();
    expect(await isThere(closing)).toBe(true);
  });

  it('are told when it closes, as often as that is, unless they are over', () => {
    const calls = new OpenCalls();
    const [over, open] = [vi.fn(), vi.fn()];
    calls.begin(over)();
    calls.begin(open);
    calls.close();
    calls.close();
    expect([over.mock.calls.length, open.mock.calls.length]).toEqual([0, 2]);
  });

  it('close at once where there are none, for all that close', async () => {
    const calls = new OpenCalls();
    calls.begin()();
    expect(await Promise.all([isThere(calls.close()), isThere(calls.close())])).toEqual([true, true]);
  });

  it('are refused after closing, and nothing was sent', () => {
    const calls = new OpenCalls();
    calls.close();
    const refusal = { code: 'CLOSED', message: 'the client is closed', sent: false };
    expect(() => calls.begin()).toThrow(expect.objectContaining(refusal));
  });

  it('that had no outcome say whether they may have been sent', () => {
    expect([closed(true).sent, closed(false).sent]).toEqual(['unknown', false]);
  });
});
