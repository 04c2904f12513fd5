import { setTimeout as pause } from 'node:timers/promises';
import { inspectValue, PalmError } from '../../src/protocol/errors.ts';
import { nearest } from '../../src/protocol/nearest.ts';
import type { NatsOptions } from '../../transports/nats/index.ts';
import type { NatsQueues, QueueState, ReadyStream } from '../../transports/nats/queues.ts';
import { packageMissing } from '../cluster-transport.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { unlessAborted } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { natsAccess, natsOptions } from '../nats-access.ts';
import { COMMON_OPTIONS, NATS_OPTIONS, OPTIONS, type OptionName } from '../options.ts';
import { duration, grouped } from '../terminal/progress.ts';
import { nameText, quoted, styleFor, tableLines } from '../terminal/text.ts';

const USUAL = 'nats://127.0.0.1:4222';

/** Milliseconds that NATS gets until it makes streams: right after its start it does not. */
const PATIENCE = 10_000;
const AGAIN = 250;

const FOR_SETUP = [
  'replicas',
  'storage',
  'queue-bytes',
  'queue-age',
  'result-bytes',
  'result-age',
  'workers',
  'timeout',
] as const satisfies readonly OptionName[];

/** `frond nats`. */
export const natsCommand: CommandDetails = {
  synopsis: ['setup SERVER…', 'status [SERVER…]', 'purge SERVER --yes'],
  about: [
    'SERVER is what follows nats: in the address of a server. All three use the cluster that --nats-cluster names, and what they say is about it alone.',
    'setup makes the streams of these servers, and those that all share, before a server runs: with --replicas 3 they survive the loss of one of three servers of NATS. A stream that is there keeps its settings; a warning says where they are others.',
    'status shows, for each server: messages that wait and those that are worked at, the age of the oldest, bytes, consumers, and the results that NATS keeps. A queue of work is for workers that do not ask for it; those of frond do.',
    'purge removes all calls that wait for a server or are worked at, for good. Their callers wait until their time is up. With --yes it does, and says how many there were.',
  ],
  examples: [
    {
      line: 'frond nats setup greeter --replicas 3',
      does: 'store the calls of a server three times (FROND_NATS is set)',
    },
    { line: 'frond nats setup crew --workers', does: 'make the streams of a Master' },
    { line: `frond nats status --nats ${USUAL}`, does: 'show all queues' },
    { line: 'frond nats status greeter --json | jq .waiting', does: 'print how many calls wait' },
    { line: 'frond nats purge greeter --yes', does: 'remove what waits' },
  ],
  options: [...NATS_OPTIONS, ...FOR_SETUP, 'yes', ...COMMON_OPTIONS],
  own: {
    nats: {
      ...OPTIONS.nats,
      help: 'where NATS is: nats://host:4222 or tls://host:4222, several of its cluster with commas between them',
      default: USUAL,
    },
    timeout: {
      kind: 'time',
      value: 'MS',
      help: 'setup: milliseconds in which NATS must be there and make them; inf for no limit',
      default: String(PATIENCE),
    },
    json: {
      kind: 'flag',
      help: 'print one JSON object for each stream {"stream", "isMade", "replicas", …}, queue {"server", "holds", "waiting", "working", "oldest", "bytes", "consumers", "results"} or purge {"server", "removed"}; errors on stderr as {"error": …}',
    },
  },
  arity: [1, Number.POSITIVE_INFINITY],
  run,
};

const ACTIONS = { setup, status, purge };

async function run(context: CommandContext): Promise<number> {
  const { options, positionals } = context;
  const [name = '', ...servers] = positionals;
  const action = Object.entries(ACTIONS).find(([own]) => own === name)?.[1];
  if (action === undefined) {
    const near = nearest(name, Object.keys(ACTIONS));
    const meant = near === undefined ? '' : `; did you mean ${near}?`;
    throw usage(`frond nats does setup, status or purge, not ${quoted(name)}${meant}`);
  }
  const stray = FOR_SETUP.find((own) => options.isGiven(own));
  if (action !== setup && stray !== undefined) throw usage(`--${stray} is for frond nats setup`);
  if (action !== purge && options.isGiven('yes')) throw usage('--yes is for frond nats purge');
  await action(context, servers);
  return 0;
}

async function setup(context: CommandContext, servers: readonly string[]): Promise<void> {
  const { io, options, output, screen, signal } = context;
  if (servers.length === 0) throw usage('frond nats setup needs the names of servers');
  const storage = options.text('storage');
  const settings = {
    replicas: options.number('replicas'),
    storage: storage as NatsOptions['storage'],
    queueBytes: options.number('queue-bytes'),
    queueAge: options.number('queue-age'),
    resultBytes: options.number('result-bytes'),
    resultAge: options.number('result-age'),
  };
  const until = performance.now() + (options.number('timeout') ?? PATIENCE);
  const make = (queues: NatsQueues) => queues.setUp(servers, options.flag('workers'));
  for (let isFirst = true; ; isFirst = false) {
    try {
      const ready = await withQueues(context, settings, make);
      const { strong } = styleFor(io.stdout, io.env);
      for (const own of ready) {
        if (options.flag('json')) await output.json(own);
        else await output.line(`${strong(nameText(own.stream))}: ${describe(own)}`);
        const others = own.isMade ? [] : otherSettings(own, settings);
        if (others.length > 0) screen.line(`frond: warning: ${own.stream} keeps ${others.join(', ')}`);
      }
      return;
    } catch (error) {
      const isEarly = error instanceof PalmError && error.code === 'DISCONNECTED';
      if (!isEarly || performance.now() >= until) throw error;
      if (isFirst && !options.flag('json')) screen.line(`frond: warning: waiting for NATS: ${error.message}`);
      await unlessAborted(signal, pause(AGAIN));
    }
  }
}

