/** What `--help` prints. */
import { type Command, type CommandEntry, type Example, specOf } from './command.ts';
import { EXIT_CODES } from './errors.ts';
import type { OptionName } from './options.ts';
import { type Fact, factLines, wrap } from './terminal/text.ts';

const WIDTH = 80;

const EXAMPLES: readonly Example[] = [
  { line: 'frond demo', does: 'start a cluster to try, and a page to try it in' },
  { line: 'export FROND_DB=tcp://127.0.0.1:5555', does: 'say where your server is' },
  { line: "frond eval server.function 'hello'", does: 'call a function once' },
  { line: 'frond job server.function < lines.txt > results.txt', does: 'call it once for each line' },
  { line: "frond set motto 'festina lente' && frond get motto", does: 'store a value and read it back' },
  { line: 'frond serve greeter.mjs', does: 'run a server of your own' },
  { line: "frond relay --server demo=$FROND_DB --allow 'demo.*'", does: 'let pages call it' },
  { line: 'frond inspect --watch', does: 'watch what a server does' },
];

/** `frond --help`. */
export function generalHelp(commands: readonly CommandEntry[]): string {
  return sections([
    ['frond: call and serve functions on PALM clusters (pylm), stream jobs, share keys'],
    ['Usage: frond COMMAND [ARGUMENTS] [OPTIONS]'],
    ['Commands:', ...factLines(commands.map(({ name, summary }) => [name, summary] as const))],
    ['Examples:', ...examples(EXAMPLES)],
    [
      'Environment:',
      ...factLines([
        ['FROND_DB', 'address of the server, used without --db'],
        ['FROND_RELAY', 'URL of the relay, used without --relay'],
        ['FROND_TOKEN', 'token for the relay, used without --token'],
        ['FROND_SESSION', 'session, used without --session'],
        ['FROND_SERVER_KEY', 'public key of the server, used without --server-key'],
        ['FROND_CLIENT_KEY', 'your own secret key, used without --client-key'],
        ['FROND_SECRET_KEY', 'secret key of a server, used without --secret-key'],
        ['FROND_PEER_KEY', 'key that relays share, used without --peer-key-file'],
        ['FROND_NATS', 'where NATS is, used without --nats'],
        ['FROND_NATS_CLUSTER', 'cluster at NATS, used without --nats-cluster'],
        ['FROND_NATS_CREDS', 'credentials file, used without --nats-creds'],
        ['FROND_NATIVE', '1 has the same effect as --native'],
        ['NO_COLOR', 'any value turns colours off'],
      ]),
    ],
    ['Exit codes:', ...factLines(exitRows())],
    ['frond COMMAND --help describes a command.'],
  ]);
}

/** `frond COMMAND --help`. */
export function commandHelp(command: Command): string {
  const { name, summary, synopsis, about, options } = command;
  const usage = synopsis.map(
    (one, index) =>
      `${index === 0 ? 'Usage:' : '      '} frond ${name} ${one === '' ? '' : `${one} `}[OPTIONS]`,
  );
  return sections([
    [`frond ${name}: ${summary}`],
    usage,
    ...about.map((paragraph) => wrap(paragraph, WIDTH)),
    ['Options:', ...factLines(options.map((option) => optionRow(command, option)))],
    ['Examples:', ...examples(command.examples)],
    ['Exit codes: 0 for success; frond --help lists the others.'],
  ]);
}

function sections(parts: readonly (readonly string[])[]): string {
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

function optionRow(command: Command, name: OptionName): Fact {
  const { short, value, help, env, default: standard } = specOf(command, name);
  const notes = [
    ...(env === undefined ? [] : [`env ${env}`]),
    ...(standard === undefined ? [] : [`default: ${standard}`]),
  ];
  const left = `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
  return [left, notes.length === 0 ? help : `${help} (${notes.join('; ')})`];
}

function exitRows(): Fact[] {
  return EXIT_CODES.map(({ exit, codes, means }) => [
    String(exit),
    codes.length === 0 ? means : `${means}: ${codes.join(', ')}`,
  ]);
}

function examples(list: readonly Example[]): string[] {
  return list.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]);
}
