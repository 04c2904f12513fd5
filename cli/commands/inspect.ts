import { setTimeout as pause } from 'node:timers/promises';
import { sparing } from '../../src/logging.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type { CommandContext, CommandDetails } from '../command.ts';
import { noAddress, noName, ServerKeys, serverFrom } from '../connect.ts';
import { unlessAborted } from '../ending.ts';
import {
  inspectAgain,
  inspectServer,
  type Rates,
  ratesOf,
  type ServerSnapshot,
} from '../inspect/snapshot.ts';
import { describeSnapshot, snapshotLine } from '../inspect/text.ts';
import { COMMON_OPTIONS, NATS_OPTIONS } from '../options.ts';
import { Block } from '../terminal/output.ts';
import { duration } from '../terminal/progress.ts';
import { stderrLogger } from '../terminal/screen.ts';
import { nameText, styleFor } from '../terminal/text.ts';
import { WaitNotices } from '../wait-notices.ts';

/** `frond inspect`. */
export const inspectCommand: CommandDetails = {
  synopsis: ['[ADDRESS]'],
  about: [
    'Asks the server with the db_address ADDRESS for its role, name, addresses, functions and what they take and give, uptime, counters and workers. A pylm server tells only its name and addresses; its role is derived from these.',
    '--watch repeats this and adds rates per second. On a terminal it redraws the text in place; elsewhere it prints a line each time. When the server goes away, it waits for it to come back.',
  ],
  examples: [
    { line: 'frond inspect tcp://127.0.0.1:5555', does: 'show a server' },
    { line: 'frond inspect --watch', does: 'watch what it does (FROND_DB is set)' },
    {
      line: 'frond inspect demo --relay wss://relay.example',
      does: 'show a server behind a relay, by its name',
    },
    { line: 'frond inspect --json | jq .counters.failed', does: 'print one of its counters' },
  ],
  options: [
    'db',
    'relay',
    'token',
    'watch',
    'every',
    'server-key',
    'client-key',
    'native',
    ...NATS_OPTIONS,
    'timeout',
    ...COMMON_OPTIONS,
  ],
  own: {
    timeout: {
      kind: 'time',
      value: 'MS',
      help: 'milliseconds to wait for the first answer; inf for no limit',
      default: '5000',
    },
    json: {
      kind: 'flag',
      help: 'print one JSON object each time: {"implementation": …, "role": …, "name": …, "addresses": …, "functions": …, "offers": …, "uptime": ms, "counters": …, "workers": …, "pushedWorkers": …, "losses": …}, null for what the server does not tell',
    },
  },
  arity: [0, 1],
  run,
};

const TIMEOUT = 5_000;

async function run(context: CommandContext): Promise<number> {
  const { io, options, output, positionals, screen, signal } = context;
  const { transport, dbAddress, isRelayed } = await serverFrom(context, positionals[0]);
  if (dbAddress === undefined) throw isRelayed ? noName() : noAddress();
  const notices = new WaitNotices(context);
  const keys = await ServerKeys.open(notices.over(transport), dbAddress);
  if (options.flag('verbose')) keys.log(sparing(stderrLogger(screen, options.flag('json'))));
  try {
    const looked = keys.within(options.number('timeout') ?? TIMEOUT, signal, inspectServer(keys));
    const first = await notices.for(dbAddress, looked);
    if (options.flag('watch')) return await watch(context, keys, first);
    if (options.flag('json')) await output.json(first);
    else await output.line(describeSnapshot(first, null, styleFor(io.stdout, io.env)));
    return 0;
  } finally {
    await keys.close();
  }
}

// frond inspect --watch

/** Milliseconds between two requests, unless --every says otherwise. */
const EVERY = 1_000;

/** What --watch shows at one time. */
interface Observation {
  readonly snapshot: ServerSnapshot;
  readonly rates: Rates | null;
  /** Milliseconds without an answer; 0 while the server answers. */
  readonly silent: number;
}

/** Shows a server until the signal aborts. Rejects with the signal's reason, or with an error other than a lost connection. */
export async function watch(
  context: CommandContext,
  keys: ServerKeys,
  first: ServerSnapshot,
): Promise<never> {
  const { options, signal } = context;
  const every = options.number('every') ?? EVERY;
  const show = observationPrinter(context);
  let last = first;
  let seen = performance.now();
  await show({ snapshot: first, rates: null, silent: 0 });
  for (;;) {
    await unlessAborted(signal, pause(every));
    const asked = performance.now();
    let answer = inspectIfConnected(keys, last);
    for (;;) {
      const next = await unlessAborted(signal, Promise.race([answer, pause(every, 'silence' as const)]));
      const now = performance.now();
      if (next !== 'silence' && next !== undefined) {
        await show({ snapshot: next, rates: ratesOf(last, next, now - seen), silent: 0 });
        last = next;
        seen = now;
        break;
      }
      await show({ snapshot: last, rates: null, silent: now - asked });
      // A connection that broke took the request with it. One that is still being made keeps it.
      if (next === undefined) answer = inspectIfConnected(keys, last);
    }
  }
}

/** Undefined when the connection broke before all was answered. */
async function inspectIfConnected(
  keys: ServerKeys,
  last: ServerSnapshot,
): Promise<ServerSnapshot | undefined> {
  try {
    return await inspectAgain(keys, last);
  } catch (error) {
    if (error instanceof PalmError && error.code === 'DISCONNECTED') return undefined;
    throw error;
  }
}

function observationPrinter({
  io,
  options,
  output,
}: CommandContext): (observation: Observation) => Promise<void> | undefined {
  if (options.flag('json')) {
    return ({ snapshot, rates, silent }) => {
      const at = new Date().toISOString();
      const seen =
        silent > 0 ? { at, name: snapshot.name, silent: Math.round(silent) } : { at, ...snapshot, rates };
      return output.json(seen);
    };
  }
  if (!output.isTerminal || io.env.TERM === 'dumb') {
    return ({ snapshot, rates, silent }) => {
      const text =
        silent > 0
          ? `${nameText(snapshot.name)}: no answer for ${duration(silent)}`
          : snapshotLine(snapshot, rates);
      return output.line(`${new Date().toISOString()} ${text}`);
    };
  }
  const block = new Block(output, io.stdout);
  const style = styleFor(io.stdout, io.env);
  return ({ snapshot, rates, silent }) => {
    const text = describeSnapshot(snapshot, rates, style);
    const note = silent > 0 ? `no answer for ${duration(silent)}` : 'Ctrl-C ends this';
    return block.draw(`${text}\n\n${style.faint(note)}`);
  };
}
