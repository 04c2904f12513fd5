/** frond's ZMTP in TypeScript against zeromq.js: bare links, and a frond Server, a cluster and a relay over each. */
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, median, us } from './figures.ts';
import {
  type Kind,
  type Measured,
  runFrond,
  runScript,
  type Start,
  startProcess,
  withProcesses,
} from './processes.ts';

const kinds = ['zeromq', 'zmtp'] as const;

const WORKERS = 2;

/** Messages of a job that is set against the same on zeromq. Of fewer, over in half a second, V8's compiler takes much of the CPU. */
const COMPARED = 500_000;

interface Pulled {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

/** One stream of frames from one process to another. */
async function stream(kind: Kind, count: number, batch: number): Promise<Pulled> {
  await using pull = await startProcess('zmtp.mjs', 'pull', kind, String(count));
  const heard = pull.heard();
  await using _push = await startProcess('zmtp.mjs', 'push', kind, pull.said, String(count), String(batch));
  return JSON.parse(await heard) as Pulled;
}

async function compareStreams(
  bench: Bench,
  what: string,
  count: Readonly<Record<Kind, number>>,
  batch: number,
  least: number,
): Promise<void> {
  const cpu: Record<Kind, number[]> = { zeromq: [], zmtp: [] };
  const measure = async (kind: Kind) => {
    const { perSecond, cpuMicroseconds } = await stream(kind, Math.round(count[kind] * bench.scale), batch);
    cpu[kind].push(cpuMicroseconds);
    return perSecond;
  };
  const rate = await bench.inTurn(`PUSH to PULL, ${what}`, Math.max, {
    zeromq: () => measure('zeromq'),
    zmtp: () => measure('zmtp'),
  });
  const [ours, theirs] = [Math.min(...cpu.zmtp), Math.min(...cpu.zeromq)];
  bench.row(
    `PUSH to PULL, 100 bytes, ${what}: rate`,
    'zeromq.js',
    rate.zmtp / rate.zeromq,
    atLeast(least),
    `${k(rate.zmtp)} / ${k(rate.zeromq)}`,
  );
  bench.row(
    `the same: receiver's CPU each`,
    'zeromq.js',
    ours / theirs,
    atMost(0.25),
    `${us(ours)} / ${us(theirs)}`,
  );
}

async function compareTrips(bench: Bench): Promise<void> {
  const { rounds, scale } = bench;
  const count = String(Math.round(10_000 * scale));
  const p50: Record<Kind, number[]> = { zeromq: [], zmtp: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      bench.doing('round trips DEALER to ROUTER', `round ${round + 1} of ${rounds}, ${kind}`);
      await using reply = await startProcess('zmtp.mjs', 'reply', kind);
      const measured: Measured = await runScript('zmtp.mjs', ['ask', kind, reply.said, count]);
      p50[kind].push(measured.p50 ?? Number.NaN);
    }
  }
  const [ours, theirs] = [median(p50.zmtp), median(p50.zeromq)];
  bench.row(
    'round trip DEALER to ROUTER: p50',
    'zeromq.js',
    ours / theirs,
    atMost(0.5),
    `${us(ours * 1e6)} / ${us(theirs * 1e6)}`,
  );
}

/** A job, client and servers on the same transport: its rate, and the CPU that each message costs the client. */
async function compareJobs(
  bench: Bench,
  what: string,
  name: string,
  addresses: Readonly<Record<Kind, string>>,
  least: number,
): Promise<void> {
  const count = Math.round(COMPARED * bench.scale);
  const cpu: Record<Kind, number[]> = { zeromq: [], zmtp: [] };
  const measure = async (kind: Kind) => {
    const { seconds, cpuSeconds } = await runFrond('job', addresses[kind], name, count, { kind });
    cpu[kind].push((cpuSeconds / count) * 1e6);
    return count / seconds;
  };
  const rate = await bench.inTurn(`a job through ${what}`, Math.max, {
    zeromq: () => measure('zeromq'),
    zmtp: () => measure('zmtp'),
  });
  const [ours, theirs] = [Math.min(...cpu.zmtp), Math.min(...cpu.zeromq)];
  bench.row(
    `job through ${what} on zmtp: rate`,
    'the same on zeromq',
    rate.zmtp / rate.zeromq,
    atLeast(least),
    `${k(rate.zmtp)} / ${k(rate.zeromq)}`,
  );
  bench.row(
    'the same: client CPU each message',
    'the same on zeromq',
    ours / theirs,
    atMost(0.5),
    `${us(ours)} / ${us(theirs)}`,
  );
}

