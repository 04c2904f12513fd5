import { hostname } from 'node:os';
import type { MetricsServer } from '../../serve/index.ts';
import { startTimer } from '../../src/async/timers.ts';
import { Worker } from '../../src/cluster/roles/worker.ts';
import type { Counters } from '../../src/cluster/runtime/status.ts';
import { sparing } from '../../src/logging.ts';
import { replyText } from '../../src/protocol/cache-request.ts';
import { inspectValue, PalmError } from '../../src/protocol/errors.ts';
import { printableJson } from '../../src/protocol/printable.ts';
import type { Connection, Transport } from '../../src/transport.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { noAddress, type ServerAccess, ServerKeys, serverFrom } from '../connect.ts';
import { DRAIN, unlessAborted, untilToldToEnd } from '../ending.ts';
import { Interrupted } from '../io.ts';
import { COMMON_OPTIONS, NATS_OPTIONS, OPTIONS } from '../options.ts';
import { readWorker, type WorkerDefinition } from '../roles/definition.ts';
import { describe, describeCounters, factsOf, finishing } from '../roles/entry.ts';
import { closeWithin } from '../roles/fleet.ts';
import { loadModule } from '../roles/module.ts';
import { inThreads, readThreads } from '../roles/threads.ts';
import { serviceLogger } from '../service-logger.ts';
import { duration, grouped } from '../terminal/progress.ts';
import { factLines, nameText, styleFor } from '../terminal/text.ts';
import { openMetrics } from './role-metrics.ts';

/** `frond worker`. */
export const workerCommand: CommandDetails = {
  synopsis: ['FILE'],
  about: [
    "FILE is a JavaScript module (or TypeScript, from Node 22.18 on). Its default export is an object of functions, { upper: (payload) => … }, or { role: 'worker', functions: { … }, concurrency: 4, … } with the options of a Worker in frond/cluster, or a function that returns either, async or not. Each of the functions takes and returns a Uint8Array.",
    "Waits until the Master is there, and again whenever the connection is lost; the Master may be frond's or pylm's. Runs until Ctrl-C or SIGTERM, finishes the work that it has begun, returns the rest to the Master, and exits with code 0. A second Ctrl-C ends it at once.",
    'Start one worker for each core, or one with --threads auto: each thread loads the module too, and functions that compute hold nothing up. Warnings and failed calls are logged on stderr. --json prints a line when the worker has found its Master, and another when it has ended; with --metrics, one before them that says where those are: {"metrics": "http://…"}.',
  ],
  examples: [
    {
      line: 'frond worker functions.mjs --db tcp://10.0.0.7:5559',
      does: 'work for the Master with this db_address',
    },
    {
      line: 'frond worker functions.mjs --concurrency 8',
      does: 'run up to eight async functions at a time (FROND_DB is set)',
    },
    {
      line: "frond worker functions.mjs --server-key 'KEY'",
      does: 'join a Master that lists the keys of its workers (FROND_CLIENT_KEY is set)',
    },
    {
      line: 'frond worker functions.mjs --threads auto',
      does: 'run functions that compute in a thread for each core (FROND_DB is set)',
    },
    {
      line: 'frond worker functions.mjs --relay wss://relay.example --db master',
      does: 'work through a relay that allows it (FROND_TOKEN is set)',
    },
  ],
  options: [
    'db',
    'relay',
    'token',
    'name',
    'concurrency',
    'threads',
    'timeout',
    'drain',
    'metrics',
    'log',
    'server-key',
    'client-key',
    'native',
    ...NATS_OPTIONS,
    ...COMMON_OPTIONS,
  ],
  own: {
    db: {
      ...OPTIONS.db,
      help: "the Master's db_address: tcp://host:port, ipc://path or, with --nats, nats:NAME",
    },
    name: {
      kind: 'text',
      value: 'NAME',
      help: 'name of the worker in frond inspect',
      default: "the module's, or the name of the machine and the process id",
    },
    timeout: {
      kind: 'time',
      value: 'MS',
      help: 'milliseconds to wait for the Master at the start; inf for no limit',
      default: 'inf',
    },
    metrics: {
      ...OPTIONS.metrics,
      help: 'address that serves /metrics for Prometheus, /healthz and /readyz, which is 503 while something is missing; give it one that only your own machines reach',
    },
    json: {
      kind: 'flag',
      help: 'print one JSON object per line: {"role": "worker", "name": …, "addresses": …, "functions": …, "master": …}; errors on stderr as {"error": …}',
    },
    verbose: {
      kind: 'flag',
      short: 'v',
      help: 'also log connection events, and the stack of an error in a module',
    },
  },
  arity: [1, 1],
  run,
};

/** Milliseconds after which a worker that has found no Master logs that it waits. */
const SILENCE = 1_000;

/** Milliseconds that a function's call to the cache may take, unless the module says otherwise. */
const CACHE_TIMEOUT = 30_000;

