import { sparing } from '../../src/logging.ts';
import type { Command, CommandContext } from '../command.ts';
import { look } from '../inspect/look.ts';
import { describeLook } from '../inspect/text.ts';
import { watch } from '../../src/cli/inspect/watch.ts';
import { ServerKeys } from '../../src/cli/keys.ts';
import { COMMON_OPTIONS } from '../options.ts';
import { noAddress, noName, reachOf } from '../../src/cli/reach.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { styleFor } from '../../src/cli/style.ts';
import { Waiting } from '../waiting.ts';

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'see what a server is, and how it is doing',
  synopsis: ['[ADDRESS]'],
  about: [
    'Asks the server with the db_address ADDRESS for its role, name, addresses and functions, how long it is up, what it did, and who works for it. A pylm server tells its name and addresses, of which its role follows; not its functions, and not what it did.',
    '--watch looks again and again: on a terminal in place, elsewhere a line for each look, with what was done in a second. It waits for a server that goes to come back.',
  ],
  examples: [
    { line: 'frond inspect tcp://127.0.0.1:5555', does: 'a server' },
    { line: 'frond inspect --watch', does: 'how it is doing (FROND_DB says where)' },
    { line: 'frond inspect demo --relay wss://relay.example', does: 'by its name, through a relay' },
    { line: 'frond inspect --json | jq .counters.failed', does: 'one number of it' },
  ],
  options: ['db', 'relay', 'token', 'watch', 'every', 'server-key', 'timeout', ...COMMON_OPTIONS],
  own: {
    timeout: {
      kind: 'time',
      value: 'MS',
      help: 'milliseconds to wait for the first look; inf for no limit',
      default: '5000',
    },
    json: {
      kind: 'flag',
      help: 'one JSON object per look: {"implementation": …, "role": …, "name": …, "addresses": …, "functions": …, "uptime": ms, "counters": …, "workers": …, "pushedWorkers": …, "losses": …}, null for what is not known',
    },
  },
  arity: [0, 1],
  run,
};

const TIMEOUT = 5_000;

async function run(context: CommandContext): Promise<number> {
  const { io, options, output, positionals, screen, signal } = context;
  const { transport, dbAddress, isRelayed } = reachOf(context, positionals[0]);
  if (dbAddress === undefined) throw isRelayed ? noName() : noAddress();
  const waiting = new Waiting(context);
  const keys = await ServerKeys.open(waiting.over(transport), dbAddress);
  if (options.flag('verbose')) keys.log(sparing(stderrLogger(screen, options.flag('json'))));
  try {
    const looked = keys.within(options.number('timeout') ?? TIMEOUT, signal, look(keys));
    const first = await waiting.for(dbAddress, looked);
    if (options.flag('watch')) return await watch(context, keys, first);
    if (options.flag('json')) await output.json(first);
    else await output.line(describeLook(first, null, styleFor(io.stdout, io.env)));
    return 0;
  } finally {
    await keys.close();
  }
}
