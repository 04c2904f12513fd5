/** `frond demo`, from its start to its end. */

import { basename } from 'node:path';
import { unlessAborted } from '../../src/cli/aborted.ts';
import type { CommandContext } from '../command.ts';
import { CommandError } from '../errors.ts';
import { linesOf, openFile } from '../input.ts';
import { grouped } from '../terminal/progress.ts';
import { Fleet } from '../roles/fleet.ts';
import { showStatus } from '../../src/cli/status-line.ts';
import { quoted } from '../terminal/text.ts';
import { SONNETS } from './sonnets.ts';
import { demoAddresses } from '../../src/cli/demo/addresses.ts';
import { openInBrowser } from '../../src/cli/demo/browser.ts';
import { type Cluster, serversOf, startCluster } from './cluster.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { type DemoNetwork, findNetwork } from '../../src/cli/demo/network.ts';
import { stepsAfter, stepsBeside } from '../../src/cli/demo/next.ts';
import { JsonTeller, PlainTeller, type Teller } from './teller.ts';
import { runTour } from './tour.ts';

/** Milliseconds that calls under way get when the demo is to end. */
const DRAIN = 1_000;

const MOST_PORT = 65_535;

/** Gives the exit code. @throws what keeps the demo from going on. */
export async function runDemo(context: CommandContext): Promise<number> {
  const { options, signal, io } = context;
  checkOptions(context);
  const db = options.text('db');
  const network = await findNetwork(db === undefined);
  const addresses = demoAddresses(db, network.any);
  const [file] = context.positionals;
  const lines = file === undefined ? shippedLines() : linesOf(await openFile(file), quoted(file));
  const about = file === undefined ? 'ten sonnets by Shakespeare' : basename(file);
  const fleet = new Fleet(network.transport, signal);
  let gateway: Gateway | undefined;
  try {
    const started = performance.now();
    const cluster = await startCluster(fleet, network.any, addresses, context);
    const took = performance.now() - started;
    if (!options.flag('once')) gateway = await openGateway(context, network.transport, serversOf(cluster));
    const teller = tellerFor(context, network);
    await unlessAborted(signal, show({ context, network, cluster, gateway, teller, lines, about, took }));
    if (gateway === undefined) return 0;
    if (options.flag('open')) openInBrowser(gateway.link, io.env);
    await untilToldToEnd(context, fleet);
    return 0;
  } finally {
    await gateway?.close(signal.aborted ? DRAIN : 0);
    await fleet.close(signal.aborted ? 0 : DRAIN);
  }
}

function checkOptions({ options }: CommandContext): void {
  for (const name of ['open', 'port'] as const) {
    if (options.flag('once') && options.isGiven(name))
      throw new CommandError('USAGE', `--${name} is about the page, and with --once there is none`);
  }
  const port = options.number('port') ?? 0;
  if (port > MOST_PORT) throw new CommandError('USAGE', `--port must be from 0 to ${MOST_PORT}, not ${port}`);
}

function tellerFor({ io, options, output }: CommandContext, network: DemoNetwork): Teller {
  if (options.flag('json')) return new JsonTeller(output);
  return new PlainTeller(io, output, options.flag('all'), network.isEmbedded);
}

interface Show {
  readonly context: CommandContext;
  readonly network: DemoNetwork;
  readonly cluster: Cluster;
  readonly gateway: Gateway | undefined;
  readonly teller: Teller;
  /** What the job runs over. */
  readonly lines: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** What {@link lines} are, for people. */
  readonly about: string;
  /** Milliseconds that starting took. */
  readonly took: number;
}

async function show({ context, network, cluster, gateway, teller, lines, about, took }: Show): Promise<void> {
  const { io, screen, signal } = context;
  const { transport, isEmbedded } = network;
  await teller.clusterIsUp(cluster, took);
  const { dbAddress } = cluster;
  await teller.ended(await runTour({ transport, dbAddress, teller, screen, signal, lines, about }));
  if (gateway === undefined) return teller.next(stepsAfter(io.invocation, isEmbedded));
  await teller.next(stepsBeside(io.invocation, isEmbedded ? undefined : dbAddress, gateway));
  await teller.page(gateway);
}

function shippedLines(): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  return SONNETS.trimEnd()
    .split('\n')
    .map((line) => encoder.encode(line));
}

/** Resolves when the command is told to end. @throws what a role ended with. */
async function untilToldToEnd({ screen, signal }: CommandContext, fleet: Fleet): Promise<void> {
  const sum = (counter: 'answered' | 'failed') =>
    fleet.entries.reduce((total, { running }) => total + running.counters[counter], 0);
  const before = { answered: sum('answered'), failed: sum('failed') };
  const hide = showStatus(screen, () => {
    const answered = grouped(sum('answered') - before.answered);
    return `serving · ${answered} calls answered · ${grouped(sum('failed') - before.failed)} failed`;
  });
  try {
    await fleet.serve();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    hide();
  }
}