async function startCluster(start: Start, kind: Kind): Promise<string> {
  const master = await start('role.mjs', 'master', '', kind);
  for (let i = 0; i < WORKERS; i++) await start('role.mjs', 'worker', master, kind);
  return master;
}

/** A Master with Workers on zmtp: against the same on zeromq, `map` against `job`, and four hops against bare sockets. */
async function compareClusters(bench: Bench, start: Start): Promise<void> {
  const what = `Master + ${WORKERS} Workers`;
  const addresses = { zeromq: await startCluster(start, 'zeromq'), zmtp: await startCluster(start, 'zmtp') };
  await compareJobs(bench, what, 'master', addresses, 1.5);

  const count = Math.round(200_000 * bench.scale);
  const run = async (command: string) =>
    count / (await runFrond(command, addresses.zmtp, 'master', count, { kind: 'zmtp' })).seconds;
  const rate = await bench.inTurn('a map on the same cluster', Math.max, {
    job: () => run('job'),
    map: () => run('map'),
  });
  bench.row(
    'map, ordered, on the same cluster on zmtp: rate',
    'job',
    rate.map / rate.job,
    atLeast(0.95),
    `${k(rate.map)} / ${k(rate.job)}`,
  );

  const [pull = '', pub = '', push = '', back = ''] = (await start('bare.mjs', 'master')).split(' ');
  for (let i = 0; i < WORKERS; i++) await start('bare.mjs', 'worker', push, back);
  const trips = Math.round(6_000 * bench.scale);
  const trip = await bench.inTurn('round trips of four hops', Math.min, {
    zmtp: async () =>
      (await runFrond('trips', addresses.zmtp, 'master', trips, { kind: 'zmtp' })).p50 ?? Number.NaN,
    bare: async () => (await runScript('bare.mjs', ['trips', pull, pub, String(trips)])).p50 ?? Number.NaN,
  });
  bench.row(
    'four hops on zmtp, one round trip at a time: p50',
    'bare zeromq.js sockets',
    trip.zmtp / trip.bare,
    atMost(0.8),
    `${us(trip.zmtp * 1e6)} / ${us(trip.bare * 1e6)}`,
  );
}

/** The same work from the same client, through a relay with zmtp behind it, and straight. */
async function compareRelayed(bench: Bench, start: Start, server: string): Promise<void> {
  const url = await start('relay.mjs', 'zmtp', `server=${server}`);
  const count = Math.round(200_000 * bench.scale);
  const job = async (place: string) =>
    count / (await runFrond('job', place, 'server', count, { kind: 'zmtp' })).seconds;
  const rate = await bench.inTurn('a job through a relay with zmtp behind it', Math.max, {
    relayed: () => job(url),
    straight: () => job(server),
  });
  bench.row(
    'job through a relay with zmtp behind it: rate',
    'straight zmtp',
    rate.relayed / rate.straight,
    atLeast(0.8),
    `${k(rate.relayed)} / ${k(rate.straight)}`,
  );
  const trips = Math.round(6_000 * bench.scale);
  const trip = async (place: string) =>
    (await runFrond('trips', place, 'server', trips, { kind: 'zmtp' })).p50 ?? Number.NaN;
  const p50 = await bench.inTurn('evals through the same relay', Math.min, {
    relayed: () => trip(url),
    straight: () => trip(server),
  });
  bench.row(
    'one eval at a time by the same way',
    'straight zmtp',
    (p50.relayed - p50.straight) * 1e3,
    atMost(0.15, 'ms more'),
    `${us(p50.relayed * 1e6)} / ${us(p50.straight * 1e6)}`,
  );
}

export async function measureZmtp(bench: Bench): Promise<void> {
  await compareStreams(bench, 'one at a time', { zeromq: 300_000, zmtp: 3_000_000 }, 1, 8);
  await compareStreams(bench, '100 at a time', { zeromq: 1_000_000, zmtp: 5_000_000 }, 100, 3);
  await compareTrips(bench);
  await withProcesses(async (start) => {
    const zmtp = await start('role.mjs', 'server', '', 'zmtp');
    const zeromq = await start('role.mjs', 'server', '', 'zeromq');
    await compareJobs(bench, 'a frond Server', 'server', { zeromq, zmtp }, 1.7);
    await compareRelayed(bench, start, zmtp);
    await compareClusters(bench, start);
  });
}