function describe({ isMade, replicas, storage, maxBytes, maxAge }: ReadyStream): string {
  const copies = replicas === 1 ? '1 copy' : `${replicas} copies`;
  const parts = [copies, `in ${storage}`, `${grouped(maxBytes)} bytes`, duration(maxAge)];
  return `${isMade ? 'made' : 'was there'}: ${parts.join(', ')}`;
}

/** What was asked for and is not so. */
function otherSettings(
  { stream, replicas, storage, maxBytes, maxAge }: ReadyStream,
  wanted: NatsOptions,
): readonly string[] {
  const isQueue = !stream.endsWith('_OUT');
  const rows: readonly (readonly [string, unknown, unknown])[] = [
    ['replicas', replicas, wanted.replicas],
    ['storage', storage, isQueue ? wanted.storage : undefined],
    ['max_bytes', maxBytes, isQueue ? wanted.queueBytes : wanted.resultBytes],
    ['max_age', maxAge, isQueue ? wanted.queueAge : wanted.resultAge],
  ];
  return rows
    .filter(([, is, asked]) => asked !== undefined && is !== asked)
    .map(([name, is, asked]) => `${name} ${is}, not ${asked}; NATS's own tools change it`);
}

async function status(context: CommandContext, servers: readonly string[]): Promise<void> {
  const { io, options, output } = context;
  const names = servers.map((own) => own.replace(/^nats:/, ''));
  const found = await withQueues(context, {}, (queues) => queues.look());
  const shown = names.length === 0 ? found : found.filter(({ server }) => names.includes(server));
  const missing = names.find((name) => !shown.some(({ server }) => server === name));
  if (missing !== undefined) throw noQueue(context, missing);
  if (options.flag('json')) {
    for (const own of shown) await output.json(own);
    return;
  }
  if (shown.length === 0) return output.line(`cluster ${nameText(clusterOf(context))} has no queues`);
  const { strong } = styleFor(io.stdout, io.env);
  const [head = '', ...rows] = tableLines([HEAD, ...shown.map(rowOf)]);
  await output.line([strong(head), ...rows].join('\n'));
}

const HEAD = ['server', 'holds', 'waiting', 'worked at', 'oldest', 'bytes', 'consumers', 'results'];

function rowOf(own: QueueState): readonly string[] {
  const { server, holds, waiting, working, oldest, bytes, consumers, results } = own;
  return [
    nameText(server),
    holds,
    grouped(waiting),
    grouped(working),
    oldest === null ? '' : duration(oldest),
    bytes === null ? '' : grouped(bytes),
    grouped(consumers),
    results === null ? '' : grouped(results),
  ];
}

async function purge(context: CommandContext, servers: readonly string[]): Promise<void> {
  const { options, output } = context;
  const [server, ...others] = servers;
  if (server === undefined || others.length > 0) throw usage('frond nats purge needs the name of one server');
  const name = server.replace(/^nats:/, '');
  const isMeant = options.flag('yes');
  const removed = await withQueues(context, {}, async (queues) => {
    if (isMeant) return queues.purge(name);
    const all = await queues.look();
    const own = all.filter(({ server, holds }) => server === name && holds !== 'published');
    if (own.length === 0) return undefined;
    const count = own.reduce((sum, { waiting, working }) => sum + waiting + working, 0);
    throw new CommandError(
      'USAGE',
      `this would remove ${grouped(count)} ${count === 1 ? 'message' : 'messages'} of ${quoted(name)} for good`,
      'if that is meant, give --yes',
    );
  });
  if (removed === undefined) throw noQueue(context, name);
  if (options.flag('json')) return output.json({ server: name, removed });
  await output.line(
    `removed ${grouped(removed)} ${removed === 1 ? 'message' : 'messages'} of ${nameText(name)}`,
  );
}

/** Connects, runs `use`, and closes. */
async function withQueues<T>(
  { options, signal }: CommandContext,
  settings: NatsOptions,
  use: (queues: NatsQueues) => Promise<T>,
): Promise<T> {
  const access = await natsOptions(natsAccess(options, undefined, USUAL) ?? { url: USUAL });
  const { NatsQueues } = await import('../../transports/nats/queues.ts');
  const opening = NatsQueues.open({ ...access, ...settings }).catch(packageMissing('nats', 'frond nats'));
  // One that comes after the command was told to end is closed.
  opening.then((late) => (signal.aborted ? late.close() : undefined)).catch(() => {});
  const queues = await unlessAborted(signal, opening);
  try {
    return await unlessAborted(signal, use(queues));
  } finally {
    await queues.close();
  }
}

function clusterOf({ options }: CommandContext): string {
  return options.text('nats-cluster') ?? 'palm';
}

function noQueue(context: CommandContext, name: string): CommandError {
  const cluster = inspectValue(clusterOf(context));
  const text = `cluster ${cluster} has no queue of ${quoted(name)}`;
  return new CommandError('MISSING', text, 'frond nats status shows those that there are');
}

function usage(text: string): CommandError {
  return new CommandError('USAGE', text);
}
