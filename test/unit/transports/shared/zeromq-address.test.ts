/** Addresses of ZeroMQ: what is one, what may be dialled, and what stands for what a server advertises. */
import { describe, expect, it } from 'vitest';
import {
  checkDialAddress,
  checkZeromqAddress,
  freeZeromqAddress,
  isIpv6,
  parseTcp,
  resolveZeromqAddress,
} from '../../../../transports/shared/zeromq-address.ts';

const invalid = (message: string) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(message) });

describe('an address', () => {
  it.each([
    ['tcp://127.0.0.1:5555', { host: '127.0.0.1', port: '5555' }],
    ['tcp://name-1.example:1', { host: 'name-1.example', port: '1' }],
    ['tcp://*:*', { host: '*', port: '*' }],
    ['tcp://[::1]:65535', { host: '[::1]', port: '65535' }],
    ['tcp://[fe80::1%eth0]:0', { host: '[fe80::1%eth0]', port: '0' }],
    ['tcp://[::ffff:192.0.2.1]:1', { host: '[::ffff:192.0.2.1]', port: '1' }],
  ])('has a host and a port: %s', (address, parsed) => {
    expect(parseTcp(address)).toEqual(parsed);
    checkZeromqAddress(address);
  });

  it.each([
    'tcp://127.0.0.1:65536',
    'tcp://127.0.0.1:123456',
    'tcp://127.0.0.1:',
    'tcp://127.0.0.1',
    'tcp://:5555',
    'tcp://::1:5555',
    'tcp://[::1:5555',
    'tcp://[name]:5555',
    'tcp://[::1%]:5555',
    'tcp://a/b:5555',
    'tcp://a b:5555',
    'xtcp://127.0.0.1:5555',
    'tcp://127.0.0.1:5555/',
    'udp://127.0.0.1:5555',
  ])('is refused: %s', (address) => {
    expect(parseTcp(address)).toBeUndefined();
    expect(() => checkZeromqAddress(address)).toThrow(
      invalid(
        `over ZeroMQ an address is 'tcp://host:port' (IPv6 as 'tcp://[::1]:port') or 'ipc://path', not`,
      ),
    );
  });

  it.each(['ipc:///tmp/a', 'ipc://@name', 'ipc://*'])('may be a path: %s', (address) => {
    checkZeromqAddress(address);
  });

  it.each([
    'ipc://',
    'ipc:///tmp/a b',
    'ipc:/tmp/a',
    'ipc:///tmp/a\u0007',
    'xipc:///tmp/a',
    5,
    undefined,
    null,
  ])('is no path: %j', (address) => {
    expect(() => checkZeromqAddress(address)).toThrow(invalid('an address is'));
  });

  it('has at most 512 characters, all of which can be printed', () => {
    const path = (length: number) => `ipc://${'p'.repeat(length - 6)}`;
    checkZeromqAddress(path(512));
    expect(() => checkZeromqAddress(path(513))).toThrow(invalid('an address is'));
    expect(() => checkZeromqAddress('ipc:///tmp/\u202e')).toThrow(invalid('an address is'));
  });

  it('is refused with what was meant, where that is to be seen', () => {
    expect(() => checkZeromqAddress('127.0.0.1:5555')).toThrow(
      invalid('; did you mean "tcp://127.0.0.1:5555"?'),
    );
    expect(() => checkZeromqAddress('inproc://name')).toThrow(
      invalid("; within a process use the transport memory(), whose addresses are 'memory://name'"),
    );
    const plain = (address: unknown) => {
      try {
        checkZeromqAddress(address);
      } catch (error) {
        return String(error);
      }
      return '';
    };
    expect(plain('nonsense')).toMatch(/not "nonsense"$/);
    expect(plain(5)).toMatch(/not 5$/);
  });

  it('is of IPv6 in its brackets', () => {
    expect(['tcp://[::1]:1', 'tcp://127.0.0.1:1', 'ipc:///tmp/a'].map(isIpv6)).toEqual([true, false, false]);
  });
});

describe('an address to dial', () => {
  it.each(['tcp://*:5555', 'tcp://127.0.0.1:*', 'tcp://127.0.0.1:0', 'tcp://[::1]:00'])(
    'names one host and port: not %s',
    (address) => {
      checkZeromqAddress(address);
      expect(() => checkDialAddress(address)).toThrow(
        invalid('can be bound but not dialled: it does not name one host and port'),
      );
    },
  );

  it.each(['tcp://127.0.0.1:1', 'tcp://name:5555', 'ipc:///tmp/a'])('may be dialled: %s', (address) => {
    checkDialAddress(address);
  });

  it('is an address', () => {
    expect(() => checkDialAddress('nonsense')).toThrow(invalid('an address is'));
    expect(() => checkDialAddress(undefined)).toThrow(invalid('an address is'));
  });
});

it('a free address is on the host of another, or beside its path', () => {
  expect(freeZeromqAddress()).toBe('tcp://127.0.0.1:*');
  expect(freeZeromqAddress('tcp://[::1]:5555')).toBe('tcp://[::1]:*');
  expect(freeZeromqAddress('ipc://*')).toBe('ipc://*');
  const [one, other] = [freeZeromqAddress('ipc:///tmp/a'), freeZeromqAddress('ipc:///tmp/a')];
  expect(one).toMatch(/^ipc:\/\/\/tmp\/a\.[\w-]{8}$/);
  expect(other).not.toBe(one);
});

describe('what a server advertises', () => {
  it.each([
    // Everywhere is the host at which it was reached.
    ['tcp://0.0.0.0:5556', 'tcp://192.0.2.1:5555', 'tcp://192.0.2.1:5556'],
    ['tcp://*:5556', 'tcp://192.0.2.1:5555', 'tcp://192.0.2.1:5556'],
    ['tcp://[::]:5556', 'tcp://[2001:db8::1]:5555', 'tcp://[2001:db8::1]:5556'],
    ['tcp://0.0.0.0:5556', 'tcp://127.0.0.1:5555', 'tcp://127.0.0.1:5556'],
    // Its own loopback is not the client's, if that is elsewhere.
    ['tcp://127.0.0.1:5556', 'tcp://192.0.2.1:5555', 'tcp://192.0.2.1:5556'],
    ['tcp://127.1.2.3:5556', 'tcp://192.0.2.1:5555', 'tcp://192.0.2.1:5556'],
    ['tcp://LocalHost:5556', 'tcp://name:5555', 'tcp://name:5556'],
    ['tcp://[::1]:5556', 'tcp://name:5555', 'tcp://name:5556'],
    ['tcp://127.0.0.1:5556', 'tcp://localhost:5555', 'tcp://127.0.0.1:5556'],
    ['tcp://localhost:5556', 'tcp://127.0.0.1:5555', 'tcp://localhost:5556'],
    // Anything else is as it says.
    ['tcp://192.0.2.2:5556', 'tcp://192.0.2.1:5555', 'tcp://192.0.2.2:5556'],
    ['tcp://127.example:5556', 'tcp://192.0.2.1:5555', 'tcp://127.example:5556'],
    ['tcp://10.0.0.0:5556', 'tcp://192.0.2.1:5555', 'tcp://10.0.0.0:5556'],
    ['ipc:///tmp/a', 'tcp://192.0.2.1:5555', 'ipc:///tmp/a'],
    ['tcp://0.0.0.0:5556', 'ipc:///tmp/a', 'tcp://0.0.0.0:5556'],
  ])('as %s, when it was reached at %s, is dialled as %s', (advertised, via, expected) => {
    expect(resolveZeromqAddress(advertised, via)).toBe(expected);
  });
});
