/** `map --resume FILE`: what is not its result is left as it is, and no moment to be killed at loses anything. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readResults } from '../../cli/commands/map-resume.ts';
import { ResultFile } from '../../cli/commands/result-file.ts';
import type { Server } from '../../src/cluster/roles/server.ts';
import { CLI, contentOf, type Ended, exitOf, start } from '../support/command.ts';
import { here } from '../support/in-process.ts';
import { startServer } from '../support/tcp-server.ts';
import { within } from '../support/wait.ts';
import { expectFailure } from './failure.ts';

let server: Server;
let directory: string;
let file: string;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'frond-resume-'));
  file = join(directory, 'out.txt');
  return () => rm(directory, { recursive: true });
});

const INPUT = 'a\nb\nc\nd\n';
const PLAIN = 'A\nB\nC\nD\n';
const row = (index: number, text = 'X') =>
  `${JSON.stringify({ index, status: 'fulfilled', value: { text } })}\n`;

function resume(path: string, args: readonly string[] = [], stdin = INPUT): Promise<Ended> {
  return here(['map', 'test.upper', '--resume', path, '--db', server.dbAddress, ...args], { stdin });
}

/** The names beside the file, without the note. */
async function others(): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => name !== basename(file) && name !== `${basename(file)}.frond-map`);
}

