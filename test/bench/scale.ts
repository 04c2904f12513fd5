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

/** Clients where the Masters are counted. */
const FEW_CLIENTS = 10;

export async function measureScale(bench: Bench): Promise<void> {
  const first = await costOf(bench, 1, FEW_CLIENTS);
  await curve(bench, 'Masters', MASTERS, first, (count) => costOf(bench, count, FEW_CLIENTS));
  await curve(bench, 'clients', CLIENTS, first, (count) => costOf(bench, 1, count));
}

/** A row for each count, against the first. A quick run has no time for more than that one. */
async function curve(
  bench: Bench,
  what: string,
  counts: readonly number[],
  first: Cost,
  measure: (count: number) => Promise<Cost>,
): Promise<void> {
  for (const count of bench.scale < 1 ? counts.slice(0, 1) : counts) {
    const { cpu, rate, p50, idle } = count === counts[0] ? first : await measure(count);
    bench.row(
      `${count} ${what} on NATS: CPU of all cores for a message`,
      `${counts[0]} ${what}`,
      cpu / first.cpu,
      stated,
      `${us(cpu * 1e6)}, ${k(rate)}, one call ${us(p50 * 1e6)}, idle ${(idle * 100).toFixed(1)} % of a core`,
    );
  }
}

async function costOf(bench: Bench, masters: number, clients: number): Promise<Cost> {
  bench.doing(`${clients} clients of ${masters} Masters`);
  await using ground = await NatsServer.start();
  const { url } = ground;
  return await withProcesses(async (start) => {
    for (let i = 0; i < masters; i++) await start('role.mjs', 'master', 'nats:all', 'nats', url);
    for (let i = 0; i < WORKERS; i++) await start('role.mjs', 'worker', 'nats:all', 'nats', url);
    const count = Math.round(100_000 * bench.scale);
    return runScript<Cost>('crowd.mjs', [
      'nats',
      url,
      'nats:all',
      `${clients}`,
      `${Math.max(count, clients)}`,
    ]);
  });
}
