import { expect, test } from 'vitest';
import { type Command, parseOptions, specOf } from '../../cli/command.ts';
import { COMMANDS, loadCommand } from '../../cli/commands/index.ts';
import { EXIT_CODES, exitCodeOf } from '../../cli/errors.ts';
import { commandHelp, generalHelp } from '../../cli/help.ts';
import { invocationOf } from '../../cli/io.ts';
import { OPTIONS } from '../../cli/options.ts';
import type { PalmErrorCode } from '../../src/protocol/errors.ts';
import { nearest } from '../../src/protocol/nearest.ts';
import { frond } from '../support/command.ts';
import { here } from '../support/in-process.ts';

/** What a command line that calls nobody says. */
async function told(argv: readonly string[]) {
  const { code, stdout, stderr } = await here(argv);
  return { code, stdout: stdout.toString(), stderr };
}

const commands = await Promise.all(COMMANDS.map(loadCommand));

function commandNamed(name: string): Command {
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new Error(`no command ${name}`);
  return command;
}

test('frond --help names every command, exit code and environment variable', async () => {
  const { code, stdout } = await told(['--help']);
  expect(code).toBe(0);
  for (const { name, summary } of COMMANDS)
    expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, 'm'));
  for (const { exit, codes } of EXIT_CODES) {
    expect(stdout).toMatch(new RegExp(`^ {2}${exit} `, 'm'));
    for (const one of codes) expect(stdout).toContain(one);
  }
  for (const spec of Object.values(OPTIONS)) if ('env' in spec) expect(stdout).toContain(spec.env);
  expect(await told(['-h'])).toEqual({ code, stdout, stderr: '' });
  expect(await told(['help'])).toEqual({ code, stdout, stderr: '' });
});

test.each(commands)('frond $name --help names every option that the parser takes', async (command) => {
  const { code, stdout } = await told([command.name, '--help']);
  expect(code).toBe(0);
  const described = [...stdout.matchAll(/^ {2}(?:-\w, )?--([\w-]+)/gm)].map(([, name]) => name);
  expect(described).toEqual(command.options);
  for (const name of command.options) {
    const { kind, value } = specOf(command, name);
    const given = kind === 'flag' ? [`--${name}`] : [`--${name}`, '5'];
    expect(() => parseOptions(command, given, {})).not.toThrow();
    expect(value === undefined).toBe(kind === 'flag');
  }
  expect(stdout).toContain(`Usage: frond ${command.name}`);
  expect(command.examples.length).toBeGreaterThanOrEqual(2);
  expect((await told(['help', command.name])).stdout).toBe(stdout);
});

test('help fits 80 columns and stands before the other arguments', async () => {
  for (const text of [generalHelp(COMMANDS), ...commands.map(commandHelp)])
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  expect((await told(['get', '--help', 'too', 'many'])).code).toBe(0);
});

test('the built command has its version and its help', async () => {
  expect((await frond(['--version'])).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await frond(['--help'])).stdout.toString()).toBe(`${generalHelp(COMMANDS)}\n`);
});

test.each([
  [['evla', 'a.b'], 'there is no command "evla"; did you mean eval?', 'see frond --help'],
  [['zzz'], 'there is no command "zzz"', 'see frond --help'],
  [['--json', 'get'], 'the first argument must be a command, not "--json"', 'see frond --help'],
  [
    ['get', 'k', '--tiemout', '5'],
    'frond get has no option --tiemout; did you mean --timeout?',
    'frond get --help',
  ],
  [['get', 'k', '--mess=1'], 'frond get has no option --mess', 'frond get --help'],
  [
    ['eval', 'a.b', '--mess', '1'],
    'frond eval has no option --mess; did you mean --messages?',
    'frond eval --help',
  ],
  [['get', 'k', '-x'], 'frond get has no option -x', 'frond get --help'],
  [['get', 'k', '--window', '5'], 'frond get has no option --window', 'frond get --help'],
  [['get'], 'an argument is missing: frond get KEY', 'see frond get --help'],
  [
    ['get', 'a', 'b'],
    '"b" is one argument too many: frond get KEY (quote an argument with spaces)',
    'frond get --help',
  ],
  [['set'], 'frond set needs KEY, or --random-key for a new random key', 'see frond set --help'],
  [
    ['set', '--random-key', 'a', 'b'],
    'with --random-key, frond set takes VALUE but no KEY',
    'frond set --help',
  ],
  [['get', 'k', '--db'], '--db needs a value: --db ADDRESS', 'see frond get --help'],
  [['get', 'k', '--db', '--verbose'], '--db needs a value: --db ADDRESS', 'see frond get --help'],
  [['get', 'k', '--json=yes'], '--json takes no value', 'see frond get --help'],
  ...['0', '-1', '1.5', 'x', '', '1e3'].map(
    (value) =>
      [
        ['eval', 'a.b', `--messages=${value}`],
        `--messages must be a whole number of at least 1, not "${value}"`,
        'see frond eval --help',
      ] as const,
  ),
  [
    ['get', 'k', '--timeout', '0'],
    '--timeout must be a whole number of milliseconds, at least 1, or inf for no limit, not "0"',
    'see frond get --help',
  ],
] as const)('%j', async (argv, message, hint) => {
  const { code, stdout, stderr } = await told(argv);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const [first, second] = stderr.split('\n');
  expect(first).toBe(`frond: USAGE: ${message}`);
  expect(second).toMatch(/^ {2}try: /);
  expect(second).toContain(hint);
});

