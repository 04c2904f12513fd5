import { describe, expect, it } from 'vitest';
import { ConnectionQuota } from '../../../../../transports/relay/http/admission.ts';
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
