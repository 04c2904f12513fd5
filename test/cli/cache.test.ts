import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/roles/server.ts';
import { textOf } from '../support/bytes.ts';
import { frond, objectsOf, type RunOptions } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { BINARY, startServer } from '../support/tcp-server.ts';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

const withServer = (options: RunOptions) => ({ env: { FROND_DB: server.dbAddress }, ...options });
const run = (args: readonly string[], options: RunOptions = {}) => frond(args, withServer(options));
const runHere = (args: readonly string[], options: RunOptions = {}) => here(args, withServer(options));

test('set, get and delete', async () => {
  const set = await run(['set', 'motto', 'festina lente']);
  expect({ code: set.code, text: set.stdout.toString(), stderr: set.stderr }).toEqual({
    code: 0,
    text: 'motto\n',
    stderr: '',
  });
  const get = await run(['get', 'motto']);
  expect({ code: get.code, text: get.stdout.toString() }).toEqual({ code: 0, text: 'festina lente' });
  const gone = await run(['delete', 'motto']);
  expect({ code: gone.code, text: gone.stdout.toString(), stderr: gone.stderr }).toEqual({
    code: 0,
    text: '',
    stderr: '',
  });
  expect(await server.cache.get('motto')).toBeUndefined();
});

test('bytes from stdin come back unharmed', async () => {
  await run(['set', 'blob'], { stdin: BINARY });
  expect(await server.cache.get('blob')).toEqual(BINARY);
  expect((await run(['get', 'blob'])).stdout).toEqual(Buffer.from(BINARY));
  const asJson = await run(['get', 'blob', '--json']);
  expect(objectsOf(asJson.stdout)).toEqual([{ base64: Buffer.from(BINARY).toString('base64') }]);
});

test('an empty value is no missing key', async () => {
  await runHere(['set', 'empty', '']);
  const { code, stdout } = await runHere(['get', 'empty', '--json']);
  expect({ code, out: objectsOf(stdout) }).toEqual({ code: 0, out: [{ text: '' }] });
});

test('--random-key makes a key and prints it', async () => {
  const { stdout } = await runHere(['set', '--random-key', 'value']);
  const key = stdout.toString().trimEnd();
  expect(key).toMatch(/^[\w-]{21}$/);
  expect(textOf((await server.cache.get(key)) ?? new Uint8Array())).toBe('value');
  const asJson = await runHere(['set', '--random-key', '--json'], { stdin: 'value' });
  expect(objectsOf(asJson.stdout)).toEqual([{ key: expect.stringMatching(/^[\w-]{21}$/) }]);
});

test('a session goes in front of every key', async () => {
  const session = ['--session', 'mine'];
  expect((await runHere(['set', 'key', 'v', ...session])).stdout.toString()).toBe('minekey\n');
  expect(await server.cache.get('minekey')).toBeDefined();
  expect((await runHere(['get', 'key', ...session])).stdout.toString()).toBe('v');
  expect((await runHere(['delete', 'key', ...session])).code).toBe(0);
  expect(await server.cache.get('minekey')).toBeUndefined();
});

test('a missing key is exit code 1, and says so', async () => {
  const get = await run(['get', 'nothing']);
  expect(get).toMatchObject({ code: 1, stderr: 'frond: MISSING: there is no key "nothing"\n' });
  expect(get.stdout.length).toBe(0);
  expect(await run(['delete', 'nothing'])).toMatchObject({
    code: 1,
    stderr: 'frond: MISSING: there is no key "nothing"\n',
  });
  expect(objectsOf((await run(['get', 'nothing', '--json'])).stderr)).toMatchObject([
    { error: { code: 'MISSING' } },
  ]);
});

test('delete --json says whether it was there', async () => {
  await runHere(['set', 'once', 'x']);
  const first = await runHere(['delete', 'once', '--json']);
  expect({ code: first.code, out: objectsOf(first.stdout) }).toEqual({ code: 0, out: [{ deleted: true }] });
  const second = await runHere(['delete', 'once', '--json']);
  expect({ code: second.code, out: objectsOf(second.stdout) }).toEqual({
    code: 1,
    out: [{ deleted: false }],
  });
});

test("the server's own keys can be read and not written", async () => {
  expect((await runHere(['get', 'name'])).stdout.toString()).toBe('test');
  for (const args of [
    ['set', 'name', 'x'],
    ['delete', 'pull_address'],
    ['set', 'frond_x', 'x'],
  ]) {
    const { code, stderr } = await runHere(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^frond: INVALID_CALL: key ".*" is the server's configuration/);
  }
});

test('a session cannot make a key into one of those', async () => {
  const { code } = await runHere(['set', 'ame', 'x', '--session', 'n']);
  expect(code).toBe(2);
});
