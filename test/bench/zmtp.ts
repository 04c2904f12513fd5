/** frond's ZMTP in TypeScript against zeromq.js: bare links, and a frond Server over each. */
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, median, us } from './figures.ts';
import { type Measured, runScript, startProcess } from './processes.ts';

type Kind = 'zeromq' | 'zmtp';
const kinds = ['zeromq', 'zmtp'] as const;

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

/** A job through a frond Server, client and Server on the same transport. */
async function compareJobs(bench: Bench): Promise<void> {
  const count = Math.round(200_000 * bench.scale);
  const cpu: Record<Kind, number[]> = { zeromq: [], zmtp: [] };
  await using zeromq = await startProcess('role.mjs', 'server', '', 'zeromq');
  await using zmtp = await startProcess('role.mjs', 'server', '', 'zmtp');
  const servers = { zeromq: zeromq.said, zmtp: zmtp.said };
  const measure = async (kind: Kind) => {
    const { seconds, cpuSeconds } = await runScript('client.mjs', [
      'job',
      servers[kind],
      'server',
      String(count),
      kind,
    ]);
    cpu[kind].push((cpuSeconds / count) * 1e6);
    return count / seconds;
  };
  const rate = await bench.inTurn('a job through a frond Server', Math.max, {
    zeromq: () => measure('zeromq'),
    zmtp: () => measure('zmtp'),
  });
  const [ours, theirs] = [Math.min(...cpu.zmtp), Math.min(...cpu.zeromq)];
  bench.row(
    'job through a frond Server on zmtp: rate',
    'the same on zeromq',
    rate.zmtp / rate.zeromq,
    atLeast(1.7),
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

export async function measureZmtp(bench: Bench): Promise<void> {
  await compareStreams(bench, 'one at a time', { zeromq: 300_000, zmtp: 3_000_000 }, 1, 8);
  await compareStreams(bench, '100 at a time', { zeromq: 1_000_000, zmtp: 5_000_000 }, 100, 3);
  await compareTrips(bench);
  await compareJobs(bench);
}
