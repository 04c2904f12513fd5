/** `frond demo`, from its start to its end. */
import { basename } from 'node:path';
import type { BindingTransport } from '../../src/transport.ts';
import { checkNatsPackages, clusterTransport, natsTransport } from '../cluster-transport.ts';
import type { CommandContext } from '../command.ts';
import { unlessAborted, untilToldToEnd } from '../ending.ts';
import { CommandError } from '../errors.ts';
import { linesOf, openFile } from '../input.ts';
import { isNatsAddress } from '../nats-access.ts';
import { Fleet } from '../roles/fleet.ts';
import { grouped } from '../terminal/progress.ts';
import { quoted } from '../terminal/text.ts';
import { type Cluster, demoAddresses, serversOf, startCluster } from './cluster.ts';
import { type Gateway, openGateway, openInBrowser } from './gateway.ts';
import { DemoNats } from './nats-server.ts';
import { type DemoReporter, JsonReporter, nextSteps, PlainReporter, stepsAfter } from './reporter.ts';
import { SONNETS } from './sonnets.ts';
import { runTour } from './tour.ts';

/** Milliseconds that calls under way get to finish when the demo ends. */
const DRAIN = 1_000;

const MOST_PORT = 65_535;

/** Messages of the job that shows the speed; NATS stores each, which takes its time. */
const MANY = 30_000;
const MANY_STORED = 5_000;

/** Streams keep room for all that they may hold, and a demo needs little. */
const ON_NATS = { queueBytes: 67_108_864, resultBytes: 67_108_864 };

/** Binds a free port. */
const ANY = 'tcp://127.0.0.1:*';

/** Resolves with the exit code. @throws what ends the demo before it is told to end. */
export async function runDemo(context: CommandContext): Promise<number> {
  const { options, signal, io } = context;
  checkOptions(context);
  const isOnNats = options.isGiven('nats');
  const place = (name: string) => (isOnNats ? `nats:${name}` : ANY);
  const addresses = demoAddresses(options.text('db'), place('demo'));
  const [file] = context.positionals;
  const lines = file === undefined ? shippedLines() : linesOf(await openFile(file), quoted(file));
  const about = file === undefined ? 'ten sonnets by Shakespeare' : basename(file);
  if (isOnNats) await checkNatsPackages('--nats');
  const nats = isOnNats ? await DemoNats.start(context) : undefined;
  // A terminal that is closed ends the demo as Ctrl-C does, so that its nats-server does not stay.
  const stopHangups = nats && io.onHangup?.(() => {});
  const transport = nats ? await natsTransport(nats, ON_NATS) : await clusterTransport(options);
  const fleet = new Fleet(transport, signal);
  let gateway: Gateway | undefined;
  try {
    const started = performance.now();
    const cluster = await startCluster(fleet, place, addresses, context);
    const took = performance.now() - started;
    if (!options.flag('once')) gateway = await openGateway(context, transport, serversOf(cluster));
    const reporter = reporterFor(context);
    await unlessAborted(
      signal,
      show({ context, transport, cluster, gateway, reporter, lines, about, took, nats: nats?.url }),
    );
    if (gateway === undefined) return 0;
    if (options.flag('open')) openInBrowser(gateway.link, io.env);
    const failed = Promise.race([fleet.serve(), ...(nats === undefined ? [] : [nats.failed])]);
    await untilToldToEnd(context, { status: statusFrom(fleet), failed });
    return 0;
  } finally {
    await gateway?.close(signal.aborted ? DRAIN : 0);
    await fleet.close(signal.aborted ? 0 : DRAIN);
    await nats?.close();
    stopHangups?.();
  }
}

function checkOptions({ options }: CommandContext): void {
  const [isOnNats, db] = [options.isGiven('nats'), options.text('db')];
  if (isOnNats && options.isGiven('native'))
    throw new CommandError(
      'USAGE',
      '--native and --nats exclude each other: it chooses a library for ZeroMQ',
    );
  if (isOnNats && db !== undefined && !isNatsAddress(db))
    throw new CommandError('USAGE', `with --nats, --db must be nats:NAME, not ${quoted(db)}`);
  if (!isOnNats && isNatsAddress(db))
    throw new CommandError('USAGE', `--db ${quoted(db ?? '')} needs --nats: it is an address over NATS`);
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

function reporterFor({ io, options, output }: CommandContext): DemoReporter {
  if (options.flag('json')) return new JsonReporter(output);
  return new PlainReporter(io, output, options.flag('all'));
}

interface Show {
  readonly context: CommandContext;
  readonly transport: BindingTransport;
  readonly cluster: Cluster;
  readonly gateway: Gateway | undefined;
  readonly reporter: DemoReporter;
  /** What the job runs over. */
  readonly lines: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** What {@link lines} are, in words. */
  readonly about: string;
  /** Where NATS is, for a demo on it. */
  readonly nats: string | undefined;
  /** Milliseconds that starting took. */
  readonly took: number;
}

async function show({
  context,
  transport,
  cluster,
  gateway,
  reporter,
  lines,
  about,
  took,
  nats,
}: Show): Promise<void> {
  const { io, screen, signal } = context;
  await reporter.clusterIsUp(cluster, took);
  const { dbAddress } = cluster;
  const many = nats === undefined ? MANY : MANY_STORED;
  await reporter.ended(await runTour({ transport, dbAddress, reporter, screen, signal, lines, about, many }));
  if (gateway === undefined) return reporter.next(stepsAfter(io.invocation, nats !== undefined));
  await reporter.next(nextSteps(io.invocation, dbAddress, nats));
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