test('no command at all prints the help, on stderr', async () => {
  const { code, stdout, stderr } = await told([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(generalHelp(COMMANDS));
});

test('options: the last counts, the environment where there is none, and nothing behind --', () => {
  const get = commandNamed('get');
  const env = { FROND_DB: 'tcp://env:1', FROND_SESSION: '' };
  const given = parseOptions(get, ['--db', 'tcp://a:1', 'k', '--db=tcp://b:2', '--timeout', 'inf'], env);
  expect(given.options.text('db')).toBe('tcp://b:2');
  expect(given.options.number('timeout')).toBe(Number.POSITIVE_INFINITY);
  expect(given.options.text('session')).toBeUndefined();
  const left = parseOptions(get, ['--', '--db', '-x'], env);
  expect(left.options.text('db')).toBe('tcp://env:1');
  expect(left.positionals).toEqual(['--db', '-x']);
  expect(parseOptions(commandNamed('demo'), [], env).options.text('db')).toBeUndefined();
});

test('options that are taken several times, and whether the command line itself has one', () => {
  const relay = commandNamed('relay');
  const argv = ['--server', 'a=tcp://a:1', '--allow', 'a.x', '--server=b=tcp://b:1', '--cache', 'read'];
  const { options } = parseOptions(relay, argv, { FROND_DB: 'tcp://env:1' });
  expect(options.texts('server')).toEqual(['a=tcp://a:1', 'b=tcp://b:1']);
  expect(options.texts('allow')).toEqual(['a.x']);
  expect(options.texts('origin')).toEqual([]);
  expect(options.text('cache')).toBe('read');
  expect(() => parseOptions(relay, ['--allow'], {})).toThrow(/^--allow needs a value: --allow PATTERN$/);
  const { options: get } = parseOptions(commandNamed('get'), ['--server', 'a'], { FROND_DB: 'tcp://env:1' });
  expect([get.isGiven('server'), get.isGiven('db'), get.isGiven('token')]).toEqual([true, false, false]);
  expect(get.text('db')).toBe('tcp://env:1');
});

test('every code of PalmError has its exit code', () => {
  const expected: Readonly<Record<PalmErrorCode, number>> = {
    REMOTE: 1,
    INVALID_CALL: 2,
    TIMEOUT: 3,
    DISCONNECTED: 4,
    CLOSED: 4,
    LOST: 4,
    CANCELLED: 4,
    WRONG_SERVER: 5,
    FORBIDDEN: 5,
    PROTOCOL: 6,
    TOO_LARGE: 6,
  };
  for (const [code, exit] of Object.entries(expected)) expect(exitCodeOf(code as PalmErrorCode)).toBe(exit);
});

test('the nearest word, if any is near', () => {
  const words = ['eval', 'job', 'get', 'set', 'delete', 'demo'];
  expect(nearest('evla', words)).toBe('eval');
  expect(nearest('jbo', words)).toBe('job');
  expect(nearest('DELETE', words)).toBe('delete');
  expect(nearest('del', words)).toBe('delete');
  expect(nearest('de', words)).toBeUndefined();
  expect(nearest('relay', words)).toBeUndefined();
  expect(nearest('', words)).toBeUndefined();
});

test('lines to paste call the command as it was called', () => {
  expect(invocationOf('/usr/bin/frond', '/home', {})).toBe('frond');
  expect(invocationOf('/p/node_modules/.bin/frond', '/p', { npm_command: 'exec' })).toBe('npx frond');
  expect(invocationOf('/p/dist/node/cli.js', '/p', {})).toBe('node dist/node/cli.js');
  expect(invocationOf('/p/dist/cli.js', '/q', {})).toBe('node /p/dist/cli.js');
  expect(invocationOf("/p/it's here/cli.js", '/p', {})).toBe("node 'it'\\''s here/cli.js'");
});
