/** What the command line of the bench says. */
import { parseArgs } from 'node:util';
import type { Protobuf } from '../interop/pylm.ts';

/** The parts of the bench, and what each measures. */
export const PARTS = {
  client: 'the client on a stock pylm Server, against the pylm client; the codec; memory during a long job',
  cluster: 'Master and two Workers, against stock pylm and against bare zeromq.js sockets',
  'hand-over': 'Workers that ask for work against Workers that are pushed to, and what a killed one costs',
  memory: 'a job through a Server in one process, against a bare EventTarget',
  relay:
    'a job through a relay against straight ZeroMQ, 1,000 clients, idle clients, and the size of the page',
  functions: 'functions with types against functions of bytes, and cancelling through a relay',
  threads: 'functions in threads: four against one, and large payloads against the loop of the role',
  zmtp: 'frond’s ZMTP in TypeScript against zeromq.js',
  nats: 'Master and two Workers on NATS, against bare nats.js with the same streams, and against ZeroMQ',
  scale: 'what a message costs on NATS with 1 to 32 Masters, and with 10 to 10,000 clients',
} as const;

export type Part = keyof typeof PARTS;

export interface BenchOptions {
  /** The parts to measure, in the order of the list. */
  readonly only: readonly Part[];
  /** Where the rows go as JSON: a file, or `-` for stdout, which then has nothing else. */
  readonly json: string | undefined;
  /** A file of such rows, measured before. */
  readonly compare: string | undefined;
  /** A tenth of the work, and one round. */
  readonly quick: boolean;
  /** Whether a missed goal makes the exit code 1. */
  readonly goals: boolean;
  /** Which protobuf stock pylm gets. */
  readonly protobuf: Protobuf;
  /** Whether the parts are only listed. */
  readonly list: boolean;
}

const FLAGS = {
  only: { type: 'string', multiple: true, help: '--only NAME[,NAME]  measures these parts alone' },
  json: { type: 'string', help: '--json FILE         writes the rows as JSON; - is stdout' },
  compare: { type: 'string', help: '--compare FILE      sets each row beside the one in FILE, from --json' },
  quick: { type: 'boolean', help: '--quick             a tenth of the work, one round, goals do not count' },
  'no-goals': { type: 'boolean', help: '--no-goals          a missed goal does not make the exit code 1' },
  upb: { type: 'boolean', help: '--upb               gives pylm the C implementation of protobuf' },
  list: { type: 'boolean', help: '--list              lists the parts and measures nothing' },
} as const;

/** The flags and the parts, a line each. */
export const USAGE = [
  'npm run bench -- [flags]',
  '',
  ...Object.values(FLAGS).map(({ help }) => `  ${help}`),
  '',
  'Parts:',
  ...Object.entries(PARTS).map(([name, about]) => `  ${name.padEnd(10)} ${about}`),
].join('\n');

/** @throws Error that names the flag or part that is unknown, followed by {@link USAGE}. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { only = [], json, compare, quick = false, upb = false, list = false, ...others } = parsed(args);
  const names = only.flatMap((text) => text.split(','));
  for (const name of names) if (!isPart(name)) throw refused(`the bench has no part '${name}'`);
  const parts = Object.keys(PARTS).filter(isPart);
  return {
    only: names.length === 0 ? parts : parts.filter((part) => names.includes(part)),
    json,
    compare,
    quick,
    goals: !(others['no-goals'] ?? false) && !quick,
    protobuf: upb ? 'upb' : 'shipped',
    list,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: false }).values;
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/, 1);
    throw refused(reason);
  }
}

function refused(reason: string): Error {
  return new Error(`${reason}\n\n${USAGE}`);
}

function isPart(name: string): name is Part {
  return Object.hasOwn(PARTS, name);
}