async function run(context: CommandContext): Promise<number> {
  const { options, positionals, signal } = context;
  const access = await serverFrom(context);
  const { transport } = access;
  const [file = ''] = positionals;
  const definition = definitionOf(context, access, file, await loadModule(file, signal));
  const logger = sparing(serviceLogger(context));
  const keys = await ServerKeys.open(transport, definition.dbAddress);
  const started = performance.now();
  let running: Worker | undefined;
  let metrics: MetricsServer | undefined;
  try {
    metrics = await openMetrics(context, {
      metrics: () => running?.metrics() ?? [],
      get missing() {
        return running?.missing ?? [`its Master is not there (${definition.dbAddress})`];
      },
    });
    const { worker, master } = await find(context, transport, definition, keys);
    running = worker;
    await printFound(context, definition, worker, master);
    logLink(keys.connection, (message) => logger.warning(message, { db: definition.dbAddress }));
    await untilToldToEnd(context, {
      status: () => statusOf(worker.counters),
      failed: worker.closed.then((error) => {
        throw error ?? new PalmError('CLOSED', 'the worker was closed');
      }),
      remains: () => finishing(worker.counters.inFlight),
    });
    try {
      await closeWithin(options.number('drain') ?? DRAIN, [worker]);
    } finally {
      printEnd(context, worker, performance.now() - started);
    }
    return 0;
  } finally {
    await keys.close();
    await metrics?.close();
  }
}

function definitionOf(
  context: CommandContext,
  { transport, dbAddress: db }: ServerAccess,
  file: string,
  exported: unknown,
): WorkerDefinition {
  const { options } = context;
  const name = options.text('name');
  const concurrency = options.number('concurrency');
  const isPlaced = typeof exported === 'object' && exported !== null && 'dbAddress' in exported;
  if (db === undefined && !isPlaced) throw noAddress('Master');
  const overrides = {
    ...(db !== undefined && { dbAddress: db }),
    ...(name !== undefined && { name }),
    ...(concurrency !== undefined && { concurrency }),
  };
  const threads = readThreads(options.text('threads'));
  const read = readWorker(exported, overrides, { file, transport });
  const definition = threads === undefined ? read : inThreads(read, file, threads);
  return {
    name: `${hostname().replace(/[\s.]+/g, '-')}-${process.pid}`,
    logger: serviceLogger(context),
    timeout: CACHE_TIMEOUT,
    ...definition,
    loggingLevel: options.flag('verbose') ? 'info' : (definition.loggingLevel ?? 'warning'),
  };
}

/**
 * Finds the Master, and starts the worker there. It waits for the Master by reading its keys, because the worker's own
 * `timeout` also limits the cache calls of its functions, which must not wait without an end.
 */
async function find(
  context: CommandContext,
  transport: Transport,
  definition: WorkerDefinition,
  keys: ServerKeys,
): Promise<{ readonly worker: Worker; readonly master: string }> {
  const { options, signal } = context;
  const timeout = options.number('timeout') ?? Number.POSITIVE_INFINITY;
  const { dbAddress } = definition;
  const logger = serviceLogger(context);
  const stopTimer = startTimer(SILENCE, () => logger.warning('waiting for the Master', { db: dbAddress }));
  const deadline = performance.now() + timeout;
  try {
    for (;;) {
      try {
        const master = await keys.within(timeout, signal, masterAt(keys, definition));
        const starting = Worker.start({ ...definition, transport });
        // A worker that starts after the command was told to end is closed.
        starting.then((late) => (signal.aborted ? late.close({ timeout: 0 }) : undefined)).catch(() => {});
        return { worker: await unlessAborted(signal, starting), master };
      } catch (error) {
        const isGone =
          error instanceof PalmError && (error.code === 'DISCONNECTED' || error.code === 'TIMEOUT');
        if (!isGone || performance.now() >= deadline) throw error;
      }
    }
  } finally {
    stopTimer();
  }
}

/** The name of the Master. @throws PalmError `WRONG_SERVER` when the server there has no workers. */
async function masterAt(keys: ServerKeys, { pushAddress }: WorkerDefinition): Promise<string> {
  const [name, push] = await Promise.all([keys.read('name'), keys.read('worker_push_address')]);
  if (pushAddress !== undefined || push.value.length > 0) return replyText(name);
  const text = `server ${inspectValue(replyText(name))} at ${inspectValue(keys.dbAddress)} has no workers: it is not a Master or Hub`;
  throw new PalmError('WRONG_SERVER', text, { sent: true });
}

async function printFound(
  { io, options, output }: CommandContext,
  definition: WorkerDefinition,
  worker: Worker,
  master: string,
): Promise<void> {
  const description = describe({ definition, running: worker });
  if (options.flag('json')) return output.json({ ...description, master });
  const { strong } = styleFor(io.stdout, io.env);
  const title = strong(`worker ${nameText(description.name)} works for ${nameText(master)}; Ctrl-C ends it`);
  await output.line([title, ...factLines(factsOf(description))].join('\n'));
}

/** Logs when the connection to the Master is lost and when it is back: the worker itself logs neither. */
async function logLink(connection: Connection, log: (message: string) => void): Promise<void> {
  let isBroken = false;
  for await (const { type } of connection.status()) {
    if (type === 'disconnected' && !isBroken) log('the Master is gone; waiting for it');
    if (type === 'connected' && isBroken) log('the Master is back');
    if (type === 'disconnected' || type === 'connected') isBroken = type === 'disconnected';
  }
}

function statusOf({ answered, failed, inFlight }: Counters): string {
  return `working · ${grouped(answered)} answered · ${grouped(failed)} failed · ${grouped(inFlight)} under way`;
}

/** @param elapsed - milliseconds since the worker was started. */
function printEnd({ options, output, signal }: CommandContext, worker: Worker, elapsed: number): void {
  if (!(signal.reason instanceof Interrupted)) return;
  const { name, counters } = worker;
  const line = options.flag('json')
    ? printableJson({ ended: { role: 'worker', name, counters } })
    : `${nameText(name)}: ${describeCounters(counters)} · ${duration(elapsed)}`;
  output.line(line)?.catch(() => {});
}
