import type { MetricsServer } from '../../serve/index.ts';
import type { RoleDefinition } from '../../src/cluster/roles/start-role.ts';
import { printableJson } from '../../src/protocol/printable.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { clusterTransport, curveOf, dialKeys, withZeromq } from '../cluster-transport.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { DRAIN, untilToldToEnd } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { Interrupted } from '../io.ts';
import { natsAccess, natsWords } from '../nats-access.ts';
import { COMMON_OPTIONS, NATS_OPTIONS, type NameOf, OPTIONS } from '../options.ts';
import { isRoleName, listOf, readDefinition, shapeOf, titleOf } from '../roles/definition.ts';
import {
  describe,
  describeCounters,
  exampleCalls,
  factsOf,
  finishing,
  type RunningEntry,
} from '../roles/entry.ts';
import { Fleet } from '../roles/fleet.ts';
import { loadModule } from '../roles/module.ts';
import { inThreads, readThreads } from '../roles/threads.ts';
import { serviceLogger } from '../service-logger.ts';
import { grouped } from '../terminal/progress.ts';
import { factLines, nameText, oneLine, styleFor } from '../terminal/text.ts';
import { type MeasuredRoles, openMetrics } from './role-metrics.ts';

/** `frond serve`. */
export const serveCommand: CommandDetails = {
  synopsis: ['FILE [FILE…]'],
  about: [
    "FILE is a JavaScript module (or TypeScript, from Node 22.18 on). Its default export describes what to run: { role: 'server', name: 'greeter', dbAddress: 'tcp://127.0.0.1:5555', functions: { greet: (payload) => payload } }. role is server, pipeline, sink, master, hub or worker; the other keys are the options of that role in frond/cluster. With --nats, addresses are nats:NAME, and dbAddress may be left out: it is then nats: and the name of the role; an address of ZeroMQ stays one, so that a role may stand between both. The default export may also be a list of such objects, or a function that returns either, async or not.",
    'Runs until Ctrl-C or SIGTERM, finishes the calls that are under way, and exits with code 0. A second Ctrl-C ends it at once.',
    'If the module describes a single role, --name and the options for addresses override what it says. Warnings and failed calls are logged on stderr. --json prints a line for each role when it has started, and another when it has ended; with --metrics, one before them that says where those are: {"metrics": "http://…"}.',
  ],
  examples: [
    { line: 'frond serve greeter.mjs', does: 'run what the module describes' },
    { line: "frond serve greeter.mjs --db 'tcp://*:7000'", does: 'run it at another address' },
    {
      line: 'frond serve master.mjs workers.mjs --drain 60000',
      does: 'run several, and give calls a minute to finish',
    },
  ],
  options: [
    'name',
    'db',
    'pull',
    'pub',
    'sub',
    'worker-pull',
    'worker-push',
    'server-key',
    'client-key',
    'secret-key',
    'allow-key',
    'native',
    ...NATS_OPTIONS,
    'threads',
    'drain',
    'metrics',
    'log',
    ...COMMON_OPTIONS,
  ],
  own: {
    db: { kind: 'text', value: 'ADDRESS', help: 'dbAddress: where clients and workers find the role' },
    sub: { kind: 'text', value: 'ADDRESS', help: 'subAddress: where a pipeline or hub gets its input' },
    'server-key': {
      ...OPTIONS['server-key'],
      help: 'encrypt connections to other servers with CURVE; KEY is their public key',
    },
    'client-key': {
      ...OPTIONS['client-key'],
      help: 'with --server-key: the secret key of the roles, 40 characters, for servers that let in listed keys alone',
    },
    metrics: {
      ...OPTIONS.metrics,
      help: 'address that serves /metrics for Prometheus, /healthz and /readyz, which is 503 while something is missing; give it one that only your own machines reach',
    },
    json: {
      kind: 'flag',
      help: 'print one JSON object per line: {"role": …, "name": …, "addresses": …, "functions": …}; errors on stderr as {"error": …}',
    },
    verbose: {
      kind: 'flag',
      short: 'v',
      help: 'also log workers that come and go, and the stack of an error in a module',
    },
  },
  arity: [1, Number.POSITIVE_INFINITY],
  run,
};

