/** Addresses of zmtp: which are refused, what they stand for, and how what is bound is named. */
import { describe, expect, it } from 'vitest';
import {
  addressAt,
  bindPlaceOf,
  checkZmtpAddress,
  checkZmtpDialAddress,
  placesOf,
} from '../../../../transports/zmtp/address.ts';

const invalid = (message: string) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(message) });
const LONGEST = `ipc:///${'p'.repeat(106)}`;

describe('an address', () => {
  it.each(['tcp://127.0.0.1:5555', 'tcp://[::1]:5555', 'tcp://name:5555', 'ipc:///tmp/a', LONGEST])(
    'may be dialled and bound: %s',
    (address) => {
      checkZmtpAddress(address);
      checkZmtpDialAddress(address);
    },
  );

  it.each(['tcp://*:5555', 'tcp://127.0.0.1:*', 'tcp://127.0.0.1:0', 'ipc://*'])(
    'may be bound and not dialled: %s',
    (address) => {
      checkZmtpAddress(address);
      expect(() => checkZmtpDialAddress(address)).toThrow(invalid('can be bound but not dialled'));
    },
  );

  it.each([undefined, 7, '', 'http://127.0.0.1:80', 'tcp://127.0.0.1', 'memory://name'])(
    'is refused: %j',
    (address) => {
      expect(() => checkZmtpAddress(address)).toThrow(invalid('an address is'));
      expect(() => checkZmtpDialAddress(String(address))).toThrow(invalid('an address is'));
    },
  );

  it('has a path of at most 107 bytes', () => {
    expect(() => checkZmtpAddress(`${LONGEST}p`)).toThrow(invalid('at most 107 bytes'));
    // Bytes, and not characters.
    expect(() => checkZmtpAddress(`ipc:///${'é'.repeat(54)}`)).toThrow(invalid('at most 107 bytes'));
    checkZmtpAddress(`tcp://${'h'.repeat(200)}:1`);
  });
});

describe('the places of an address', () => {
  it.each([
    ['tcp://127.0.0.1:5555', { host: '127.0.0.1', port: 5_555 }],
    ['tcp://[::1]:5555', { host: '::1', port: 5_555 }],
    ['tcp://[fe80::1%eth0]:5555', { host: 'fe80::1%eth0', port: 5_555 }],
    ['ipc:///tmp/a', { path: '/tmp/a' }],
    ['ipc://@name', { path: '\0name' }],
    ['ipc://a@b', { path: 'a@b' }],
  ])('are there without a look-up: %s', async (address, place) => {
    expect(await placesOf(address)).toEqual([place]);
    expect(await bindPlaceOf(address)).toEqual(place);
  });

  it('of a name are all that it has, and it is bound at its IPv4 address', async () => {
    const places = await placesOf('tcp://localhost:5555');
    expect(places).toContainEqual({ host: '127.0.0.1', port: 5_555 });
    for (const place of places) expect(place).toMatchObject({ port: 5_555 });
    expect(await bindPlaceOf('tcp://localhost:5555')).toEqual({ host: '127.0.0.1', port: 5_555 });
  });

  it('of a name that nobody has cannot be found', async () => {
    await expect(placesOf('tcp://name.invalid:5555')).rejects.toThrow();
  });

  it('to bind may be everywhere, at any port, and at any path', async () => {
    expect(await bindPlaceOf('tcp://*:5555')).toEqual({ host: '0.0.0.0', port: 5_555 });
    expect(await bindPlaceOf('tcp://127.0.0.1:*')).toEqual({ host: '127.0.0.1', port: 0 });
    const [one, other] = [await bindPlaceOf('ipc://*'), await bindPlaceOf('ipc://*')];
    expect(one).toEqual({ path: expect.stringMatching(/frond-.+\/socket$/) });
    expect(one).not.toEqual(other);
  });
});

it.each([
  [{ host: '127.0.0.1', port: 5_555 }, 'tcp://127.0.0.1:5555'],
  [{ host: '::', port: 5_555 }, 'tcp://[::]:5555'],
  [{ path: '/tmp/a' }, 'ipc:///tmp/a'],
  [{ path: '\0name' }, 'ipc://@name'],
])('a place is dialled as it was bound: %j', (place, address) => {
  expect(addressAt(place)).toBe(address);
});
