/** Every option of every command: what the parser takes and what `--help` prints, from one table. */

/**
 * - `flag`: there or not. - `text`: any text. - `texts`: the same, any number of times. - `count`: a whole number from 1
 * on. - `time`: milliseconds, or `inf`.
 */
export type OptionKind = 'flag' | 'text' | 'texts' | 'count' | 'time';

export interface OptionSpec {
  readonly kind: OptionKind;
  readonly short?: string;
  /** What the value is called in `--help`. */
  readonly value?: string;
  /** Environment variable that stands in for it. */
  readonly env?: string;
  readonly help: string;
  readonly default?: string;
}

export const OPTIONS = {
  db: {
    kind: 'text',
    value: 'ADDRESS',
    env: 'FROND_DB',
    help: "the server's db_address, as tcp://host:port or ipc://path",
  },
  relay: {
    kind: 'text',
    value: 'URL',
    env: 'FROND_RELAY',
    help: "go through the relay at ws://… or wss://…; --db is then the server's name, and may be left out",
  },
  token: {
    kind: 'text',
    value: 'TOKEN',
    env: 'FROND_TOKEN',
    help: 'says to the relay who you are; the environment keeps it from those who see your command lines',
  },
  server: {
    kind: 'text',
    value: 'NAME',
    help: 'name the server must bear',
    default: 'that of the first function; for keys, whatever server is there',
  },
  push: {
    kind: 'text',
    value: 'ADDRESS',
    help: 'where calls are sent',
    default: 'the server is asked',
  },
  sub: {
    kind: 'text',
    value: 'ADDRESS',
    help: "where answers are published; for a pipeline, the last server's pub_address",
    default: 'the server is asked',
  },
  'this-config': { kind: 'flag', help: 'ask the server nothing: --server, --push and --sub are as given' },
  session: {
    kind: 'text',
    value: 'NAME',
    env: 'FROND_SESSION',
    help: 'marks every message, and goes in front of every key',
  },
  'server-key': {
    kind: 'text',
    value: 'KEY',
    help: "encrypt with CURVE: the server's public key, 40 characters",
  },
  timeout: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds that connecting may take, and then the call; inf for no limit',
    default: '30000',
  },
  messages: {
    kind: 'count',
    value: 'N',
    help: 'answers to wait for',
    default: '1',
  },
  cache: { kind: 'text', value: 'TEXT', help: "goes along in each message's cache field" },
  'error-sentinel': {
    kind: 'flag',
    help: "take an answer of one byte, 0, for a failed call, as pylm servers give it (a function's own 0 too)",
  },
  input: { kind: 'text', value: 'FILE', help: 'read the lines from FILE; - is stdin', default: 'stdin' },
  window: {
    kind: 'count',
    value: 'N',
    help: 'how far the input may run ahead of the results that are written',
    default: '1024',
  },
  'idle-timeout': {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds without a result that is owed before the job fails; inf for no limit',
    default: 'as --timeout',
  },
  files: {
    kind: 'texts',
    value: 'GLOB',
    help: "one input for each file that matches GLOB, such as 'photos/**/*.jpg', with * ? ** [ ] { } as in a shell; quote it; may be given several times",
  },
  retries: {
    kind: 'count',
    value: 'N',
    help: 'how often what has no answer is sent again',
    default: '0',
  },
  deadline: { kind: 'time', value: 'MS', help: 'milliseconds that all of it may take', default: 'no limit' },
  unordered: { kind: 'flag', help: 'write results as they come, in any order' },
  jsonl: {
    kind: 'flag',
    help: 'one JSON object per input: {"index", "status", "value" or "error"}; failures do not end the run',
  },
  resume: {
    kind: 'text',
    value: 'FILE',
    help: 'write behind what is in FILE, and pass over inputs whose result is there',
  },
  adopt: { kind: 'flag', help: 'with --resume, take the lines of FILE for results of this command line' },
  'random-key': { kind: 'flag', help: 'make a random key in place of KEY' },
  name: { kind: 'text', value: 'NAME', help: 'name, in place of what the module says' },
  pull: { kind: 'text', value: 'ADDRESS', help: 'pullAddress, where calls come in' },
  pub: { kind: 'text', value: 'ADDRESS', help: 'pubAddress, where results are published' },
  'worker-pull': { kind: 'text', value: 'ADDRESS', help: 'workerPullAddress of a master or hub' },
  'worker-push': { kind: 'text', value: 'ADDRESS', help: 'workerPushAddress of a master or hub' },
  'secret-key': {
    kind: 'text',
    value: 'KEY',
    env: 'FROND_SECRET_KEY',
    help: "encrypt with CURVE: the server's own secret key, 40 characters",
  },
  concurrency: {
    kind: 'count',
    value: 'N',
    help: 'async functions that may run at the same time',
    default: "the module's, or 1",
  },
  drain: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds that ending gives to what is under way; inf for no limit',
    default: '5000',
  },
  listen: {
    kind: 'text',
    value: 'HOST:PORT',
    help: 'where the relay is reached; * as the host is every address of this machine, as the port a free one',
    default: '127.0.0.1:7766',
  },
  metrics: {
    kind: 'text',
    value: 'HOST:PORT',
    help: 'where /metrics is answered, for Prometheus; left out, nowhere',
  },
  origin: {
    kind: 'texts',
    value: 'URL',
    help: 'pages of this origin, such as https://dash.example, may connect; once for each',
    default: 'pages of the host that the relay is reached at',
  },
  tokens: { kind: 'text', value: 'FILE', help: 'who bears which token may do what, as JSON' },
  allow: {
    kind: 'texts',
    value: 'PATTERN',
    help: "a function that anybody may call, as 'demo.upper' or 'demo.*'; once for each",
  },
  config: {
    kind: 'text',
    value: 'FILE',
    help: 'all of this and more, as JSON; options stand in for what it says',
  },
  watch: { kind: 'flag', help: 'look again and again, until Ctrl-C' },
  every: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds between two looks, with --watch',
    default: '1000',
  },
  once: { kind: 'flag', help: 'end when everything was shown, and serve no page' },
  port: {
    kind: 'count',
    value: 'PORT',
    help: 'port of 127.0.0.1 that the page is at',
    default: 'a free one',
  },
  open: { kind: 'flag', help: 'open the page in a browser' },
  all: { kind: 'flag', help: 'show every result of the job, not the first few alone' },
  json: {
    kind: 'flag',
    help: 'one JSON object per line: {"text": …}, or {"base64": …} for what is no UTF-8; errors on stderr as {"error": …}',
  },
  verbose: { kind: 'flag', short: 'v', help: 'log what happens to the connection, on stderr' },
  help: { kind: 'flag', short: 'h', help: 'print this' },
  version: { kind: 'flag', short: 'V', help: 'print the version' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export type OptionName = keyof typeof OPTIONS;

/** Names of the options of one kind. */
export type NameOf<K extends OptionKind> = {
  [N in OptionName]: (typeof OPTIONS)[N]['kind'] extends K ? N : never;
}[OptionName];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** Options of every command that connects to a server. */
export const CONNECTION_OPTIONS = [
  'db',
  'relay',
  'token',
  'server',
  'push',
  'sub',
  'this-config',
  'session',
  'server-key',
  'timeout',
] as const satisfies readonly OptionName[];

/** Options of every command. */
export const COMMON_OPTIONS = ['json', 'verbose', 'help', 'version'] as const satisfies readonly OptionName[];
