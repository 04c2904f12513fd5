import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { curveKeyPair } from 'zeromq';
import type { Server } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { CLI, contentOf, exitOf, frond, objectsOf, start } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

const run = (...args: string[]) => frond(args, { env: { FROND_DB: server.dbAddress } });

const NOBODY = 'tcp://127.0.0.1:1';

test.each([
  ['eval', 'test.upper', 'x'],
  ['job', 'test.upper'],
  ['get', 'key'],
  ['set', 'key', 'value'],
  ['delete', 'key'],
])('a server that is down is a TIMEOUT: %s', async (...args) => {
  const started = performance.now();
  const whole = [...args, '--db', NOBODY, '--timeout', '200'];
  const ended = await (args[0] === 'eval' ? run(...whole) : here(whole));
  expectFailure(
    ended,
    3,
    /^frond: TIMEOUT: no answer from the server at tcp:\/\/127\.0\.0\.1:1 within 200 ms/,
  );
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('a function that never answers is a TIMEOUT', async () => {
  const own = await startServer();
  // Time for a busy machine to find the server: until then another error is due.
  const args = ['eval', 'test.never', 'x', '--timeout', '2000', '--db', own.dbAddress];
  expectFailure(await run(...args), 3, /^frond: TIMEOUT: no answer from test\.never at .* within 2000 ms/);
  // Not drained: what it is at never ends.
  await own.close({ timeout: 0 });
});

test('a server of another name is WRONG_SERVER', async () => {
  const ended = await run('eval', 'other.upper', 'x');
  expectFailure(ended, 5, /^frond: WRONG_SERVER: at tcp:.* is server "test", not "other"/);
  expectFailure(await run('get', 'key', '--server', 'other'), 5, /^frond: WRONG_SERVER: /);
});

test('a function that is missing or fails is REMOTE', async () => {
  expectFailure(await run('eval', 'test.nope', 'x'), 1, /^frond: REMOTE: test\.nope failed: .*no function/);
  expectFailure(await run('eval', 'test.odd', '2'), 1, /^frond: REMOTE: .* RangeError: 2 is even and more\n/);
});

test('a wrong key is FORBIDDEN, and the right one lets in', async () => {
  const keys = curveKeyPair();
  const transport = zeromq({ curveServer: { secretKey: keys.secretKey } });
  await using own = await startServer({ transport });
  const call = (key: string) => run('eval', 'test.upper', 'x', '--db', own.dbAddress, '--server-key', key);
  expect((await call(keys.publicKey)).stdout.toString()).toBe('X');
  expectFailure(await call(curveKeyPair().publicKey), 5, /^frond: FORBIDDEN: /);
  expectFailure(await call('short'), 2, /^frond: INVALID_CALL: --server-key must be 40 characters/);
});

test('--json tells a failure as JSON', async () => {
  const { code, stderr } = await run('eval', 'test.odd', '2', '--json');
  expect(code).toBe(1);
  expect(objectsOf(stderr)).toEqual([
    { error: { code: 'REMOTE', message: expect.stringMatching(/2 is even/), remoteName: 'RangeError' } },
  ]);
  const usage = await run('eval', 'test.odd', '2', '--nope', '--json');
  expect(objectsOf(usage.stderr)).toMatchObject([{ error: { code: 'USAGE', hint: expect.any(String) } }]);
});

const SERVER_IS_DOWN = ['--db', NOBODY, '--timeout', '60000'];

// With a server that is down: what is refused is refused before anything is sent.
test.each([
  [
    ['eval', 'upper', 'x'],
    /INVALID_CALL: the function must be 'server.function' with exactly one dot, not "upper"/,
  ],
  [['eval', 'a.b.c', 'x'], /INVALID_CALL: .* not "a\.b\.c"/],
  [['eval', 'a.b,', 'x'], /INVALID_CALL: stage 1 of the pipeline must be 'server.function'/],
  [['eval', 'a.b c.d', 'x'], /INVALID_CALL: .* not "a\.b c\.d"/],
  [['eval', '', 'x'], /INVALID_CALL: /],
  [
    ['job', 'a.b', '--input', '/nowhere/lines'],
    /INPUT: "\/nowhere\/lines" cannot be read: ENOENT: no such file/,
  ],
  [['get', ''], /INVALID_CALL: a key must be a non-empty string/],
  [['set', '', 'x'], /INVALID_CALL: a key must be a non-empty string/],
  [['set', 'name', 'x'], /INVALID_CALL: key "name" is the server's configuration/],
  [['delete', 'pub_address'], /INVALID_CALL: key "pub_address" is the server's configuration/],
  [['get', 'k', '--session', 'a b'], /INVALID_CALL: session must be a string without spaces/],
  [['get', 'k', '--server', 'a.b'], /INVALID_CALL: --server must be/],
  [['get', 'k', '--push', 'http://x'], /INVALID_CALL: over ZeroMQ an address is 'tcp:\/\/host:port'/],
  [['get', 'k', '--this-config'], /USAGE: --this-config needs --server, --push and --sub/],
] as const)('refused before anything is sent: %j', async (args, error) => {
  expectFailure(await here([...args, ...SERVER_IS_DOWN]), 2, error);
});

test.each(['localhost:5555', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999', 'tcp://*:5555', '5555'])(
  'an address that cannot be dialled is refused: %s',
  async (address) => {
    expectFailure(await here(['get', 'k', '--db', address]), 2, /^frond: INVALID_CALL: .*\n {2}try: /);
  },
);

test('no address at all', async () => {
  expectFailure(
    await here(['get', 'k']),
    2,
    /^frond: USAGE: the address of the server is missing: give --db ADDRESS, or set FROND_DB\n/,
  );
  const empty = await here(['get', 'k'], { env: { FROND_DB: '' } });
  expectFailure(empty, 2, /^frond: USAGE: the address of the server is missing/);
});

test('nobody reads stdout: that is no failure of the command', async () => {
  const child = start(['get', 'name'], { FROND_DB: server.dbAddress });
  child.stdin.end();
  child.stdout.destroy();
  expect(await exitOf(child)).toBe(0);
  expect((await contentOf(child.stderr)).toString()).toBe('');
});

test.skipIf(!existsSync('/dev/full'))('stdout that cannot be written', async () => {
  const child = spawn(process.execPath, [CLI, 'get', 'name', '--db', server.dbAddress], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  });
  const [code, stderr] = await Promise.all([exitOf(child), child.stderr && contentOf(child.stderr)]);
  expect(code).toBe(70);
  expect(stderr?.toString()).toMatch(/^frond: OUTPUT: stdout cannot be written: ENOSPC/);
});
