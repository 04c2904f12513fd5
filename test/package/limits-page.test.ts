/** The page of limits says what is so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { resolveLimits } from '../../transports/relay/session/limits.ts';
import { resolveOptions } from '../../transports/zeromq/options.ts';
import { resolveOptions as resolveZmtpOptions } from '../../transports/zmtp/options.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/guide/limits.md'), 'utf8');

/** The cells of the row for a limit. */
function row(name: string): string[] {
  const lines = page.split('\n').filter((line) => line.startsWith(`| \`${name}\` |`));
  expect(lines, name).toHaveLength(1);
  return (lines[0] ?? '').split('|').map((cell) => cell.trim());
}

it.each(Object.entries(resolveLimits()))(
  'limits.%s is %i by default, and has a row of its own',
  (name, value) => {
    const [, , byDefault, unit, outcome] = row(`limits.${name}`);
    expect(Number(byDefault)).toBe(value);
    expect(unit).not.toBe('');
    expect(outcome).not.toBe('');
  },
);

it('names no limit of the relay that there is not', () => {
  const named = [...page.matchAll(/`limits\.(\w+)`/g)].map((match) => match[1]);
  expect([...new Set(named)].sort()).toEqual(Object.keys(resolveLimits()).sort());
});

it.each(['maxMessageSize', 'maxOwed'] as const)('has the default of %s', (name) => {
  expect(Number(row(name)[2])).toBe(resolveOptions({})[name]);
});

it.each([
  'maxMessageParts',
  'maxTopicBytes',
  'maxTopicBytesTotal',
  'sendHighWaterBytes',
  'sendHighWaterBytesTotal',
  'handshakeTimeout',
  'connectTimeout',
  'busyTimeout',
  'maxPeers',
  'maxPeersPerAddress',
] as const)('has the default of %s of zmtp()', (name) => {
  expect(Number(row(name)[2])).toBe(resolveZmtpOptions({})[name]);
});

it('names no option of zmtp() that there is not', () => {
  const part = page.slice(page.indexOf('### `zmtp()`'), page.indexOf('**What libzmq does not'));
  const named = [...part.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
  expect(named.length).toBeGreaterThan(8);
  expect(Object.keys(resolveZmtpOptions({}))).toEqual(expect.arrayContaining(named));
});

it('names only metrics that the relay has', () => {
  const source = readFileSync(join(root, 'transports/relay/http/metrics.ts'), 'utf8');
  const named = [...page.matchAll(/`([a-z_]+_total|held_bytes|connections|sessions)[`{]/g)].map(
    (match) => match[1],
  );
  expect(named.length).toBeGreaterThan(20);
  for (const name of new Set(named)) expect(source).toContain(`'${name}'`);
});
