/** What a message costs on NATS as Masters and clients become more: the CPU of the whole machine, and how long one call takes. */
import { NatsServer } from '../support/nats-server.ts';
import type { Bench } from './bench.ts';
import { k, stated, us } from './figures.ts';
import { runScript, withProcesses } from './processes.ts';

const MASTERS = [1, 2, 4, 8, 16, 32];
const CLIENTS = [10, 100, 1_000, 10_000];

/** Workers of each cluster, whatever the number of its Masters. */
const WORKERS = 2;

interface Cost {
  readonly rate: number;
  /** Seconds of all cores for a message. */
  readonly cpu: number;
  /** The same for a second in which nobody calls. */
  readonly idle: number;
  readonly p50: number;
}

export async function measureScale(bench: Bench): Promise<void> {
  // A quick run has no time for a curve.
  const some = (counts: readonly number[]) => (bench.scale < 1 ? counts.slice(0, 1) : counts);
  const first = await costOf(bench, 1, 10);
  const costs = [first];
  for (const count of some(MASTERS).slice(1)) costs.push(await costOf(bench, count, 10));
  tell(bench, 'Masters', MASTERS, costs);
  const crowds = [first];
  for (const count of some(CLIENTS).slice(1)) crowds.push(await costOf(bench, 1, count));
  tell(bench, 'clients', CLIENTS, crowds);
}

async function costOf(bench: Bench, masters: number, clients: number): Promise<Cost> {
  bench.doing(`${clients} clients of ${masters} Masters`);
  await using ground = await NatsServer.start();
  const { url } = ground;
  let cost: Cost | undefined;
  await withProcesses(async (start) => {
    for (let i = 0; i < masters; i++) await start('role.mjs', 'master', 'nats:all', 'nats', url);
    for (let i = 0; i < WORKERS; i++) await start('role.mjs', 'worker', 'nats:all', 'nats', url);
    const count = Math.round(100_000 * bench.scale);
    const args = ['nats', url, 'nats:all', String(clients), String(Math.max(count, clients))];
    cost = (await runScript('crowd.mjs', args)) as unknown as Cost;
  });
  if (cost === undefined) throw new Error('nothing was measured');
  return cost;
}

function tell(bench: Bench, what: string, counts: readonly number[], costs: readonly Cost[]): void {
  const [first] = costs;
  for (const [i, { cpu, rate, p50, idle }] of costs.entries())
    bench.row(
      `${counts[i]} ${what} on NATS: CPU of all cores for a message`,
      `${counts[0]} ${what}`,
      cpu / (first?.cpu ?? Number.NaN),
      stated,
      `${us(cpu * 1e6)}, ${k(rate)}, one call ${us(p50 * 1e6)}, idle ${(idle * 100).toFixed(1)} % of a core`,
    );
}
