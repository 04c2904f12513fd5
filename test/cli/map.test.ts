import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesLike } from '../../cli/commands/map-input.ts';
import type { Server } from '../../src/cluster/roles/server.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { contentOf, exitOf, type RunOptions, start, until } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { startRawServer } from '../support/raw-server.ts';
import { startServer } from '../support/tcp-server.ts';
import { expectFailure } from './failure.ts';
import { feed, forever } from './feed.ts';
import { startRelay, up } from './relays.ts';

let server: Server;
let directory: string;

beforeAll(async () => {
  server = await startServer({
    functions: {
      upper: (payload) => bytes(textOf(payload).toUpperCase()),
      odd: (payload) => {
        if (Number(textOf(payload)) % 2 === 0) throw new RangeError(`${textOf(payload)} is even`);
        return payload;
      },
      // The later a line comes, the sooner it is done.
      race: async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, 60 - 10 * Number(textOf(payload))));
        return payload;
      },
      size: (payload) => bytes(String(payload.length)),
      double: (payload) => bytes(`${textOf(payload)}\n${textOf(payload)}`),
    },
    concurrency: 8,
  });
  directory = await mkdtemp(join(tmpdir(), 'frond-map-'));
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const map = (args: readonly string[], options: RunOptions = {}) =>
  here(['map', ...args, '--db', server.dbAddress], options);
const out = async (args: readonly string[], options: RunOptions = {}) =>
  (await map(args, options)).stdout.toString();
const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('one line for each line, in order', async () => {
  expect(await map(['test.upper'], { stdin: 'one\n\nthree' })).toMatchObject({
    code: 0,
    stdout: Buffer.from('ONE\n\nTHREE\n'),
    stderr: '',
  });
  expect(await out(['test.race'], { stdin: '0\n1\n2\n3\n' })).toBe('0\n1\n2\n3\n');
  expect(await out(['test.race', '--unordered'], { stdin: '0\n4\n2\n' })).toBe('4\n2\n0\n');
  expect(await out(['test.upper'])).toBe('');
});

test('a failed input ends it, after the results of those before it', async () => {
  const failed = await map(['test.odd'], { stdin: '1\n3\n4\n5\n' });
  expect(failed.stdout.toString()).toBe('1\n3\n');
  expect(failed).toMatchObject({
    code: 1,
    stderr: 'frond: REMOTE: input 2: test.odd failed: RangeError: 4 is even\n',
  });
});

test('--jsonl makes failures lines too, and the exit code says that there were some', async () => {
  const failed = await map(['test.odd', '--jsonl'], { stdin: '1\n2\n3\n' });
  expect(linesOf(failed.stdout.toString())).toEqual([
    { index: 0, status: 'fulfilled', value: { text: '1' } },
    {
      index: 1,
      status: 'rejected',
      error: {
        code: 'REMOTE',
        message: 'input 1: test.odd failed: RangeError: 2 is even',
        remoteName: 'RangeError',
      },
    },
    { index: 2, status: 'fulfilled', value: { text: '3' } },
  ]);
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('1 of 3 inputs failed') });
});

test('a result of more than one line is refused where it would be taken for several', async () => {
  expectFailure(
    await map(['test.double'], { stdin: 'a\n' }),
    2,
    /USAGE: the result of input 0 contains a newline\n {2}try: --json or --jsonl/,
  );
  expect(await out(['test.double', '--json'], { stdin: 'a\n' })).toBe('{"text":"a\\na"}\n');
});

test('what has no answer is sent again, and then a TIMEOUT', async () => {
  const seen: string[] = [];
  await using raw = await startRawServer(zeromq(), 'tcp://127.0.0.1:*', ({ payload }) => {
    seen.push(textOf(payload));
    return seen.length === 1 || textOf(payload) === 'never' ? [] : [payload];
  });
  const args = ['raw.f', '--db', raw.dbAddress, '--timeout', '200', '--retries', '1'];
  expect((await here(['map', ...args], { stdin: 'a\nb\n' })).stdout.toString()).toBe('a\nb\n');
  expect(seen).toEqual(['a', 'b', 'a']);
  const failed = await here(['map', ...args], { stdin: 'never\n' });
  expectFailure(failed, 3, /^frond: TIMEOUT: input 0 \(tried 2 times\): no answer from raw\.f/);
  const late = await here(['map', 'raw.f', '--db', raw.dbAddress, '--deadline', '100'], { stdin: 'never\n' });
  expectFailure(late, 3, /^frond: TIMEOUT: 0 of 1 inputs of raw\.f .* deadline of 100 ms/);
});

