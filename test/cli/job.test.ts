import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import {
  contentOf,
  exitOf,
  frond,
  objectsOf,
  outputBegins,
  type RunOptions,
  start,
  until,
} from '../support/command.ts';
import { startRawServer } from '../support/raw-server.ts';
import { startServer } from '../support/tcp-server.ts';
import { within } from '../support/wait.ts';
import { feed, feedUntilStalled, forever } from './feed.ts';

/** Results that may lie unread, by default. */
const WINDOW = 1_024;

let server: Server;
let directory: string;

beforeAll(async () => {
  server = await startServer();
  directory = await mkdtemp(join(tmpdir(), 'frond-'));
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const env = () => ({ FROND_DB: server.dbAddress });
const job = (args: readonly string[], options: RunOptions = {}) =>
  frond(['job', ...args], { env: env(), ...options });

test('each line is a payload and each result a line; then it ends', async () => {
  const { code, stdout, stderr } = await job(['test.upper'], { stdin: 'one\n\nthree\nlast without newline' });
  expect(stdout.toString()).toBe('ONE\n\nTHREE\nLAST WITHOUT NEWLINE\n');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('no lines, no results', async () => {
  expect(await job(['test.upper'])).toMatchObject({ code: 0, stderr: '' });
});

test('bytes of a line that are no text arrive as they are', async () => {
  const line = Buffer.from([0xff, 0x00, 0xfe, 0x0d, 0x80]);
  const { stdout } = await job(['test.echo'], { stdin: Buffer.concat([line, bytes('\n')]) });
  expect(stdout).toEqual(Buffer.concat([line, bytes('\n')]));
  const asJson = await job(['test.echo', '--json'], { stdin: Buffer.concat([line, bytes('\ntext\n')]) });
  expect(objectsOf(asJson.stdout)).toEqual([{ base64: line.toString('base64') }, { text: 'text' }]);
});

test('--input reads a file, and stdin is left alone', async () => {
  const file = join(directory, 'lines.txt');
  await writeFile(file, 'from\na file\n');
  const { stdout } = await job(['test.upper', '--input', file], { stdin: 'not this\n' });
  expect(stdout.toString()).toBe('FROM\nA FILE\n');
  expect((await job(['test.upper', '--input', '-'], { stdin: 'this\n' })).stdout.toString()).toBe('THIS\n');
});

test('a line longer than a chunk of the input', async () => {
  const long = 'x'.repeat(300_000);
  const { stdout } = await job(['test.upper'], { stdin: `${long}\nshort\n` });
  expect(stdout.toString()).toBe(`${long.toUpperCase()}\nSHORT\n`);
});

test('an input that fails is told, the job goes on, and the exit code says so', async () => {
  const { code, stdout, stderr } = await job(['test.odd'], { stdin: '1\n2\n3\n4\n5\n' });
  expect(code).toBe(1);
  expect(stdout.toString()).toBe('1\n3\n5\n');
  expect(stderr.split('\n')).toEqual([
    'frond: REMOTE: test.odd failed: RangeError: 2 is even and more',
    'frond: REMOTE: test.odd failed: RangeError: 4 is even and more',
    'frond: FAILED: 2 of 5 results were failures',
    '',
  ]);
  const asJson = await job(['test.odd', '--json'], { stdin: '2\n' });
  expect(objectsOf(asJson.stderr)).toMatchObject([
    { error: { code: 'REMOTE', remoteName: 'RangeError' } },
    { error: { code: 'FAILED' } },
  ]);
});

test('only failures, and the last result a failure', async () => {
  expect(await job(['test.odd'], { stdin: '2\n4\n' })).toMatchObject({ code: 1 });
  expect((await job(['test.odd'], { stdin: '1\n2\n' })).stdout.toString()).toBe('1\n');
});

test('--messages ends it, while the input goes on', async () => {
  const child = start(['job', 'test.upper', '--messages', '2'], env());
  child.stdin.write('a\nb\nc\n');
  expect((await contentOf(child.stdout)).toString()).toBe('A\nB\n');
  expect(await exitOf(child)).toBe(0);
});

test('a server that gives two results for each line, with --messages', async () => {
  await using raw = await startRawServer(zeromq(), 'tcp://127.0.0.1:*', ({ payload }) => [payload, payload]);
  const args = ['raw.f', '--db', raw.dbAddress, '--messages', '4'];
  expect((await job(args, { stdin: 'a\nb\n' })).stdout.toString()).toBe('a\na\nb\nb\n');
});

test('a result that is owed and does not come is a TIMEOUT, after the results that came', async () => {
  await using raw = await startRawServer(zeromq(), 'tcp://127.0.0.1:*', ({ payload }) =>
    payload[0] === 0x62 ? [] : [payload],
  );
  const args = ['raw.f', '--db', raw.dbAddress, '--idle-timeout', '300'];
  const { code, stdout, stderr } = await job(args, { stdin: 'a\nb\nc\n' });
  expect({ code, text: stdout.toString() }).toEqual({ code: 3, text: 'a\nc\n' });
  expect(stderr).toMatch(
    /^frond: TIMEOUT: no further result \(3 sent, 2 results came\) from raw\.f at tcp:\S+ within 300 ms/,
  );
});

test('results are written while the input is still open', async () => {
  const child = start(['job', 'test.upper'], env());
  child.stdin.write('first\n');
  expect(await until(child.stdout, /\n/)).toBe('FIRST\n');
  child.stdin.end();
  expect(await exitOf(child)).toBe(0);
});

test('a server that goes away is DISCONNECTED', async () => {
  const own = await startServer();
  const child = start(['job', 'test.upper'], { FROND_DB: own.dbAddress });
  const errors = contentOf(child.stderr);
  child.stdin.write('first\n');
  await until(child.stdout, /FIRST/);
  child.stdin.write('more\n');
  await until(child.stdout, /MORE/);
  const answered = own.counters.answered;
  await own.close();
  expect(answered).toBe(2);
  expect(await exitOf(child)).toBe(4);
  expect((await errors).toString()).toMatch(/^frond: DISCONNECTED: .*\n {2}try: .*\n$/);
});

test('a reader that leaves early ends it quietly', async () => {
  const child = start(['job', 'test.upper'], env());
  const errors = contentOf(child.stderr);
  const feeding = feed(child, forever('line\n'));
  await until(child.stdout, /LINE\n/);
  child.stdout.destroy();
  expect(await exitOf(child)).toBe(0);
  expect((await errors).toString()).toBe('');
  await within(5_000, feeding, 'the input');
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends it with %i and not a word', async (signal, code) => {
  const child = start(['job', 'test.upper'], env());
  const errors = contentOf(child.stderr);
  const feeding = feed(child, forever('line\n'));
  await until(child.stdout, /LINE\n/);
  child.kill(signal);
  expect(await exitOf(child)).toBe(code);
  expect((await errors).toString()).toBe('');
  await within(5_000, feeding, 'the input');
});

test('SIGINT ends it when nothing goes in and when nobody reads', async () => {
  const idle = start(['job', 'test.upper'], env());
  idle.stdin.write('x\n');
  await until(idle.stdout, /X/);
  idle.kill('SIGINT');
  expect(await exitOf(idle)).toBe(130);

  const stuck = start(['job', 'test.upper'], env());
  stuck.stdin.write('x\n');
  await outputBegins(stuck);
  await feedUntilStalled(stuck, forever(`${'y'.repeat(200)}\n`));
  stuck.kill('SIGINT');
  stuck.stdout.resume();
  expect(await exitOf(stuck)).toBe(130);
});

test('50 000 lines through a reader that stops and goes: the input waits, and nothing is lost', async () => {
  const total = 50_000;
  const filler = ' '.repeat(200);
  const child = start(['job', 'test.echo'], env());
  const lines = function* () {
    for (let number = 0; number < total; number++) yield `${number}${filler}\n`;
  };
  const input = lines();
  child.stdin.write(`${input.next().value}`);
  await outputBegins(child);
  const taken = await feedUntilStalled(child, input);
  expect(taken).toBeGreaterThan(WINDOW);
  expect(taken).toBeLessThan(total / 2);
  const feeding = feed(child, input).then(() => child.stdin.end());
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    // A slow reader: the rest of the process gets its turn after each chunk.
    await new Promise(setImmediate);
  }
  await within(5_000, feeding, 'the input');
  expect(await exitOf(child)).toBe(0);
  const numbers = text.trimEnd().split('\n').map(Number);
  expect(numbers).toEqual(Array.from({ length: total }, (_, index) => index));
});
