/** What a command says when it has to wait, and in whose words its failures are. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/server.ts';
import { contentOf, exitOf, frond, start, until } from './command.ts';
import { expectFailure } from './failure.ts';
import { freeAddress } from './ports.ts';
import { startServer } from './server.ts';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

test('a server that is not there yet is waited for, and that is said once', async () => {
  const dbAddress = await freeAddress();
  const child = start(['eval', 'test.upper', 'x', '--db', dbAddress]);
  child.stdin.end();
  const output = contentOf(child.stdout);
  const said = await until(child.stderr, /waiting for .*\n/);
  expect(said).toBe(`waiting for ${dbAddress}\n`);
  const own = await startServer({ dbAddress });
  expect(await exitOf(child)).toBe(0);
  expect((await output).toString()).toBe('X');
  await own.close();
});

test('a host that cannot be found is named while it is waited for, and with --json in the error alone', async () => {
  const args = ['get', 'key', '--db', 'tcp://nowhere.invalid:5555', '--timeout', '1500'];
  const [plain, json] = await Promise.all([frond(args), frond([...args, '--json'])]);
  expect(plain.stderr).toMatch(
    /^waiting for tcp:\/\/nowhere\.invalid:5555 \(the host of tcp:\/\/nowhere\.invalid:5555 cannot be found: /,
  );
  expect(plain.stderr).toMatch(/^frond: TIMEOUT: .*the host of .* cannot be found/m);
  expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'TIMEOUT' } });
});

test.each<[what: string, args: readonly string[], code: number, error: RegExp]>([
  ['a function', ['eval', 'test.uper', 'x'], 1, /REMOTE: .*has no function "uper"; did you mean "upper"\?\n/],
  ['a server', ['eval', 'other.upper', 'x'], 5, /WRONG_SERVER: .*; check --server and --db\n/],
  [
    'an address',
    ['get', 'key', '--sub', '127.0.0.1:5'],
    2,
    /INVALID_CALL: .*; did you mean "tcp:\/\/127\.0\.0\.1:5"\?\n/,
  ],
  [
    'a very long function',
    ['eval', `test.${'f'.repeat(70_000)}`, 'x'],
    1,
    /^frond: REMOTE: test\.f+….{0,400}\n/,
  ],
])('what was mistyped is told in the words of the command line: %s', async (_what, args, code, error) => {
  expectFailure(await frond(args, { env: { FROND_DB: server.dbAddress } }), code, error);
});
