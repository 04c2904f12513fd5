import { Client } from '../../src/client/client.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { text } from '../../src/protocol/payload.ts';
import type { BindingTransport } from '../../src/transport.ts';
import { showProgress } from '../terminal/progress.ts';
import type { Screen } from '../terminal/screen.ts';
import type { DemoReporter, Summary } from './reporter.ts';

/** What a tour runs with. */
export interface Tour {
  readonly transport: BindingTransport;
  readonly dbAddress: string;
  readonly reporter: DemoReporter;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  /** What the job runs over. */
  readonly lines: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** What {@link lines} are, in words. */
  readonly about: string;
  /** Messages of the job that shows the speed. */
  readonly many: number;
}

const CALLS = [
  ['demo.upper', 'shall I compare thee to a palm tree?'],
  ['demo.reverse', 'stressed'],
] as const;

/** Milliseconds without a result after which the job fails. */
const PATIENCE = 10_000;
/** How many lines of the first job that job repeats. */
const KEPT = 1_000;

/** Shows what a client does with the server `demo`: calls, a job, a shared key. Resolves with figures for the end. */
export async function runTour(tour: Tour): Promise<Summary> {
  const started = performance.now();
  const client = await connect(tour);
  try {
    await showEvals(tour, client);
    const job = await showJob(tour, client);
    const isLong = job.lines >= tour.many || job.lines === 0;
    const again = isLong ? job : await showSpeed(tour, client, job.kept);
    await showSharing(tour, client);
    return {
      lines: job.lines,
      messages: CALLS.length + job.lines + (isLong ? 0 : tour.many),
      perSecond: again.took > 0 ? ((isLong ? job.lines : tour.many) * 1_000) / again.took : 0,
      took: performance.now() - started,
    };
  } finally {
    await client.close(tour.signal.aborted ? { timeout: 0 } : {});
  }
}

function connect({ transport, dbAddress, signal }: Tour): Promise<Client> {
  return Client.connect({ transport, serverName: 'demo', dbAddress, signal, loggingLevel: 'silent' });
}

async function showEvals({ reporter, signal }: Tour, client: Client): Promise<void> {
  for (const [path, payload] of CALLS) {
    const started = performance.now();
    const answer = await client.with(text()).eval(path, payload, { signal });
    await reporter.called(path, payload, answer, performance.now() - started);
  }
}

async function showJob({ reporter, screen, signal, lines, about }: Tour, client: Client) {
  const path = 'demo.words';
  const kept: Uint8Array[] = [];
  let sent = 0;
  let isInputOver = false;
  let results = 0;
  let words = 0;
  async function* input() {
    for await (const line of lines) {
      if (kept.length < KEPT) kept.push(line);
      sent++;
      yield line;
    }
    isInputOver = true;
    if (results === sent) await job.return?.();
  }
  await reporter.jobBegins(path, about);
  const started = performance.now();
  const job = client.job(path, input(), { signal, idleTimeout: PATIENCE });
  const total = () => (isInputOver ? sent : undefined);
  const stop = showProgress(screen, () => ({ results, total: total(), failed: 0 }));
  try {
    for await (const result of job) {
      results++;
      words += countOf(result);
      await reporter.result(result);
      if (isInputOver && results === sent) break;
    }
  } finally {
    stop();
  }
  const took = performance.now() - started;
  await reporter.jobEnded(results, words, took);
  return { lines: results, kept, took };
}

/** The number that a result of demo.words begins with. */
function countOf(result: Bytes): number {
  return Number.parseInt(new TextDecoder().decode(result.subarray(0, 16)), 10);
}

async function showSpeed(
  { reporter, screen, signal, many }: Tour,
  client: Client,
  lines: readonly Uint8Array[],
) {
  let results = 0;
  const started = performance.now();
  const stop = showProgress(screen, () => ({ results, total: many, failed: 0 }));
  try {
    for await (const _ of client.job('demo.words', overAndOver(lines, many), { messages: many, signal }))
      results++;
  } finally {
    stop();
  }
  const took = performance.now() - started;
  await reporter.repeated(many, took);
  return { took };
}

function* overAndOver<T>(items: readonly T[], count: number): Generator<T> {
  for (let left = count; left > 0; ) {
    for (const item of items.slice(0, left)) yield item;
    left -= items.length;
  }
}

async function showSharing(tour: Tour, client: Client): Promise<void> {
  const { reporter, signal } = tour;
  const other = await connect(tour);
  try {
    const started = performance.now();
    const key = await client.with(text()).set('festina lente', 'motto', { signal });
    const value = await other.with(text()).get(key, { signal });
    await reporter.shared(key, value ?? '', performance.now() - started);
  } finally {
    await other.close(signal.aborted ? { timeout: 0 } : {});
  }
}
