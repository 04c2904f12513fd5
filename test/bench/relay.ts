/** What the way through a relay costs: against straight ZeroMQ, with many clients, with idle ones, and in a page. */
import { bundleApp, PAGE_APP, PAGE_LIMIT } from '../support/bundle.ts';
import { atLeast, atMost, inPairs, inTurn, k, type Row, row, scale, us } from './figures.ts';
import { measureIdle } from './idle.ts';
import { type BenchProcess, runFrond, runScript, startProcess } from './processes.ts';

const WORKERS = 2;
const CROWD = 1_000;
const many = Math.round(200_000 * scale);
/** Of a crowd, a thousand from each: with fewer, what it takes to begin a thousand jobs is all there is to see. */
const manyOfAll = Math.round(1_000 * CROWD * scale);

export async function measureRelay(): Promise<Row[]> {
  const started: BenchProcess[] = [];
  const start = async (script: string, ...args: string[]) => {
    const process = await startProcess(script, ...args);
    started.push(process);
    return process.said;
  };
  try {
    return [...(await measureWay(start)), ...(await measureIdle()), await measureBundle()];
  } finally {
    for (const process of started.reverse()) await process[Symbol.asyncDispose]();
  }
}

async function measureWay(start: (script: string, ...args: string[]) => Promise<string>): Promise<Row[]> {
  const server = await start('role.mjs', 'server');
  const master = await start('role.mjs', 'master');
  for (let i = 0; i < WORKERS; i++) await start('role.mjs', 'worker', master);
  const url = await start('relay.mjs', `server=${server}`, `master=${master}`);
  return [
    ...(await measureTax('a Server', 'server', server, url)),
    ...(await measureTax(`Master + ${WORKERS} Workers`, 'master', master, url)),
    await measureCrowd(url),
  ];
}

/** The same work from the same client, by both ways to one server. */
async function measureTax(what: string, name: string, address: string, url: string): Promise<Row[]> {
  const job = async (place: string) => many / (await runFrond('job', place, name, many)).seconds;
  const rate = await inTurn(Math.max, { relayed: () => job(url), straight: () => job(address) });
  const evals = Math.round(3_000 * scale);
  const trip = async (place: string) => (await runFrond('trips', place, name, evals)).p50 ?? Number.NaN;
  const p50 = await inTurn(Math.min, { relayed: () => trip(url), straight: () => trip(address) });
  return [
    row(
      `job through a relay to ${what}: rate`,
      'straight ZeroMQ',
      rate.relayed / rate.straight,
      atLeast(0.6),
      `${k(rate.relayed)} / ${k(rate.straight)}`,
    ),
    row(
      'one eval at a time by the same way',
      'straight ZeroMQ',
      (p50.relayed - p50.straight) * 1e3,
      atMost(0.3, 'ms more'),
      `${us(p50.relayed * 1e6)} / ${us(p50.straight * 1e6)}`,
    ),
  ];
}

async function measureCrowd(url: string): Promise<Row> {
  const job = async (clients: number) => {
    const args = ['job', url, 'server', String(clients), String(manyOfAll)];
    return manyOfAll / (await runScript('crowd.mjs', args)).seconds;
  };
  const { ours, theirs } = await inPairs({ ours: () => job(CROWD), theirs: () => job(1) });
  return row(
    `jobs of ${CROWD.toLocaleString('en')} clients through a relay: rate of all`,
    'one client through it',
    ours / theirs,
    atLeast(0.8),
    `${k(ours)} / ${k(theirs)}`,
  );
}

async function measureBundle(): Promise<Row> {
  const { code, gzipped } = await bundleApp(PAGE_APP);
  return row(
    'the client through a relay, in a page: gzip -9',
    '—',
    gzipped / 1024,
    atMost(PAGE_LIMIT / 1024, 'KiB'),
    `${(code.length / 1024).toFixed(1)} KiB minified`,
  );
}