test('whole files, by name or by pattern', async () => {
  const folder = await mkdtemp(join(directory, 'files-'));
  await mkdir(join(folder, 'deep/.hidden'), { recursive: true });
  const file = (name: string) => join(folder, name);
  await writeFile(file('a.txt'), 'x'.repeat(10));
  await writeFile(file('b.txt'), '');
  await writeFile(file('deep/c.txt'), 'three\nlines\n\n');
  await writeFile(file('deep/.hidden/d.txt'), 'not seen');
  await writeFile(file('e.md'), '12345');
  expect(await out(['test.size', file('e.md'), file('a.txt')])).toBe('5\n10\n');
  expect(await out(['test.size', '--files', file('**/*.txt'), '--files', file('?.md')])).toBe(
    '10\n0\n13\n5\n',
  );
  expect(await filesLike(file('de*/*'))).toEqual([file('deep/c.txt')]);
  expect(await filesLike(file('**'))).toEqual(['a.txt', 'b.txt', 'deep/c.txt', 'e.md'].map(file));
  expect(await filesLike(file('[a-b].{txt,md}'))).toEqual(['a.txt', 'b.txt'].map(file));
  await writeFile(file('photo (1).jpeg'), '');
  expect(await filesLike(file('photo (1).*'))).toEqual([file('photo (1).jpeg')]);
  expectFailure(await map(['test.size', '--files', file('*.jpg')]), 2, /INPUT: no file matches/);
  expectFailure(await map(['test.size', file('none')]), 2, /INPUT: .*none" cannot be read/);
  expectFailure(
    await map(['test.size', file('a.txt'), '--input', 'x']),
    2,
    /USAGE: --input and files exclude each other/,
  );
});

test('--input reads the lines of a file', async () => {
  const file = join(directory, 'lines.txt');
  await writeFile(file, 'a\nb\n');
  expect(await out(['test.upper', '--input', file], { stdin: 'not this\n' })).toBe('A\nB\n');
});

test('--resume goes on behind the lines that are there, and cuts one that has no end', async () => {
  const file = join(await mkdtemp(join(directory, 'resume-')), 'plain.out');
  const stdin = 'a\nb\nc\nd\n';
  const args = ['test.upper', '--resume', file];
  await map(args, { stdin: 'a\n' });
  await appendFile(file, 'B\nC-is-torn');
  expect(await map(args, { stdin })).toMatchObject({ code: 0, stdout: Buffer.from(''), stderr: '' });
  expect(await readFile(file, 'utf8')).toBe('A\nB\nC\nD\n');
  await map(args, { stdin });
  expect(await readFile(file, 'utf8')).toBe('A\nB\nC\nD\n');
});

test('--resume with --jsonl goes on with what is missing, numbered as in the whole', async () => {
  const file = join(directory, 'numbered.out');
  await writeFile(file, '{"index":2,"status":"fulfilled"}\n{"index":0,"status":"rejected"}\n{"index":3,"sta');
  const args = ['test.odd', '--jsonl', '--resume', file, '--unordered'];
  const failed = await map(args, { stdin: '1\n3\n5\n4\n7\n' });
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('1 of 3 inputs failed') });
  const rows = linesOf(await readFile(file, 'utf8'));
  expect(rows.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4]);
  expect(rows.find(({ index }) => index === 3)?.error.message).toMatch(/^input 3: /);
  expect(rows.find(({ index }) => index === 4)?.value).toEqual({ text: '7' });
});

test('--resume says which input of the whole has failed', async () => {
  const file = join(directory, 'failing.out');
  await writeFile(file, '1\n3\n');
  expectFailure(
    await map(['test.odd', '--resume', file, '--adopt'], { stdin: '1\n3\n5\n6\n' }),
    1,
    /^frond: REMOTE: input 3: test\.odd failed/,
  );
  // What came before it is there.
  expect(await readFile(file, 'utf8')).toBe('1\n3\n5\n');
});

test('--resume refuses what is no output of the same run, and what it cannot write', async () => {
  const file = join(directory, 'other.out');
  await writeFile(file, '{"index":0,"status":"fulfilled"}\nPLAIN\n');
  expectFailure(
    await map(['test.upper', '--jsonl', '--resume', file]),
    2,
    /INPUT: line 2 of ".*other\.out" is not a result/,
  );
  expectFailure(
    await map(['test.upper', '--resume', file, '--unordered']),
    2,
    /USAGE: --resume with --unordered/,
  );
  expectFailure(await map(['test.upper', '--resume', directory]), 2, /INPUT: /);
  expect((await map(['test.upper', '--json', '--jsonl'])).code).toBe(2);
  const nowhere = join(directory, 'none', 'x.out');
  expectFailure(
    await map(['test.upper', '--resume', nowhere], { stdin: 'a\n' }),
    70,
    /OUTPUT: .* cannot be written/,
  );
});

test('a run that is interrupted goes on where it was, and nothing is lost or there twice', async () => {
  const file = join(directory, 'interrupted.out');
  const lines = Array.from({ length: 3_000 }, (_, i) => `line ${i}\n`);
  const args = ['map', 'test.upper', '--resume', file, '--window', '16', '--db', server.dbAddress];
  const child = start(args, {});
  const errors = contentOf(child.stderr);
  await feed(child, lines.slice(0, 2_000));
  const size = () =>
    stat(file).then(
      (stats) => stats.size,
      () => 0,
    );
  while ((await size()) < 500) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGKILL');
  await exitOf(child);
  expect((await errors).toString()).toBe('');
  expect((await here(args, { stdin: lines.join('') })).code).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(lines.join('').toUpperCase());
});

test('a reader that leaves early ends it quietly', async () => {
  const child = start(['map', 'test.upper', '--db', server.dbAddress], {});
  const errors = contentOf(child.stderr);
  const feeding = feed(child, forever('line\n'));
  await until(child.stdout, /LINE\n/);
  child.stdout.destroy();
  expect(await exitOf(child)).toBe(0);
  await feeding;
  expect((await errors).toString()).toBe('');
});

test('through a relay', async () => {
  await using running = startRelay(server.dbAddress, '--allow', 'test.*');
  const { url } = await up(running);
  const mapped = await here(['map', 'test.upper', '--relay', url], { stdin: 'a\nb\n' });
  expect(mapped.stdout.toString()).toBe('A\nB\n');
});
