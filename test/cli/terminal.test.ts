/** What only a terminal sees, on streams that say that they are one. */
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Interrupted, type Io } from '../../cli/io.ts';
import { Block, Output } from '../../cli/terminal/output.ts';
import { duration, progressLine, toldLine } from '../../cli/terminal/progress.ts';
import { Screen } from '../../cli/terminal/screen.ts';
import { clip, oneLine, styleFor, wrap } from '../../cli/terminal/text.ts';
import { deferred } from '../../src/async/deferred.ts';
import type { Server } from '../../src/cluster/roles/server.ts';
import { startServer } from '../support/tcp-server.ts';
import { within } from '../support/wait.ts';
import { FakeTerminal, onTerminal } from './terminals.ts';

const CLEAR = '\r\u001b[2K';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: what moves the cursor
const UP = /(?=\u001b\[\d+A)/;
const RATE = /^ {2}answered +[\d,]+ {2}[\d,]+\/s$/m;
const UP_AND_RATE = /\u001b\[\d+A.*answered +[\d,]+ {2}[\d,]+\/s\n.*Ctrl-C/s;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: what moves the cursor

const terminal = (argv: readonly string[], env: Io['env'] = {}, isTyped = false) =>
  onTerminal(argv, { FROND_DB: server.dbAddress, ...env }, isTyped);

test('a job shows how far it is, and takes that away again', async () => {
  const { stdin, stderr, ended } = terminal(['job', 'test.upper']);
  stdin.write('one\ntwo\n');
  await within(5_000, new Promise<void>((resolve) => watch(stderr, /2 results/, resolve)), 'progress');
  stdin.end('three\n');
  expect(await ended).toBe(0);
  expect(stderr.text).toMatch(/\d+ results · [\d,]+\/s · /);
  expect(stderr.text.endsWith(CLEAR)).toBe(true);
  expect(stderr.text).not.toContain('\n');
});

test.each([
  [['eval', 'told.slow', 'x'], 'eval'],
  [['map', 'told.slow'], 'map'],
  [['job', 'told.slow'], 'job'],
])('what a function says of how far it is is shown by %s', async (argv) => {
  const heard = deferred<void>();
  await using own = await startServer({
    name: 'told',
    functions: {
      slow: async (payload, { progress }) => {
        progress(1, 4, '\u001b[31mred');
        await heard.promise;
        return payload;
      },
    },
  });
  const { stdin, stderr, ended } = onTerminal(argv, { FROND_DB: own.dbAddress });
  if (argv[0] !== 'eval') stdin.end('x\n');
  await within(5_000, new Promise<void>((resolve) => watch(stderr, /1 of 4/, resolve)), 'progress');
  heard.resolve();
  expect(await ended).toBe(0);
  expect(stderr.text).toContain('[#####---------------] 1 of 4 · 25 % · \\u001b');
  expect(stderr.text.endsWith(CLEAR)).toBe(true);
});

test('lines for what functions say', () => {
  expect(toldLine({ done: 1_234, total: undefined, note: undefined })).toBe('1,234');
  expect(toldLine({ done: 0.5, total: 2, note: '' })).toBe('[#####---------------] 0.5 of 2 · 25 %');
  expect(toldLine({ done: 0, total: 0, note: 'empty' })).toBe(
    '[####################] 0 of 0 · 100 % · empty',
  );
});

test('an interrupted job takes it away too', async () => {
  const { stdin, stderr, ended, interrupts } = terminal(['job', 'test.upper']);
  stdin.write('one\n');
  await within(5_000, new Promise<void>((resolve) => watch(stderr, /1 results/, resolve)), 'progress');
  interrupts.abort(new Interrupted('SIGINT'));
  expect(await ended).toBe(130);
  expect(stderr.text.endsWith(CLEAR)).toBe(true);
});

test('failures are told above it, each on a line of its own', async () => {
  const { stdin, stderr, ended } = terminal(['job', 'test.odd']);
  stdin.end('1\n2\n');
  expect(await ended).toBe(1);
  expect(stderr.text).toContain(`${CLEAR}frond: REMOTE: `);
  expect(stderr.text).toMatch(/frond: FAILED: 1 of 2 results were failures\n$/);
});

test('no status line where the terminal is dumb, or lines are typed', async () => {
  const dumb = terminal(['job', 'test.upper'], { TERM: 'dumb' });
  dumb.stdin.end('one\n');
  expect(await dumb.ended).toBe(0);
  expect(dumb.stderr.text).toBe('');

  const typed = terminal(['job', 'test.upper'], {}, true);
  typed.stdin.end('one\n');
  expect(await typed.ended).toBe(0);
  expect(typed.stderr.text).toBe('frond: type the lines; Ctrl-D ends it\n');
});

test('an answer ends with a newline there, and only one', async () => {
  for (const payload of ['x', 'x\n']) {
    const { stdout, ended } = terminal(['eval', 'test.upper', payload]);
    expect(await ended).toBe(0);
    expect(stdout.text).toBe('X\n');
  }
});

test('the demo has colours there, and fits 80 columns', async () => {
  const { stdout, stderr, ended } = terminal(['demo', '--once']);
  expect(await ended).toBe(0);
  expect(stdout.text).toContain('\u001b[1m');
  expect(stderr.text).toMatch(/of 30,000 results/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what it removes
  const lines = stdout.text.replace(/\u001b\[\d+m/g, '').split('\n');
  for (const line of lines.slice(0, 28)) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('a server that is watched is drawn again in its place', async () => {
  const { stdout, ended, interrupts } = terminal(['inspect', '--watch', '--every', '200'], { NO_COLOR: '1' });
  // A look of which the answer is late, on a busy machine, has no rates.
  await within(20_000, new Promise<void>((resolve) => watch(stdout, UP_AND_RATE, resolve)), 'rates');
  interrupts.abort(new Interrupted('SIGINT'));
  expect(await ended).toBe(130);
  const [first = '', second = ''] = stdout.text.split(UP);
  expect(first.startsWith('\u001b[Jtest: a frond Server, up ')).toBe(true);
  // Up by as many lines as there are, or what was there before would stay.
  expect(second.startsWith(`\u001b[${first.split('\n').length - 1}A\u001b[Jtest: `)).toBe(true);
  expect(stdout.text).toMatch(RATE);
});

test('a block that is higher than the terminal is cut, and a line that is wider counts as several', async () => {
  const screen = Object.assign(new FakeTerminal(), { rows: 4, columns: 10 });
  const output = new Output(screen, new Screen(new PassThrough(), {}), () => {});
  const block = new Block(output, screen);
  await block.draw('1\n2\n3\n4');
  await block.draw('a\nthis is 22 characters..');
  await block.draw('x');
  await output.finish();
  expect(screen.text).toBe(
    '\u001b[J1\n2\n…\n\u001b[3A\u001b[Ja\nthis is 22 characters..\n\u001b[4A\u001b[Jx\n',
  );
});

test.each([
  [{}, true, true],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{}, false, false],
] as const)('colours with %j on a terminal or not (%s): %s', (env, isTTY, expected) => {
  expect(styleFor({ isTTY }, env).strong('x') !== 'x').toBe(expected);
});

test('progress in words', () => {
  expect(progressLine({ results: 12_345, total: undefined, failed: 0 }, 500)).toBe(
    '12,345 results · 24,690/s · 500 ms',
  );
  expect(progressLine({ results: 5, total: 10, failed: 2 }, 2_000)).toBe(
    '5 of 10 results · 2 failed · 3/s · 2.0 s',
  );
  expect([0, 9.96, 61_000, 3_600_000].map(duration)).toEqual(['0.0 ms', '10.0 ms', '1:01', '60:00']);
});

test('text is cut to the width it has on the screen, and steers no terminal', () => {
  expect(clip('abcdef', 6)).toBe('abcdef');
  expect(clip('abcdefg', 6)).toBe('abcde…');
  expect(clip('日本語です', 6)).toBe('日本…');
  expect(clip('e\u0301e\u0301', 2)).toBe('e\u0301e\u0301');
  // Neither half of a character nor half of a family is shown.
  expect(clip('\u{20000}\u{20000}', 3)).toBe('\u{20000}…');
  expect(clip('👨‍👩‍👧👨‍👩‍👧', 3)).toBe('👨‍👩‍👧…');
  expect(clip('abc', 0)).toBe('…');
  expect(oneLine('a\nb\u001b[2Jc\td')).toBe('a b\\u001b[2Jc d');
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('日本語 です', 8)).toEqual(['日本語', 'です']);
});

function watch(stream: FakeTerminal, fits: RegExp, found: () => void): void {
  const look = () => {
    if (!fits.test(stream.text)) return;
    stream.off('data', look);
    found();
  };
  stream.on('data', look);
  look();
}
