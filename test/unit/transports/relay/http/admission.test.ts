import { describe, expect, it, vi } from 'vitest';
import type { Authenticate } from '../../../../../transports/relay/auth/identity.ts';
import { Admission, ConnectionQuota } from '../../../../../transports/relay/http/admission.ts';
import { networkOf } from '../../../../../transports/relay/http/proxies.ts';

describe('networkOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['::ffff:123.210.199.188', '123.210.199.188'],
    // Only behind zeros does it stand for IPv4.
    ['1::ffff:192.0.2.7', '1:0:0:0::/64'],
    ['2001::1:2:3:4:5:6', '2001:0:1:2::/64'],
    ['2001::1:2:3:4:192.0.2.7', '2001:0:1:2::/64'],
    ['::2:3:4:5:6:7', '0:0:2:3::/64'],
    ['', ''],
    ['unix socket', 'unix socket'],
    ['a:b', 'a:b'],
  ])('%s is counted for %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('connections are counted', () => {
  it('for an address of IPv4, and for a network of IPv6, up to the limit and again when one has gone', () => {
    const turnstile = new ConnectionQuota(100, 2);
    const enter = (address: string) => {
      const entered = turnstile.enter(address);
      return typeof entered === 'function' ? entered : entered.status;
    };
    const leave = enter('2001:db8::1');
    expect(typeof enter('2001:db8::2')).toBe('function');
    expect(enter('2001:db8::3')).toBe(429);
    expect(typeof enter('2001:db8:0:1::3')).toBe('function');
    if (typeof leave !== 'function') throw new Error('it was refused');
    leave();
    leave();
    expect(typeof enter('2001:db8::3')).toBe('function');
    expect(enter('2001:db8::4')).toBe(429);
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      expect(typeof enter(address)).toBe('function');
      expect(typeof enter(`::ffff:${address}`)).toBe('function');
      expect(enter(address)).toBe(429);
    }
  });

  it('in all', () => {
    const turnstile = new ConnectionQuota(2, 10);
    const [first, second, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((own) => turnstile.enter(own));
    expect([typeof first, typeof second]).toEqual(['function', 'function']);
    expect(third).toMatchObject({ status: 503 });
  });
});

describe('connections that have gone', () => {
  it('leave nothing of their network, and free one place each', () => {
    const quota = new ConnectionQuota(3, 1);
    const entered = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((own) => quota.enter(own));
    const leave = entered[0];
    if (typeof leave !== 'function') throw new Error('it was refused');
    expect(quota.enter('192.0.2.4')).toMatchObject({ status: 503 });
    leave();
    // Again is nothing.
    leave();
    expect(typeof quota.enter('192.0.2.1')).toBe('function');
    expect(quota.enter('192.0.2.5')).toMatchObject({ status: 503 });
    expect(quota.enter('192.0.2.1')).toMatchObject({ status: 429 });
  });
});

describe('who a client is', () => {
  const info = { address: '192.0.2.1', origin: undefined };
  const logger = () => ({ debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() });
  const alice = { name: 'alice', servers: ['*'] };
  const admission = (authenticate: Authenticate, log = logger()) =>
    new Admission({ authenticate, anonymous: { servers: ['public'] } }, log);

  it('is what the hook says, or anonymous without a token, and nobody with a wrong one', async () => {
    const own = admission((token) => (token === 'right' ? alice : undefined));
    expect((await own.identify('right', info))?.name).toBe('alice');
    expect((await own.identify(undefined, info))?.name).toBe('anonymous');
    for (const token of ['wrong', '']) expect(await own.identify(token, info)).toBeUndefined();
    own.anonymous = undefined;
    expect(await own.identify(undefined, info)).toBeUndefined();
  });

  it('is anonymous alone where there is no hook: any token is wrong', async () => {
    const log = logger();
    const own = new Admission({ anonymous: { servers: ['public'] } }, log);
    expect((await own.identify(undefined, info))?.name).toBe('anonymous');
    expect(await own.identify('any', info)).toBeUndefined();
    expect(await new Admission({}, log).identify(undefined, info)).toBeUndefined();
    expect(log.error).not.toHaveBeenCalled();
  });

  it('is asked for tokens of up to 8,192 characters alone', async () => {
    const own = admission(() => alice);
    for (const length of [8_191, 8_192]) expect(await own.identify('x'.repeat(length), info)).toBeDefined();
    expect(await own.identify('x'.repeat(8_193), info)).toBeUndefined();
  });

  it('ends at the time that the hook says', async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    try {
      const at = (expires: number) => admission(() => ({ ...alice, expires })).identify('t', info);
      expect(await at(1_000_001)).toBeDefined();
      for (const expires of [1_000_000, 999_999, Number.NaN]) expect(await at(expires)).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it('is nobody when the hook fails, and the log does not have the token', async () => {
    const log = logger();
    const own = admission((token) => {
      throw new Error(`no ${token}, none such as ${token}`);
    }, log);
    expect(await own.identify('secret', info)).toBeUndefined();
    expect(log.error).toHaveBeenCalledWith('authentication failed', {
      address: '192.0.2.1',
      reason: 'no (the token), none such as (the token)',
    });
    expect((await own.identify(undefined, info))?.name).toBeUndefined();
  });

  it('is asked again when answers may have changed meanwhile', async () => {
    let answer: (identity: typeof alice | undefined) => void = () => {};
    let asked = 0;
    const own = admission(() => {
      asked++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const identifying = own.identify('t', info);
    own.changed();
    answer(alice);
    await vi.waitFor(() => expect(asked).toBe(2), 10_000);
    answer(undefined);
    expect(await identifying).toBeUndefined();
  });
});
