/** Where a visitor comes from, as proxies say it. */
import { expect, test } from 'vitest';
import { Proxies } from '../../../../../transports/relay/http/proxies.ts';

const at = (
  trust: ConstructorParameters<typeof Proxies>[0],
  forwarded?: string | string[],
  socket = '10.0.0.1',
) => new Proxies(trust).addressOf({ 'x-forwarded-for': forwarded }, socket);

test('nobody is believed unless it is said', () => {
  expect(at(false, '1.1.1.1')).toBe('10.0.0.1');
  expect(at(0, '1.1.1.1')).toBe('10.0.0.1');
  expect(at([], '1.1.1.1')).toBe('10.0.0.1');
});

test('a number of proxies: what the outermost of them saw', () => {
  for (const one of [true, 1] as const) {
    expect(at(one)).toBe('10.0.0.1');
    expect(at(one, '')).toBe('10.0.0.1');
    expect(at(one, '1.1.1.1')).toBe('1.1.1.1');
    expect(at(one, '6.6.6.6, 1.1.1.1')).toBe('1.1.1.1');
    expect(at(one, ['6.6.6.6', '7.7.7.7 , ::1 '])).toBe('::1');
  }
  expect(at(2, '6.6.6.6, 1.1.1.1, 10.0.0.2')).toBe('1.1.1.1');
  expect(at(3, '1.1.1.1, 10.0.0.2')).toBe('1.1.1.1');
  // A header that came several times is one list.
  expect(at(2, ['1.1.1.1', '2.2.2.2'])).toBe('1.1.1.1');
  // Whoever connects to the relay is such a proxy then.
  for (const [trust, isProxy] of [
    [true, true],
    [2, true],
    [false, false],
    [0, false],
  ] as const)
    expect(new Proxies(trust).has('1.1.1.1')).toBe(isProxy);
});

test('networks: the last address that is not within them, however many there are', () => {
  const inside = ['10.0.0.0/8', '::1', 'fd00::/8'];
  expect(at(inside, '6.6.6.6, 1.1.1.1, 10.9.9.9, fd00::7')).toBe('1.1.1.1');
  expect(at(inside, '10.1.1.1, 10.2.2.2')).toBe('10.1.1.1');
  // Who is not a proxy may write what it likes.
  expect(at(inside, '1.1.1.1', '203.0.113.9')).toBe('203.0.113.9');
  expect(at(inside, '1.1.1.1', '::ffff:10.0.0.1')).toBe('1.1.1.1');
  expect(at(inside, '1.1.1.1', '::1')).toBe('1.1.1.1');
  expect(at(['loopback'], '1.1.1.1', '127.9.9.9')).toBe('1.1.1.1');
  expect(at(['private'], '1.1.1.1, 172.31.0.1', 'fe80::1%eth0')).toBe('1.1.1.1');
  expect(new Proxies(inside).has('10.7.7.7')).toBe(true);
  expect(new Proxies(inside).has('11.7.7.7')).toBe(false);
  expect(new Proxies(inside).has('')).toBe(false);
});

test('ports and brackets are not part of an address, and what is no address ends the walk', () => {
  expect(at(1, '1.1.1.1:5678')).toBe('1.1.1.1');
  expect(at(1, '[2001:db8::1]:5678')).toBe('2001:db8::1');
  expect(at(1, '[2001:db8::1]')).toBe('2001:db8::1');
  expect(at(1, '[2001:db8::1]:5')).toBe('2001:db8::1');
  expect(at(1, '123.210.199.188:56789')).toBe('123.210.199.188');
  expect(at(1, '::ffff:123.210.199.188')).toBe('123.210.199.188');
  expect(at(1, '::FFFF:1.2.3.4')).toBe('1.2.3.4');
  const parts = ['1.1.1.1:5', '[2001:db8::1]', '[2001:db8::1]:5', '::ffff:1.1.1.1'];
  for (const one of parts.flatMap((part) => [`x${part}`, `${part}x`])) expect(at(1, one)).toBe('10.0.0.1');
  for (const one of ['unknown', '_hidden', '1.1.1', '1.1.1.1.1', '<script>', 'x'.repeat(10_000)])
    expect(at(1, one)).toBe('10.0.0.1');
  expect(at(['10.0.0.0/8'], '1.1.1.1, unknown, 10.0.0.2')).toBe('10.0.0.2');
});

test.each([
  [-1],
  [1.5],
  [Number.NaN],
  ['loopback'],
  [{}],
  [['10.0.0.0/33']],
  [['/10.0.0.0/8']],
  [['10.0.0.0/8x']],
  [['10.0.0.0/8/8']],
  [['10.0.0.0/']],
  [[{ toString: () => '10.0.0.0/8' }]],
  [['::/129']],
  [['x']],
  [[1]],
  [['']],
])('is refused: %j', (trust) => {
  expect(() => new Proxies(trust as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining('trustProxy must be') }),
  );
});
