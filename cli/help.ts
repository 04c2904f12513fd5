/** What `--help` prints. */
import { type Command, type Example, specOf } from './command.ts';
import { EXIT_CODES } from './errors.ts';
import type { OptionName } from './options.ts';
import { wrap } from './terminal/text.ts';

const WIDTH = 80;

const EXAMPLES: readonly Example[] = [
  { line: 'frond demo', does: 'a cluster to play with, and a page to do it in' },
  { line: 'export FROND_DB=tcp://127.0.0.1:5555', does: 'where your server is' },
  { line: "frond eval server.function 'hello'", does: 'one call' },
  { line: 'frond job server.function < lines.txt > results.txt', does: 'a call for every line' },
  { line: "frond set motto 'festina lente' && frond get motto", does: 'a shared key' },
  { line: 'frond serve greeter.mjs', does: 'a server of your own' },
  { line: "frond relay --server demo=$FROND_DB --allow 'demo.*'", does: 'a way in for pages' },
  { line: 'frond inspect --watch', does: 'how a server is doing' },
];

/** `frond --help`. */
export function generalHelp(commands: readonly Command[]): string {
  return sections([
    ['frond: call and serve functions on PALM clusters (pylm), stream jobs, share keys'],
    ['Usage: frond COMMAND [ARGUMENTS] [OPTIONS]'],
    ['Commands:', ...columns(commands.map(({ name, summary }) => [name, summary] as const))],
    ['Examples:', ...examples(EXAMPLES)],
    [
      'Environment:',
      ...columns([
        ['FROND_DB', 'address of the server, where --db is not given'],
        ['FROND_RELAY', 'URL of the relay, where --relay is not given'],
        ['FROND_TOKEN', 'token for the relay, where --token is not given'],
        ['FROND_SESSION', 'session, where --session is not given'],
        ['FROND_SECRET_KEY', 'secret key of a server, where --secret-key is not given'],
        ['NO_COLOR', 'set to anything: no colours'],
      ]),
    ],
    ['Exit codes:', ...columns(exitRows())],
    ['frond COMMAND --help says more.'],
  ]);
}

/** `frond COMMAND --help`. */
export function commandHelp(command: Command): string {
  const { name, summary, synopsis, about, options } = command;
  const usage = synopsis.map(
    (one, index) => `${index === 0 ? 'Usage:' : '      '} frond ${name} ${one} [OPTIONS]`,
  );
  return sections([
    [`frond ${name}: ${summary}`],
    usage,
    ...about.map((paragraph) => wrap(paragraph, WIDTH)),
    ['Options:', ...columns(options.map((option) => optionRow(command, option)))],
    ['Examples:', ...examples(command.examples)],
    ['Exit codes: 0 when all went well; frond --help lists the others.'],
  ]);
}

function sections(parts: readonly (readonly string[])[]): string {
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

function optionRow(command: Command, name: OptionName): readonly [string, string] {
  const { short, value, help, env, default: standard } = specOf(command, name);
  const notes = [
    ...(env === undefined ? [] : [`env ${env}`]),
    ...(standard === undefined ? [] : [`default: ${standard}`]),
  ];
  const left = `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
  return [left, notes.length === 0 ? help : `${help} (${notes.join('; ')})`];
}

function exitRows(): (readonly [string, string])[] {
  return EXIT_CODES.map(({ exit, codes, means }) => [
    String(exit),
    codes.length === 0 ? means : `${means}: ${codes.join(', ')}`,
  ]);
}

/** Two columns, the right one wrapped. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(...rows.map(([first]) => first.length));
  return rows.flatMap(([first, second]) =>
    wrap(second, WIDTH - left - 4).map(
      (line, index) => `  ${(index === 0 ? first : '').padEnd(left)}  ${line}`,
    ),
  );
}

function examples(list: readonly Example[]): string[] {
  return list.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]);
}
