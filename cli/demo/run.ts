/** `frond demo`, from its start to its end. */
import { basename } from 'node:path';
import { PalmError } from '../../src/protocol/errors.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import type { CommandContext } from '../command.ts';
import { unlessAborted, untilToldToEnd } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { linesOf, openFile } from '../input.ts';
import { Fleet } from '../roles/fleet.ts';
import { grouped } from '../terminal/progress.ts';
import { quoted } from '../terminal/text.ts';
import { type Cluster, demoAddresses, serversOf, startCluster } from './cluster.ts';
import { type Gateway, openGateway, openInBrowser } from './gateway.ts';
import { type DemoReporter, JsonReporter, nextSteps, PlainReporter, stepsAfter } from './reporter.ts';
import { SONNETS } from './sonnets.ts';
import { runTour } from './tour.ts';

/** Milliseconds that calls under way get to finish when the demo ends. */
const DRAIN = 1_000;

const MOST_PORT = 65_535;

/** Resolves with the exit code. @throws what ends the demo before it is told to end. */
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
    const reporter = reporterFor(context, network);
    await unlessAborted(signal, show({ context, network, cluster, gateway, reporter, lines, about, took }));
    if (gateway === undefined) return 0;
    if (options.flag('open')) openInBrowser(gateway.link, io.env);
    await untilToldToEnd(context, { status: statusFrom(fleet), failed: fleet.serve() });
    return 0;
  } finally {
    await gateway?.close(signal.aborted ? DRAIN : 0);
    await fleet.close(signal.aborted ? 0 : DRAIN);
  }
}

function checkOptions({ options }: CommandContext): void {
  for (const name of ['open', 'port'] as const) {
    if (options.flag('once') && options.isGiven(name))
      throw new CommandError(
        'USAGE',
        `--${name} and --once exclude each other: with --once there is no page`,
      );
  }
  const port = options.number('port') ?? 0;
  if (port > MOST_PORT) throw new CommandError('USAGE', `--port must be from 0 to ${MOST_PORT}, not ${port}`);
}

function reporterFor({ io, options, output }: CommandContext, network: DemoNetwork): DemoReporter {
  if (options.flag('json')) return new JsonReporter(output);
  return new PlainReporter(io, output, options.flag('all'), network.isEmbedded);
}

interface Show {
  readonly context: CommandContext;
  readonly network: DemoNetwork;
  readonly cluster: Cluster;
  readonly gateway: Gateway | undefined;
  readonly reporter: DemoReporter;
  /** What the job runs over. */
  readonly lines: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** What {@link lines} are, in words. */
  readonly about: string;
  /** Milliseconds that starting took. */
  readonly took: number;
}

async function show({
  context,
  network,
  cluster,
  gateway,
  reporter,
  lines,
  about,
  took,
}: Show): Promise<void> {
  const { io, screen, signal } = context;
  const { transport, isEmbedded } = network;
  await reporter.clusterIsUp(cluster, took);
  const { dbAddress } = cluster;
  await reporter.ended(await runTour({ transport, dbAddress, reporter, screen, signal, lines, about }));
  if (gateway === undefined) return reporter.next(stepsAfter(io.invocation, isEmbedded));
  await reporter.next(nextSteps(io.invocation, isEmbedded ? undefined : dbAddress, gateway));
  await reporter.page(gateway);
}

function shippedLines(): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  return SONNETS.trimEnd()
    .split('\n')
    .map((line) => encoder.encode(line));
}

/** A status line that counts calls from now on, without those of the tour. */
function statusFrom(fleet: Fleet): () => string {
  const sum = (counter: 'answered' | 'failed') =>
    fleet.entries.reduce((total, { running }) => total + running.counters[counter], 0);
  const before = { answered: sum('answered'), failed: sum('failed') };
  return () => {
    const answered = grouped(sum('answered') - before.answered);
    return `serving · ${answered} calls answered · ${grouped(sum('failed') - before.failed)} failed`;
  };
}

// The transport between the parts of the demo: ZeroMQ where it is installed.

/** The transport of the demo's cluster. */
export interface DemoNetwork {
  readonly transport: BindingTransport;
  /** An address that binds a free port or name. */
  readonly any: string;
  /** Whether ZeroMQ is missing, so that everything stays within this process. */
  readonly isEmbedded: boolean;
}

/**
 * Finds out whether ZeroMQ is there.
 * @param mayBeEmbedded - whether the demo may run without ZeroMQ.
 * @throws PalmError `INVALID_CALL` when it may not, and ZeroMQ is missing.
 */
export async function findNetwork(mayBeEmbedded: boolean): Promise<DemoNetwork> {
  const transport = zeromq();
  try {
    const connection = await transport.open();
    await connection.close({ timeout: 0 });
  } catch (error) {
    if (!mayBeEmbedded || !(error instanceof PalmError) || error.code !== 'INVALID_CALL') throw error;
    return { transport: memory(), any: 'memory://*', isEmbedded: true };
  }
  return { transport, any: 'tcp://127.0.0.1:*', isEmbedded: false };
}