async function run(context: CommandContext): Promise<number> {
  const { options, positionals, signal } = context;
  const transport = await servingTransport(context);
  const exports: (readonly [file: string, exported: readonly unknown[]])[] = [];
  for (const file of positionals) exports.push([file, listOf(await loadModule(file, signal), file)]);
  const fleet = new Fleet(transport, signal);
  const definitions = definitionsOf(context, transport, exports).map((own) => withLog(context, own));
  let metrics: MetricsServer | undefined;
  try {
    metrics = await openMetrics(context, measured(fleet, definitions));
    for (const definition of definitions) {
      const isNext = fleet.entries.length > 0 || metrics !== undefined;
      await printStarted(context, await fleet.start(definition), isNext);
    }
    if (!options.flag('json')) await printCalls(context, fleet.entries);
    await untilToldToEnd(context, {
      status: () => statusOf(fleet),
      failed: fleet.serve(),
      remains: () => finishing(fleet.inFlight),
    });
  } catch (error) {
    await fleet.close(0);
    await metrics?.close();
    throw error;
  }
  try {
    await fleet.close(options.number('drain') ?? DRAIN);
  } finally {
    await metrics?.close();
    printEnd(context, fleet.entries);
  }
  return 0;
}

/** What --metrics tells of the roles. It is there before they are: a worker may have to wait for its Master. */
function measured(fleet: Fleet, definitions: readonly RoleDefinition[]): MeasuredRoles {
  const own = (role: string, name: string | undefined, text: string) =>
    definitions.length > 1 ? `${titleOf(role, name)}: ${text}` : text;
  return {
    metrics: () => fleet.entries.flatMap(({ running }) => running.metrics()),
    get missing() {
      return definitions.flatMap((definition) => {
        const { role } = definition;
        const entry = fleet.entries.find((one) => one.definition === definition);
        if (entry === undefined) return [own(role, definition.name, 'it has not started')];
        return entry.running.missing.map((text) => own(role, entry.running.name, text));
      });
    },
  };
}

async function servingTransport({ options }: CommandContext): Promise<BindingTransport> {
  const secretKey = options.text('secret-key');
  const allow = options.texts('allow-key');
  if (allow.length > 0 && secretKey === undefined) {
    throw new CommandError(
      'USAGE',
      '--allow-key needs --secret-key KEY or FROND_SECRET_KEY: without encryption no client has a key',
    );
  }
  const access = natsAccess(options);
  const keys = {
    ...curveOf(dialKeys(options)),
    ...(secretKey !== undefined && {
      curveServer: { secretKey, ...(allow.length > 0 && { allow }) },
    }),
  };
  const transport = await clusterTransport(options, keys, access);
  // A role may have addresses of both: stages and workers of pylm know ZeroMQ alone.
  return access === undefined ? transport : withZeromq(transport);
}

const OVERRIDES = [
  ['name', 'name'],
  ['db', 'dbAddress'],
  ['pull', 'pullAddress'],
  ['pub', 'pubAddress'],
  ['sub', 'subAddress'],
  ['worker-pull', 'workerPullAddress'],
  ['worker-push', 'workerPushAddress'],
] as const satisfies readonly (readonly [NameOf<'text'>, string])[];

function definitionsOf(
  { options }: CommandContext,
  transport: BindingTransport,
  exports: readonly (readonly [file: string, exported: readonly unknown[]])[],
): readonly RoleDefinition[] {
  const given = OVERRIDES.flatMap(([option, key]) => {
    const value = options.text(option);
    return value === undefined ? [] : [{ option, key, value }];
  });
  const all = exports.flatMap(([file, exported]) =>
    exported.map((value, i) => ({ file, value, which: exported.length > 1 ? `, item ${i + 1}` : '' })),
  );
  const [first] = given;
  if (first !== undefined && all.length > 1) {
    const text = `--${first.option} is for a single role, but there are ${all.length}: write it in the module`;
    throw new CommandError('USAGE', text);
  }
  const overrides: Record<string, string> = {};
  for (const { option, key, value } of given) {
    checkOverride(all[0]?.value, option, key);
    overrides[key] = value;
  }
  const threads = readThreads(options.text('threads'));
  if (threads !== undefined && all.length > 1) {
    const text = `--threads is for a single role, but there are ${all.length}: give the roles module and threads`;
    throw new CommandError('USAGE', text);
  }
  const isOverNats = natsAccess(options) !== undefined;
  return all.map(({ file, value, which }) => {
    const own = { ...(isOverNats && addressOverNats(value, overrides['name'])), ...overrides };
    const definition = readDefinition(value, which, own, { file, transport });
    return threads === undefined ? definition : inThreads(definition, file, threads);
  });
}

