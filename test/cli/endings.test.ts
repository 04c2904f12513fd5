/** How a built command ends when its input stays open, its output is stuck, or a signal comes at a bad time. */
import { spawn } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interrupted } from '../../cli/io.ts';
import { run } from '../../cli/run.ts';
import type { Server } from '../../src/cluster/roles/server.ts';
import { CLI, contentOf, exitOf, frond, objectsOf, start, until } from '../support/command.ts';
import { startServer } from '../support/tcp-server.ts';
import { within } from '../support/wait.ts';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close({ timeout: 0 }));

const env = (): Record<string, string> => ({ FROND_DB: server.dbAddress });

test.each([
  ['no address', ['eval', 'test.upper'], 2, /^frond: USAGE: the address of the server is missing/],
  ['a bad address', ['set', 'key', '--db', 'nonsense'], 2, /^frond: INVALID_CALL: /],
  ['nobody there', ['eval', 'test.upper', '--db', 'tcp://127.0.0.1:1', '--timeout', '200'], 3, /TIMEOUT/],
  ['nobody there', ['job', 'test.upper', '--db', 'tcp://127.0.0.1:1', '--timeout', '200'], 3, /TIMEOUT/],
] as const)('%s is told while stdin is still open: %j', async (_, args, code, error) => {
  const child = start(args);
  const errors = contentOf(child.stderr);
  expect(await exitOf(child)).toBe(code);
  expect((await errors).toString()).toMatch(error);
});

test('a payload --json behind -- does not make failures JSON', async () => {
  const { code, stderr } = await frond(['eval', 'test.odd', '--', '--json'], { env: env() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const failed = await frond(['eval', 'test.nope', '--', '--json'], { env: env() });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/^frond: REMOTE: /);
  const asJson = await frond(['eval', 'test.nope', '--json', '--', '--json'], { env: env() });
  expect(objectsOf(asJson.stderr)).toMatchObject([{ error: { code: 'REMOTE' } }]);
});

test('SIGINT ends a call that has no answer yet, with 130 and not a word', async () => {
  const own = await startServer();
  const child = start(['eval', 'test.never', 'x', '--verbose'], { FROND_DB: own.dbAddress });
  await until(child.stderr, /connected/);
  const errors = contentOf(child.stderr);
  child.kill('SIGINT');
  expect(await exitOf(child)).toBe(130);
  expect((await errors).toString()).not.toMatch(/error|Interrupted|^\s+at /m);
  await own.close({ timeout: 0 });
});

test('SIGINT ends a command whose last output nobody reads', async () => {
  const interrupts = new AbortController();
  const stuck = new Writable({ write: () => interrupts.abort(new Interrupted('SIGINT')) });
  const stderr = new PassThrough();
  const errors = contentOf(stderr);
  const ended = run({
    argv: ['get', 'name'],
    stdin: new PassThrough(),
    stdout: stuck,
    stderr,
    env: env(),
    signal: interrupts.signal,
    invocation: 'frond',
    version: '1.2.3',
  });
  expect(await within(5_000, ended, 'the command')).toBe(130);
  stderr.end();
  expect((await errors).toString()).toBe('');
});

test('a shell pipe into head ends both, quietly', async () => {
  const line = `yes line | '${process.execPath}' '${CLI}' job test.upper | head -n 3; echo "\${PIPESTATUS[1]}"`;
  const child = spawn('bash', ['-c', line], { env: { ...process.env, ...env() } });
  const errors = contentOf(child.stderr);
  const output = contentOf(child.stdout);
  expect(await exitOf(child)).toBe(0);
  expect((await output).toString()).toBe('LINE\nLINE\nLINE\n0\n');
  expect((await errors).toString()).toBe('');
});

test('--messages beyond what comes is a TIMEOUT, after the results that came', async () => {
  const args = ['job', 'test.upper', '--messages', '5', '--idle-timeout', '2000'];
  const { code, stdout, stderr } = await frond(args, { env: env(), stdin: 'a\nb\n' });
  expect({ code, text: stdout.toString() }).toEqual({ code: 3, text: 'A\nB\n' });
  expect(stderr).toMatch(/^frond: TIMEOUT: .*2 of 5 results came/);
});

test('FROND_SESSION goes in front of keys, and --session before it', async () => {
  const session = { ...env(), FROND_SESSION: 'env-' };
  expect((await frond(['set', 'k', 'v'], { env: session })).code).toBe(0);
  expect(await server.cache.get('env-k')).toBeDefined();
  expect((await frond(['get', 'k', '--session', 'other-'], { env: session })).code).toBe(1);
});
