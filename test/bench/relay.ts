/** What the way through a relay costs: against straight ZeroMQ, with many clients, with idle ones, and in a page. */
import { bundleApp, PAGE_APP, PAGE_LIMIT } from '../support/bundle.ts';
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, us } from './figures.ts';
import { measureIdle } from './idle.ts';
import { runFrond, runScript, type Start, withProcesses } from './processes.ts';

const WORKERS = 2;
const CROWD = 1_000;
/** Messages of one job, and of those of a crowd: a thousand from each, since with fewer the start of a thousand jobs outweighs all else. */
const MANY = 200_000;
const MANY_OF_ALL = 1_000 * CROWD;

export async function measureRelay(bench: Bench): Promise<void> {
  await withProcesses(async (start) => {
    await measureWay(bench, start);
    await measureCancels(bench, start);
    await measureIdle(bench);
    await measureBundle(bench);
  });
}

async function measureWay(bench: Bench, start: Start): Promise<void> {
  const server = await start('role.mjs', 'server');
  const master = await start('role.mjs', 'master');
  for (let i = 0; i < WORKERS; i++) await start('role.mjs', 'worker', master);
  const url = await start('relay.mjs', 'zeromq', `server=${server}`, `master=${master}`);
  await measureTax(bench, 'a Server', 'server', server, url);
  await measureTax(bench, `Master + ${WORKERS} Workers`, 'master', master, url);
  await measureCrowd(bench, url);
}

/** The same work from the same client, by both ways to one server. */
async function measureTax(
  bench: Bench,
  what: string,
  name: string,
  address: string,
  url: string,
): Promise<void> {
  const many = Math.round(MANY * bench.scale);
  const job = async (place: string) => many / (await runFrond('job', place, name, many)).seconds;
  const rate = await bench.inTurn(`a job through a relay to ${what}`, Math.max, {
    relayed: () => job(url),
    straight: () => job(address),
  });
  bench.row(
    `job through a relay to ${what}: rate`,
    'straight ZeroMQ',
    rate.relayed / rate.straight,
    atLeast(0.6),
    `${k(rate.relayed)} / ${k(rate.straight)}`,
  );

  const evals = Math.round(3_000 * bench.scale);
  const trip = async (place: string) => (await runFrond('trips', place, name, evals)).p50 ?? Number.NaN;
  const p50 = await bench.inTurn(`evals through a relay to ${what}`, Math.min, {
    relayed: () => trip(url),
    straight: () => trip(address),
  });
  bench.row(
    'one eval at a time by the same way',
    'straight ZeroMQ',
    (p50.relayed - p50.straight) * 1e3,
    atMost(0.3, 'ms more'),
    `${us(p50.relayed * 1e6)} / ${us(p50.straight * 1e6)}`,
  );
}

/** A client behind a relay cancels the call that keeps the only worker of a Master busy. */
async function measureCancels(bench: Bench, start: Start): Promise<void> {
  const master = await start('role.mjs', 'master');
  await start('role.mjs', 'worker', master);
  const url = await start('relay.mjs', 'zeromq', `master=${master}`);
  const count = Math.max(20, Math.round(200 * bench.scale));
  bench.doing('cancelled calls through a relay');
  const p50 = (await runFrond('cancels', url, 'master', count)).p50 ?? Number.NaN;
  bench.row(
    'cancel to freed worker, through a relay: p50',
    '—',
    p50 * 1e3,
    atMost(20, 'ms'),
    `${count} calls, to the answer of the call behind`,
  );
}

async function measureCrowd(bench: Bench, url: string): Promise<void> {
  const total = Math.round(MANY_OF_ALL * bench.scale);
  const job = async (clients: number) => {
    const args = ['job', url, 'server', String(clients), String(total)];
    return total / (await runScript('crowd.mjs', args)).seconds;
  };
  const { ours, theirs } = await bench.inPairs('jobs of many clients through a relay', {
    ours: () => job(CROWD),
    theirs: () => job(1),
  });
  bench.row(
    `jobs of ${CROWD.toLocaleString('en')} clients through a relay: rate of all`,
    'one client through it',
    ours / theirs,
    atLeast(0.8),
    `${k(ours)} / ${k(theirs)}`,
  );
}

async function measureBundle(bench: Bench): Promise<void> {
  bench.doing('the size of a page’s client');
  const { code, gzipped } = await bundleApp(PAGE_APP);
  bench.row(
    'the client through a relay, in a page: gzip -9',
    '—',
    gzipped / 1024,
    atMost(PAGE_LIMIT / 1024, 'KiB'),
    `${(code.length / 1024).toFixed(1)} KiB minified`,
  );
}
