/** Code that is loaded when it is first used. */
import { describe, expect, it, vi } from 'vitest';
import { Loader } from '../../../src/client/loader.ts';

describe('code that is loaded when it is first used', () => {
  it('is loaded once, and used in the turn of the call from then on', async () => {
    const load = vi.fn(async () => 'code');
    const loader = new Loader(load);
    expect([loader.own, load.mock.calls.length]).toEqual([undefined, 0]);
    const uses = ['a', 'b'].map((name) => loader.use(async (own) => `${name} ${own}`));
    expect(await Promise.all(uses)).toEqual(['a code', 'b code']);
    const use = vi.fn(async () => 'used');
    const using = loader.use(use);
    expect([use.mock.calls, loader.own, load.mock.calls.length]).toEqual([[['code']], 'code', 1]);
    await using;
  });

  it('fails those that wait for it, and is loaded again for the next', async () => {
    const offline = new Error('offline');
    const load = vi.fn(async () => 'code').mockRejectedValueOnce(offline);
    const loader = new Loader(load);
    const use = vi.fn(async () => 'used');
    for (const using of [loader.use(use), loader.use(use)])
      await expect(using).rejects.toMatchObject({
        code: 'DISCONNECTED',
        message: 'loading code failed: offline',
        cause: offline,
        sent: false,
      });
    expect(use).not.toHaveBeenCalled();
    expect(await loader.use(use)).toBe('used');
    expect(load).toHaveBeenCalledTimes(2);
  });
});
