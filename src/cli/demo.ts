import { basename } from 'node:path';
import { zeromq } from '../../transports/zeromq/index.ts';
import { Server } from '../cluster/server.ts';
import type { Command, CommandContext } from './command.ts';
import { demoAddresses, localAddress } from './demo/addresses.ts';
import { DEMO_FUNCTIONS } from './demo/functions.ts';
import { JsonTeller, PlainTeller, type Teller } from './demo/teller.ts';
import { runTour } from './demo/tour.ts';
import { linesOf, openFile } from './input.ts';
import { COMMON_OPTIONS } from './option-table.ts';
import { grouped } from './progress.ts';
import { stderrLogger } from './stderr-logger.ts';
import { SONNETS } from './text/sonnets.ts';

export const demoCommand: Command = {
  name: 'demo',
  summary: 'start a server here, and see it called',
  synopsis: ['[FILE]'],
  about: [
    'Starts a PALM server called demo on this machine, with the functions upper, reverse, words and longest, and calls it over TCP: one call, a job over the lines of FILE (ten sonnets of Shakespeare when there is none), and a shared key. Ends by itself, and leaves nothing behind.',
  ],
  examples: [
    { line: 'frond demo', does: 'a quick look' },
    { line: 'frond demo README.md --all', does: 'over a text of your own' },
    { line: 'frond demo --keep --db tcp://127.0.0.1:5555', does: 'a server to call from other terminals' },
  ],
  options: ['keep', 'db', 'all', ...COMMON_OPTIONS],
  own: {
    db: {
      kind: 'text',
      value: 'ADDRESS',
      help: "the server's db_address",
      default: 'a free port of 127.0.0.1',
    },
  },
  arity: [0, 1],
  run,
};

/** Where the commands to try say that the server is, when it is yet to be started: pylm's usual port. */
const USUAL_ADDRESS = 'tcp://127.0.0.1:5555';

async function run(context: CommandContext): Promise<number> {
  const { io, options, output, positionals, signal, screen } = context;
  const asJson = options.flag('json');
  const keeps = options.flag('keep');
  const teller: Teller = asJson ? new JsonTeller(output) : new PlainTeller(io, output, options.flag('all'));
  const addresses = demoAddresses(options.text('db'));
  const [file] = positionals;
  const lines = file === undefined ? shippedLines() : linesOf(await openFile(file), JSON.stringify(file));
  const transport = zeromq();
  const started = performance.now();
  const server = await Server.start({
    transport,
    name: 'demo',
    ...addresses,
    functions: DEMO_FUNCTIONS,
    logger: stderrLogger(screen, asJson),
    loggingLevel: options.flag('verbose') ? 'info' : 'error',
  });
  try {
    const dbAddress = localAddress(server.dbAddress);
    const functions = [...Object.keys(DEMO_FUNCTIONS), 'echo'];
    await teller.serverIsUp(server.dbAddress, functions, performance.now() - started);
    const about = file === undefined ? 'ten sonnets by Shakespeare' : basename(file);
    await teller.ended(await runTour({ transport, dbAddress, teller, screen, signal, lines, about }));
    const start = `${io.invocation} demo --keep --db ${USUAL_ADDRESS}`;
    const address = keeps ? dbAddress : USUAL_ADDRESS;
    await teller.next(keeps ? undefined : start, commandsToTry(io.invocation, address));
    if (keeps) await serveUntilAborted(context, server);
    return 0;
  } finally {
    await server.close(signal.aborted ? { timeout: 0 } : {});
  }
}

function shippedLines(): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  return SONNETS.trimEnd()
    .split('\n')
    .map((line) => encoder.encode(line));
}

function commandsToTry(invocation: string, address: string): readonly string[] {
  return [
    `${invocation} eval demo.reverse 'stressed' --db ${address}`,
    `ls | ${invocation} job demo.upper --db ${address}`,
    `${invocation} set motto 'carpe diem' --db ${address}`,
  ];
}

/** Milliseconds between two looks at the server's counters. */
const REFRESH = 250;

async function serveUntilAborted({ signal, screen }: CommandContext, server: Server): Promise<never> {
  const before = server.counters;
  const draw = () => {
    const answered = server.counters.answered - before.answered;
    const failed = server.counters.failed - before.failed;
    screen.status(`serving · ${grouped(answered)} calls answered · ${grouped(failed)} failed`);
  };
  draw();
  const timer = setInterval(draw, REFRESH);
  try {
    return await new Promise<never>((_, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
    });
  } finally {
    clearInterval(timer);
    screen.status(undefined);
  }
}
