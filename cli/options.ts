/** Every option of every command: what the parser takes and what `--help` prints, from one table. */

/**
 * What an option takes:
 * - `flag`: no value.
 * - `text`: any string.
 * - `texts`: any string, and the option may be given several times.
 * - `count`: a whole number of at least 1.
 * - `priority`: a whole number from -9 to 9.
 * - `time`: milliseconds, or `inf`.
 */
export type OptionKind = 'flag' | 'text' | 'texts' | 'count' | 'priority' | 'time';

/** The description of an option. */
export interface OptionSpec {
  readonly kind: OptionKind;
  readonly short?: string;
  /** Placeholder of the value in `--help`. */
  readonly value?: string;
  /** Environment variable that is read when the option is not given. */
  readonly env?: string;
  readonly help: string;
  /** What happens without the option, for `--help`. */
  readonly default?: string;
}

/** All options, by name. */
export const OPTIONS = {
  db: {
    kind: 'text',
    value: 'ADDRESS',
    env: 'FROND_DB',
    help: "the server's db_address: tcp://host:port, ipc://path or, with --nats, nats:NAME",
  },
  relay: {
    kind: 'text',
    value: 'URL',
    env: 'FROND_RELAY',
    help: "connect through the relay at ws://… or wss://…; --db is then the server's name, and may be left out",
  },
  token: {
    kind: 'text',
    value: 'TOKEN',
    env: 'FROND_TOKEN',
    help: 'proves to the relay who you are; in the environment it does not show in process lists',
  },
  server: {
    kind: 'text',
    value: 'NAME',
    help: 'refuse a server with another name',
    default: 'the server of the first function; for keys, any server',
  },
  push: {
    kind: 'text',
    value: 'ADDRESS',
    help: 'address that calls are sent to',
    default: 'ask the server',
  },
  sub: {
    kind: 'text',
    value: 'ADDRESS',
    help: "address that answers are published at; for a pipeline, the last server's pub_address",
    default: 'ask the server',
  },
  'this-config': {
    kind: 'flag',
    help: 'do not ask the server for its name and addresses: use --server, --push and --sub',
  },
  session: {
    kind: 'text',
    value: 'NAME',
    env: 'FROND_SESSION',
    help: 'session name: goes with every message, and in front of every key',
  },
  'server-key': {
    kind: 'text',
    value: 'KEY',
    env: 'FROND_SERVER_KEY',
    help: "encrypt with CURVE; KEY is the server's public key, 40 characters",
  },
  'client-key': {
    kind: 'text',
    value: 'KEY',
    env: 'FROND_CLIENT_KEY',
    help: 'with --server-key: your own secret key, 40 characters, for a server that lets in listed keys alone',
    default: 'a new key for each connection',
  },
  nats: {
    kind: 'text',
    value: 'URL',
    env: 'FROND_NATS',
    help: 'use NATS instead of ZeroMQ: nats://host:4222 or tls://host:4222, several of its cluster with commas between them; an address is then nats:NAME',
  },
  'nats-cluster': {
    kind: 'text',
    value: 'NAME',
    env: 'FROND_NATS_CLUSTER',
    help: 'with --nats: the cluster of frond; those of other names do not see each other',
    default: 'palm',
  },
  'nats-creds': {
    kind: 'text',
    value: 'FILE',
    env: 'FROND_NATS_CREDS',
    help: 'with --nats: credentials file, which says who you are',
  },
  'nats-ca': {
    kind: 'text',
    value: 'FILE',
    help: 'with --nats: certificates that may sign those of NATS, as PEM',
    default: 'those that Node trusts',
  },
  'nats-cert': {
    kind: 'text',
    value: 'FILE',
    help: 'with --nats and --nats-key: your own certificate, as PEM',
  },
  'nats-key': { kind: 'text', value: 'FILE', help: 'with --nats-cert: its private key, as PEM' },
  replicas: {
    kind: 'count',
    value: 'N',
    help: 'setup: servers of NATS that store each message, 1, 3 or 5',
    default: '1',
  },
  storage: { kind: 'text', value: 'KIND', help: 'setup: where calls wait, file or memory', default: 'file' },
  'queue-bytes': {
    kind: 'count',
    value: 'N',
    help: 'setup: bytes of calls that may wait for one server',
    default: '1073741824',
  },
  'queue-age': {
    kind: 'time',
    value: 'MS',
    help: 'setup: milliseconds that a call may wait',
    default: '86400000, a day',
  },
  'result-bytes': {
    kind: 'count',
    value: 'N',
    help: 'setup: bytes of results of all servers that are kept',
    default: '268435456',
  },
  'result-age': {
    kind: 'time',
    value: 'MS',
    help: 'setup: milliseconds that results are kept',
    default: '300000, 5 minutes',
  },
  workers: { kind: 'flag', help: 'setup: the servers are Masters or Hubs, with queues for workers too' },
  yes: { kind: 'flag', help: 'purge: remove them; without it you are told what would be removed' },
  timeout: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds allowed for connecting, and again for the call; inf for no limit',
    default: '30000',
  },
  messages: {
    kind: 'count',
    value: 'N',
    help: 'number of answers to wait for',
    default: '1',
  },
  priority: {
    kind: 'priority',
    value: 'N',
    help: 'from -9 to 9: of your calls that wait, the more urgent go first, and between clients it counts within bounds; a relay must allow more than 0',
    default: '0',
  },
  cache: { kind: 'text', value: 'TEXT', help: 'string for the cache field of each message' },
  raw: {
    kind: 'flag',
    help: 'send payloads and write answers as they are, whatever the server says that the function takes',
  },
  'error-sentinel': {
    kind: 'flag',
    help: 'treat an answer of one zero byte as a failed call, as pylm servers send it; this includes a function that returns that byte',
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
    help: 'fail after this many milliseconds without a result while one is expected; inf for no limit',
    default: 'same as --timeout',
  },
  detach: {
    kind: 'flag',
    help: 'print the id of the job, and end when its input has left: frond results reads the results; over NATS',
  },
  after: {
    kind: 'text',
    value: 'N',
    help: 'go on behind so many results, or behind a position that the command has printed',
    default: '0',
  },
  follow: { kind: 'flag', help: 'wait for results until the job is over' },
  files: {
    kind: 'texts',
    value: 'GLOB',
    help: "one input for each file that matches GLOB, such as 'photos/**/*.jpg', with * ? ** [ ] { } as in a shell; quote it; may be given several times",
  },
  retries: {
    kind: 'count',
    value: 'N',
    help: 'how many times an input without an answer is sent again',
    default: '0',
  },
  deadline: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds allowed for the whole run',
    default: 'no limit',
  },
  unordered: { kind: 'flag', help: 'write results as they arrive, in any order' },
  jsonl: {
    kind: 'flag',
    help: 'print one JSON object per input: {"index", "status", "value" or "error"}; failures do not end the run',
  },
  resume: {
    kind: 'text',
    value: 'FILE',
    help: 'append to FILE, and skip inputs whose result is already in it',
  },
  adopt: { kind: 'flag', help: 'with --resume: accept the lines of FILE as results of this command line' },
  'random-key': { kind: 'flag', help: 'store the value under a new random key' },
  name: { kind: 'text', value: 'NAME', help: 'name of the role, instead of the one in the module' },
  pull: { kind: 'text', value: 'ADDRESS', help: 'pullAddress: where the role takes calls' },
  pub: { kind: 'text', value: 'ADDRESS', help: 'pubAddress: where the role publishes results' },
  'worker-pull': { kind: 'text', value: 'ADDRESS', help: 'workerPullAddress of a master or hub' },
  'worker-push': { kind: 'text', value: 'ADDRESS', help: 'workerPushAddress of a master or hub' },
  'secret-key': {
    kind: 'text',
    value: 'KEY',
    env: 'FROND_SECRET_KEY',
    help: "encrypt with CURVE; KEY is the server's own secret key, 40 characters",
  },
  'allow-key': {
    kind: 'texts',
    value: 'KEY',
    help: 'with --secret-key: let in the client with this public key; may be given several times',
    default: "any client that knows the server's public key",
  },
  native: {
    kind: 'flag',
    env: 'FROND_NATIVE',
    help: "use libzmq, with the package zeromq, instead of frond's own ZeroMQ",
  },
  concurrency: {
    kind: 'count',
    value: 'N',
    help: 'async functions that may run at the same time',
    default: "the module's, or 1",
  },
  threads: {
    kind: 'text',
    value: 'N',
    help: 'run the functions in N threads, or in as many as the machine has cores: auto; what they compute then holds nothing else up',
    default: "the module's, or none",
  },
  id: {
    kind: 'text',
    value: 'ID',
    help: 'name of this relay among its peers: letters, digits, - and _',
  },
  peer: {
    kind: 'texts',
    value: 'ID=URL',
    help: 'another relay behind the same balancer: its --id, and the URL of its own WebSocket; may be given several times',
  },
  'peer-key-file': {
    kind: 'text',
    value: 'FILE',
    help: 'holds the key that all of these relays share, 32 characters or more',
    default: 'the environment variable FROND_PEER_KEY',
  },
  drain: {
    kind: 'time',
    value: 'MS',
    help: 'milliseconds that calls under way get to finish when the command ends; inf for no limit',
    default: '5000',
  },
  listen: {
    kind: 'text',
    value: 'HOST:PORT',
    help: 'address to listen at; the host * stands for every address of this machine, the port * for a free port',
    default: '127.0.0.1:7766',
  },
  metrics: {
    kind: 'text',
    value: 'HOST:PORT',
    help: 'address that serves /metrics for Prometheus; without this option nothing does',
  },
  log: {
    kind: 'text',
    value: 'FORMAT',
    help: 'how lines of the log are written on stderr: text, or json with the time of each',
    default: 'text',
  },
  http: {
    kind: 'flag',
    help: 'also answer POST /call/server.function, for curl and other programs without WebSockets',
  },
  openapi: { kind: 'flag', help: 'print OpenAPI 3.1 for calls over HTTP' },
  'check-input': {
    kind: 'flag',
    help: 'refuse JSON that the schemas of frond servers do not allow, before it reaches them',
  },
  origin: {
    kind: 'texts',
    value: 'URL',
    help: 'let pages of this origin connect, such as https://dash.example; may be given several times',
    default: "pages of the relay's own host",
  },
  tokens: { kind: 'text', value: 'FILE', help: 'JSON file that lists tokens and what each may do' },
  allow: {
    kind: 'texts',
    value: 'PATTERN',
    help: "function that anybody may call, such as 'demo.upper' or 'demo.*'; may be given several times",
  },
  config: {
    kind: 'text',
    value: 'FILE',
    help: 'JSON file with all settings; options override it',
  },
  watch: { kind: 'flag', help: 'repeat until Ctrl-C' },
  every: {
    kind: 'time',
    value: 'MS',
    help: 'with --watch: milliseconds between two requests',
    default: '1000',
  },
  once: { kind: 'flag', help: 'exit after the tour, without serving the page' },
  port: {
    kind: 'count',
    value: 'PORT',
    help: 'port of the page, on 127.0.0.1',
    default: 'a free port',
  },
  open: { kind: 'flag', help: 'open the page in a browser' },
  all: { kind: 'flag', help: 'show every result of the job, not only the first 15' },
  json: {
    kind: 'flag',
    help: 'print one JSON object per line: {"text": …}, or {"base64": …} for bytes that are not UTF-8; errors on stderr as {"error": …}',
  },
  verbose: { kind: 'flag', short: 'v', help: 'log connection events on stderr' },
  help: { kind: 'flag', short: 'h', help: 'print this help' },
  version: { kind: 'flag', short: 'V', help: 'print the version' },
} as const satisfies Readonly<Record<string, OptionSpec>>;

/** The name of an option, without the dashes. */
export type OptionName = keyof typeof OPTIONS;

/** Names of the options of a kind. */
export type NameOf<K extends OptionKind> = {
  [N in OptionName]: (typeof OPTIONS)[N]['kind'] extends K ? N : never;
}[OptionName];

/** Whether a string is the name of an option. */
export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** Options of every command that may use NATS. */
export const NATS_OPTIONS = [
  'nats',
  'nats-cluster',
  'nats-creds',
  'nats-ca',
  'nats-cert',
  'nats-key',
] as const satisfies readonly OptionName[];

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
  'client-key',
  'native',
  ...NATS_OPTIONS,
  'timeout',
] as const satisfies readonly OptionName[];

/** Options of every command. */
export const COMMON_OPTIONS = ['json', 'verbose', 'help', 'version'] as const satisfies readonly OptionName[];
