/** Where a role is bound when it is not told. */
import { describe, expect, it } from 'vitest';
import { addressed } from '../../../../src/cluster/runtime/serving-options.ts';
import type { BindingTransport } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';

describe('addresses that are left out', () => {
  const transport = (freeAddress?: BindingTransport['freeAddress']) => {
    const real = memory();
    return {
      name: 'server',
      transport: { ...real, freeAddress } as BindingTransport,
      dbAddress: undefined,
    };
  };

  it('are free ones beside the one of the cache, which may be free itself', () => {
    const asked: unknown[] = [];
    const own = transport((beside) => {
      asked.push(beside);
      return `memory://free${asked.length}`;
    });
    expect(
      addressed({ ...own, pull: 'memory://mine' } as never, 'pull' as never, 'pub' as never),
    ).toMatchObject({
      dbAddress: 'memory://free1',
      pull: 'memory://mine',
      pub: 'memory://free2',
    });
    expect(asked).toEqual([undefined, 'memory://free1']);
    expect(addressed({ ...own, dbAddress: 'memory://db' }).dbAddress).toBe('memory://db');
  });

  it.each([
    ['that chooses none', undefined],
    ['that has none', () => undefined],
  ])('are refused on a transport %s', (_what, freeAddress) => {
    const refused = (key: string) =>
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: `${key} must be given: the transport memory does not choose addresses`,
      });
    const own = {
      ...transport(freeAddress as never),
      transport: { ...memory(), name: 'memory', freeAddress },
    };
    expect(() => addressed(own as never)).toThrow(refused('dbAddress'));
    const given = { ...own, dbAddress: 'memory://db' };
    expect(() => addressed(given as never, 'pullAddress' as never)).toThrow(refused('pullAddress'));
  });

  it('are not looked for beside one that cannot be read', () => {
    const own = transport(() => 'memory://free');
    expect(() => addressed({ ...own, dbAddress: 'nowhere' })).toThrow(/memory:\/\/name/);
  });
});