/** Over NATS a server without an address has one of its name. It knows no ports that could be taken. */
function addressOverNats(definition: unknown, name: unknown): { readonly dbAddress?: string } {
  if (typeof definition !== 'object' || definition === null) return {};
  const given: Readonly<Record<string, unknown>> = { name, ...definition };
  const own = name ?? given['name'];
  const isServer = given['role'] !== 'worker' && given['dbAddress'] === undefined;
  return isServer && typeof own === 'string' ? { dbAddress: `nats:${own}` } : {};
}

/** @throws CommandError `USAGE` when the role has no such option. An unknown role is reported later. */
function checkOverride(definition: unknown, option: string, key: string): void {
  if (typeof definition !== 'object' || definition === null || !('role' in definition)) return;
  const { role } = definition;
  if (!isRoleName(role)) return;
  // A worker's pullAddress is its Master's, and not where calls come in.
  const isForeign = role === 'worker' && key === 'pullAddress';
  if (!isForeign && Object.hasOwn(shapeOf(role), key)) return;
  const others = OVERRIDES.filter(
    ([, own]) => Object.hasOwn(shapeOf(role), own) && !(role === 'worker' && own === 'pullAddress'),
  );
  const takes = others.map(([own]) => `--${own}`).join(', ');
  throw new CommandError('USAGE', `--${option} is not an option of a ${role}, which takes ${takes}`);
}

/** The definition, with a logger for stderr unless it has one of its own. */
function withLog(context: CommandContext, definition: RoleDefinition): RoleDefinition {
  const { options } = context;
  const loggingLevel = options.flag('verbose') ? 'info' : (definition.loggingLevel ?? 'warning');
  const from = definition.name ?? definition.role;
  return { logger: serviceLogger(context, from), ...definition, loggingLevel };
}

async function printStarted(
  { io, options, output }: CommandContext,
  entry: RunningEntry,
  isNext: boolean,
): Promise<void> {
  const description = describe(entry);
  if (options.flag('json')) return output.json(description);
  const { strong } = styleFor(io.stdout, io.env);
  const title = `${isNext ? '\n' : ''}${strong(`${description.role} ${nameText(description.name)}`)}`;
  await output.line([title, ...factLines(factsOf(description))].join('\n'));
}

async function printCalls(
  { io, options, output }: CommandContext,
  entries: readonly RunningEntry[],
): Promise<void> {
  const { accent } = styleFor(io.stdout, io.env);
  const calls = exampleCalls(entries, io.invocation).map((line) => line + natsWords(options));
  const ready = `\n${entries.length > 1 ? 'All are' : 'It is'} running. Ctrl-C ends ${entries.length > 1 ? 'them' : 'it'}.`;
  const lines =
    calls.length === 0
      ? [ready]
      : [`${ready} Try it in another terminal:\n`, ...calls.map((line) => `  ${accent(oneLine(line))}`)];
  await output.line(lines.join('\n'));
}

function statusOf({ entries, inFlight }: Fleet): string {
  const failed = entries.reduce((sum, { running }) => sum + running.counters.failed, 0);
  const parts = entries.map(({ running }) => `${running.name} ${grouped(running.counters.answered)}`);
  return `answered: ${[...parts, `${grouped(failed)} failed`, `${grouped(inFlight)} under way`].join(' · ')}`;
}

function printEnd({ options, output, signal }: CommandContext, entries: readonly RunningEntry[]): void {
  if (!(signal.reason instanceof Interrupted)) return;
  for (const { definition, running } of entries) {
    const { name, counters } = running;
    const line = options.flag('json')
      ? printableJson({ ended: { role: definition.role, name, counters } })
      : `${nameText(name)}: ${describeCounters(counters)}`;
    // Not awaited here: run() waits for the output, for a limited time, when the command is over.
    output.line(line)?.catch(() => {});
  }
}
