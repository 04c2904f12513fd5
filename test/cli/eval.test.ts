import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { frond, objectsOf, type RunOptions } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { type RawServer, startRawServer } from '../support/raw-server.ts';
import { BINARY, startServer } from '../support/tcp-server.ts';

let server: Server;
let raw: RawServer;

beforeAll(async () => {
  server = await startServer();
  raw = await startRawServer(zeromq(), 'tcp://127.0.0.1:*', ({ function: path }) =>
    path.startsWith('raw.twice') ? [bytes('one'), bytes('two')] : [bytes(path)],
  );
});

afterAll(async () => {
  await server.close();
  await raw.close();
});

const withServer = (options: RunOptions) => ({ env: { FROND_DB: server.dbAddress }, ...options });
const call = (args: readonly string[], options: RunOptions = {}) =>
  frond(['eval', ...args], withServer(options));
const callHere = (args: readonly string[], options: RunOptions = {}) =>
  here(['eval', ...args], withServer(options));

test('a payload as an argument, the exact answer on stdout', async () => {
  const { code, stdout, stderr } = await call(['test.upper', 'grüße']);
  expect(stdout.toString()).toBe('GRÜSSE');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('bytes from stdin come back unharmed', async () => {
  const { code, stdout } = await call(['test.flip'], { stdin: BINARY });
  expect(code).toBe(0);
  expect(stdout).toEqual(Buffer.from(BINARY.map((byte) => byte ^ 0xff)));
});

test('a megabyte from stdin', async () => {
  const payload = new Uint8Array(1_000_000).fill(0x61);
  const { stdout } = await call(['test.upper'], { stdin: payload });
  expect(stdout.equals(Buffer.alloc(1_000_000, 'A'))).toBe(true);
});

test('an empty argument is an empty payload, and stdin is left alone', async () => {
  const { code, stdout } = await callHere(['test.upper', ''], { stdin: 'not this' });
  expect({ code, text: stdout.toString() }).toEqual({ code: 0, text: '' });
});

test('a payload that begins with a dash goes behind --', async () => {
  const { stdout } = await callHere(['test.upper', '--', '-x']);
  expect(stdout.toString()).toBe('-X');
});

test('--json says text as text and the rest in base64', async () => {
  const asText = await call(['test.upper', 'a"b', '--json']);
  expect(objectsOf(asText.stdout)).toEqual([{ text: 'A"B' }]);
  const asBytes = await call(['test.flip', '--json'], { stdin: BINARY });
  const [{ base64 }] = objectsOf(asBytes.stdout) as [{ base64: string }];
  expect(Buffer.from(base64, 'base64')).toEqual(Buffer.from(BINARY.map((byte) => byte ^ 0xff)));
});

test('several answers are lines', async () => {
  const db = ['--db', raw.dbAddress];
  const { code, stdout } = await callHere(['raw.twice', 'x', '--messages', '2', ...db]);
  expect({ code, text: stdout.toString() }).toEqual({ code: 0, text: 'one\ntwo\n' });
  const asJson = await callHere(['raw.twice', 'x', '--messages', '2', '--json', ...db]);
  expect(objectsOf(asJson.stdout)).toEqual([{ text: 'one' }, { text: 'two' }]);
});

test('functions with commas between them are the stages of a pipeline', async () => {
  const { stdout } = await callHere(['raw.f,second.g,third.h', 'x', '--db', raw.dbAddress]);
  expect(stdout.toString()).toBe('raw.f second.g third.h');
});

test('--cache and the session go along', async () => {
  const options = ['--cache', 'for you', '--session', 'night'];
  expect((await callHere(['test.cache', '', ...options])).stdout.toString()).toBe('for you|night');
  const env = { FROND_DB: server.dbAddress, FROND_SESSION: 'day' };
  expect((await callHere(['test.cache', ''], { env })).stdout.toString()).toBe('|day');
});

test('a zero is an answer, and with --error-sentinel a failure', async () => {
  expect((await callHere(['test.zero', 'x'])).stdout.toString()).toBe('0');
  const { code, stderr } = await callHere(['test.zero', 'x', '--error-sentinel']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^frond: REMOTE: test\.zero answered '0'/);
});

test('--this-config asks the server nothing', async () => {
  const before = raw.requests.length;
  const addresses = ['--db', raw.dbAddress, '--push', raw.pullAddress, '--sub', raw.pubAddress];
  const { code, stdout } = await callHere(['raw.f', 'x', '--this-config', ...addresses]);
  expect({ code, text: stdout.toString() }).toEqual({ code: 0, text: 'raw.f' });
  expect(raw.requests.length).toBe(before);
});

test('--verbose logs on stderr and leaves stdout alone', async () => {
  const { stdout, stderr } = await callHere(['test.upper', 'x', '-v']);
  expect(stdout.toString()).toBe('X');
  expect(stderr).toMatch(/^frond: info: connected server="test"/);
  const asJson = await callHere(['test.upper', 'x', '-v', '--json']);
  expect(objectsOf(asJson.stderr)).toMatchObject([{ log: { level: 'info', server: 'test' } }]);
});