/** Expects `INPUT`, for people or in JSON. */
function expectRefused({ code, stderr }: Ended, why: RegExp): void {
  expect(stderr).toMatch(/^frond: INPUT: |^\{"error":\{"code":"INPUT"/);
  expect(stderr).toMatch(why);
  expect(code).toBe(2);
}

const SOURCE = '#!/bin/sh\necho "precious"\nexit 0';

describe('what is not a result', () => {
  it.each([
    ['a source file', SOURCE],
    ['one with an end of its last line', `${SOURCE}\n`],
    ['one line without end', 'precious'],
    ['ends of lines of Windows', 'one\r\ntwo\r\nthree'],
    ['a byte order mark', '\ufeffone\ntwo'],
    ['a result behind a byte order mark', `\ufeff${row(0)}`],
    ['NUL bytes', 'one\0\ntwo\0\n\0\0\0'],
    ['an end of line alone', '\n'],
    ['JSON of something else', '{"name":"frond"}\n{"name":"other"}\n{"na'],
    ['lines that look like it at first', `${row(0)}${row(1)}precious`],
    ['a line that is broken inside', `${row(0)}{"index":1,"status":"fulf{"index":2}\n`],
    ['a number that is none', '{"index":-1,"status":"fulfilled"}\n'],
    ['a number beyond all', '{"index":9007199254740991,"status":"fulfilled"}\n'],
    ['a long line', 'x'.repeat(3_000_000)],
  ])('is left as it is: %s', async (_, content) => {
    await writeFile(file, content);
    const before = await stat(file);
    for (const args of [[], ['--json'], ['--jsonl'], ['--jsonl', '--unordered'], ['--jsonl', '--adopt']]) {
      expectRefused(await resume(file, args), /the file is unchanged/);
      expect((await readFile(file, 'utf8')) === content).toBe(true);
    }
    expect((await stat(file)).mtimeMs).toBe(before.mtimeMs);
    expect(await readdir(directory)).toEqual([basename(file)]);
  });

  it('is left as it is where it is the result of another map, or in another format', async () => {
    const call = async (fn: string, ...args: string[]) =>
      here(['map', fn, '--resume', file, '--db', server.dbAddress, ...args], { stdin: INPUT });
    expect((await call('test.upper')).code).toBe(0);
    expectFailure(await call('test.flip'), 2, /INPUT: .* holds results of "test\.upper", not of this run/);
    expectFailure(await call('test.upper', '--jsonl'), 2, /INPUT: .* holds results of "test\.upper"/);
    expectRefused(await call('test.upper', '--json', '--adopt'), /holds results of/);
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
  });

  it('is left as it is where it has more results than there are inputs', async () => {
    await resume(file);
    expectFailure(
      await resume(file, [], 'a\n'),
      2,
      /INPUT: .* holds results of 4 inputs, but this run has 1/,
    );
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
    const rows = row(0) + row(7);
    await writeFile(join(directory, 'rows'), rows);
    expectFailure(
      await resume(join(directory, 'rows'), ['--jsonl'], 'a\n'),
      2,
      /INPUT: .* holds results of 8 inputs/,
    );
    expect(await readFile(join(directory, 'rows'), 'utf8')).toBe(rows);
  });

  it('is left as it is where the server is not there, or the input is not', async () => {
    const content = `${row(0)}{"index":1,"sta`;
    await writeFile(file, content);
    const nobody = ['--jsonl', '--db', 'tcp://127.0.0.1:1', '--timeout', '100'];
    expect((await resume(file, nobody)).code).toBe(3);
    expect((await resume(file, ['--jsonl', '--input', join(directory, 'none')])).code).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(content);
    expect(await readdir(directory)).toEqual([basename(file)]);
  });

  it('is refused where it is no file: folders, devices, sockets and pipes', async () => {
    await mkdir(file);
    for (const path of [directory, file, `${directory}/`, '/dev/null', '/dev/zero', '/dev/full'])
      expectFailure(await resume(path), 2, /INPUT: .* is not a regular file/);
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expectFailure(await within(5_000, resume(pipe)), 2, /INPUT: .* is not a regular file/);
    expectFailure(await resume(join(directory, 'a\0b')), 2, /INPUT: /);
  });

  it('is refused where it is read-only, or its folder is not there', async () => {
    await resume(file, [], 'a\n');
    await chmod(file, 0o444);
    expectFailure(await resume(file), 70, /OUTPUT: ".*out\.txt" cannot be written: it is read-only/);
    expect(await readFile(file, 'utf8')).toBe('A\n');
    expectFailure(await resume(join(directory, 'none', 'x')), 70, /OUTPUT: .* cannot be written: ENOENT/);
  });

  it('is refused where it is a link to nothing', async () => {
    await symlink(join(directory, 'none'), file);
    expectFailure(await resume(file), 2, /INPUT: .* is a link to a file that is not there/);
    expect(await readdir(directory)).toEqual([basename(file)]);
  });

  it('is refused where the note is not one', async () => {
    await resume(file, [], 'a\n');
    for (const note of ['precious', '{"map":{"function":1}}', '[]', 'null', 'x'.repeat(2_000_000)]) {
      await writeFile(`${file}.frond-map`, note);
      expectFailure(await resume(file), 2, /INPUT: ".*\.frond-map" is not a note of frond map/);
      expect(await readFile(`${file}.frond-map`, 'utf8')).toBe(note);
    }
    expect(await readFile(file, 'utf8')).toBe('A\n');
  });

  it('is told soon, and with little memory, however large it is', async () => {
    await writeFile(file, '');
    await truncate(file, 2 ** 40).catch(() => truncate(file, 2 ** 32));
    await expect(within(2_000, readResults(file, 'jsonl'))).rejects.toMatchObject({ code: 'INPUT' });
    await truncate(file, 512 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    expect(await readResults(file, 'plain')).toMatchObject({ whole: 0, size: 512 * 1024 * 1024 });
    clearInterval(timer);
    expect(most - before).toBeLessThan(128 * 1024 * 1024);
  });
});

describe('what is a result', () => {
  it('is gone on with, and half a line redone', async () => {
    await resume(file, [], 'a\nb\n');
    const handle = await open(file, 'a');
    await handle.writeFile('half');
    await handle.close();
    expect(await resume(file)).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
    expect(await others()).toEqual([]);
  });

  it('is not written before there is a result more', async () => {
    await resume(file);
    await writeFile(file, `${PLAIN}half`);
    const before = await stat(file);
    expect((await resume(file)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(`${PLAIN}half`);
    expect((await stat(file)).ino).toBe(before.ino);
    expect((await resume(file, [], `${INPUT}e\n`)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(`${PLAIN}E\n`);
  });

  it('is taken for one without the note in JSON, and else where --adopt says so', async () => {
    await writeFile(file, `${row(0, 'A')}${row(2, 'C')}{"index":`);
    expect((await resume(file, ['--jsonl'])).code).toBe(0);
    expect((await readResults(file, 'jsonl')).done).toMatchObject({ count: 4, end: 4 });
    const json = join(directory, 'json');
    await writeFile(json, '{"text":"A"}\n{"base64":"Qg=="}\n{"te');
    expect((await resume(json, ['--json'])).code).toBe(0);
    expect(await readFile(json, 'utf8')).toBe(
      '{"text":"A"}\n{"base64":"Qg=="}\n{"text":"C"}\n{"text":"D"}\n',
    );
    const plain = join(directory, 'plain');
    await writeFile(plain, 'A\nB\nhal');
    expectFailure(await resume(plain), 2, /INPUT: .* no note beside it says .*\n {2}try: .* --adopt/);
    expect((await resume(plain, ['--adopt'])).code).toBe(0);
    expect(await readFile(plain, 'utf8')).toBe(PLAIN);
    expect((await resume(plain, [], `${INPUT}e\n`)).code).toBe(0);
    expectFailure(
      await here(['map', 'test.upper', '--adopt'], { stdin: '' }),
      2,
      /USAGE: --adopt needs --resume FILE/,
    );
  });

  it('keeps its permissions, its links, and what others have open', async () => {
    const target = join(directory, 'target');
    await resume(target, [], 'a\n');
    await writeFile(target, 'A\nhal');
    await chmod(target, 0o640);
    await symlink(target, file);
    const second = join(directory, 'second');
    await link(target, second);
    expect((await resume(file)).code).toBe(0);
    expect(await readFile(target, 'utf8')).toBe(PLAIN);
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    // The other name has what was there, as it was.
    expect(await readFile(second, 'utf8')).toBe('A\nhal');
  });

  it('may be an empty file that is there already', async () => {
    await writeFile(file, '', { mode: 0o600 });
    expect((await resume(file)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('may have lines of any length, and numbers of any size', async () => {
    const long = row(1, 'x'.repeat(3_000_000));
    await writeFile(file, `${row(5_000_000)}${long}${row(0)}${row(0)}`);
    const { done, whole, size } = await readResults(file, 'jsonl');
    expect(done).toMatchObject({ count: 3, end: 5_000_001 });
    expect([0, 1, 2, 4_999_999, 5_000_000].map((index) => done.has(index))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(whole).toBe(size);
  });

  it('is left alone where something else writes it meanwhile', async () => {
    await resume(file, [], 'a\n');
    const run = { function: 'test.upper', format: 'plain' } as const;
    for (const content of ['A\nhalf', 'A\n']) {
      await writeFile(file, content);
      const results = await ResultFile.open(file, run, false);
      const stream = results.stream();
      await writeFile(file, `${content}of another\n`);
      const failed = new Promise((resolve) => stream.once('error', resolve));
      stream.write('B\n');
      expect(await within(5_000, failed)).toMatchObject({ code: 'OUTPUT' });
      await results.close();
      expect(await readFile(file, 'utf8')).toBe(`${content}of another\n`);
    }
    const fresh = await ResultFile.open(join(directory, 'new'), run, false);
    await writeFile(join(directory, 'new'), 'of another\n');
    const stream = fresh.stream();
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.write('B\n');
    expect(await within(5_000, failed)).toMatchObject({ code: 'EEXIST' });
    await fresh.close();
    expect(await readFile(join(directory, 'new'), 'utf8')).toBe('of another\n');
    expect(await others()).toEqual(['new', 'new.frond-map']);
  });

  it('has nothing beside it that a run left which was killed', async () => {
    await resume(file, [], 'a\n');
    await writeFile(`${file}.frond-map-unfinished`, 'half of a copy');
    await writeFile(`${file}.frond-map.frond-map-unfinished`, 'half of a note');
    expect((await resume(file)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
    expect(await others()).toEqual([]);
  });

  it('does not follow what lies where it writes beside', async () => {
    await resume(file, [], 'a\n');
    await writeFile(file, 'A\nhal');
    const precious = join(directory, 'precious');
    await writeFile(precious, 'precious');
    await symlink(precious, `${file}.frond-map-unfinished`);
    await rm(`${file}.frond-map`);
    await symlink(precious, `${file}.frond-map.frond-map-unfinished`);
    expect((await resume(file, ['--adopt'])).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(PLAIN);
    expect(await readFile(precious, 'utf8')).toBe('precious');
    expect(await others()).toEqual(['precious']);
  });
});

describe.skipIf(process.platform === 'win32')('a process', () => {
  const LINES = 2_000;
  const inputs = Array.from({ length: LINES }, (_, i) => `line ${i} ${'x'.repeat(1_000)}\n`);
  const whole = inputs.join('').toUpperCase();

  it('that has no room to write leaves what was there, and goes on when there is', async () => {
    await resume(file, [], inputs.slice(0, 1_000).join(''));
    await writeFile(file, `${whole.slice(0, 1_000_000)}`);
    const old = await readFile(file, 'utf8');
    const input = join(directory, 'input');
    await writeFile(input, inputs.join(''));
    const args = ['map', 'test.upper', '--resume', file, '--input', input, '--db', server.dbAddress];
    // Files of less than there is, and a signal ignored that would end the process instead.
    const script = 'trap "" XFSZ; ulimit -f 900; exec "$0" "$@"';
    const child = spawn('bash', ['-c', script, process.execPath, CLI, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [code, stderr] = await Promise.all([exitOf(child), contentOf(child.stderr)]);
    expect({ code, stderr: stderr.toString() }).toMatchObject({
      code: 70,
      stderr: expect.stringMatching(/OUTPUT: ".*" cannot be written: /),
    });
    expect((await readFile(file, 'utf8')) === old).toBe(true);
    expect(await others()).toEqual(['input']);
    expect((await here(args)).code).toBe(0);
    expect((await readFile(file, 'utf8')) === whole).toBe(true);
  });

  it('that is killed at any moment leaves the old file or one to go on with', {
    timeout: 60_000,
  }, async () => {
    const input = join(directory, 'input');
    await writeFile(input, inputs.join(''));
    const args = ['map', 'test.upper', '--resume', file, '--input', input, '--db', server.dbAddress];
    await resume(file, [], inputs.slice(0, 10).join(''));
    let kills = 0;
    for (let round = 0; round < 12; round++) {
      // Half a line is at the end each time, so that each begins with a copy.
      const before = `${await readFile(file, 'utf8')}half a li`;
      await writeFile(file, before);
      // A few at a time, so that it is not over before it is killed.
      const child = start([...args, '--window', '2']);
      child.stdin.end();
      const gone = exitOf(child);
      await Promise.race([gone, waitForChange(file, before, round * 3)]);
      kills += child.kill('SIGKILL') ? 1 : 0;
      await gone;
      const after = await readFile(file, 'utf8');
      const kept = before.slice(0, before.lastIndexOf('\n') + 1);
      expect(after === before || (after.startsWith(kept) && whole.startsWith(after))).toBe(true);
      // Whole lines of it, and not all, or the next would have nothing to do.
      const lines = (after === before ? kept : after).split('\n').slice(0, -1);
      const rest = lines.slice(0, Math.max(10, Math.floor(lines.length / 2)));
      await writeFile(file, `${rest.join('\n')}\n`);
    }
    expect(kills).toBeGreaterThan(3);
    expect((await here(args)).code).toBe(0);
    expect((await readFile(file, 'utf8')) === whole).toBe(true);
    expect(await others()).toEqual(['input']);
  });
});

/** Resolves some turns of events after anything beside a file, or the file itself, has changed. */
async function waitForChange(path: string, content: string, turns: number): Promise<void> {
  const folder = join(path, '..');
  const names = (await readdir(folder)).join();
  const { ino } = await stat(path);
  for (let looks = 0; looks < 2_000; looks++) {
    const now = await stat(path).catch(() => undefined);
    if (
      (await readdir(folder)).join() !== names ||
      now?.ino !== ino ||
      now.size !== Buffer.byteLength(content)
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
