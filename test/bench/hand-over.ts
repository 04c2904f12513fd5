/** Work that Workers ask for against work that is pushed to them, both by frond's Master, and how long a killed Worker's work takes. */
import { Client } from '../../src/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, median, ms } from './figures.ts';
import { type BenchProcess, type Kind, runFrond, startProcess } from './processes.ts';

const WORKERS = 4;
/** Milliseconds that a quick worker takes for a message, and the slow one. */
const QUICK = '1';
const SLOW = '40';
/** Milliseconds of a Master that says nothing else. */
const HEARTBEAT = 1_000;
/** Workers that are killed, and how many at least with little work. */
const KILLS = 11;
const LEAST_KILLS = 3;

type How = 'leased' | 'pushed';

export async function measureHandOver(bench: Bench): Promise<void> {
  const { scale } = bench;
  const many = Math.round(200_000 * scale);
  const rate = (how: How) => async () =>
    withCrew(how, [], async (db) => many / (await runFrond('job', db, 'master', many)).seconds);
  const rates = await bench.inTurn('a job whose work is leased or pushed', Math.max, {
    leased: rate('leased'),
    pushed: rate('pushed'),
  });
  bench.row(
    `job through Master + ${WORKERS} Workers that ask: rate`,
    'the same, pushed to',
    rates.leased / rates.pushed,
    atLeast(0.8),
    `${k(rates.leased)} / ${k(rates.pushed)}`,
  );

  const paced = Math.round(2_000 * scale);
  const tail = (how: How) => async () =>
    withCrew(
      how,
      [QUICK, QUICK, QUICK, SLOW],
      async (db) => (await runFrond('paced', db, 'master', paced)).p99 ?? Number.NaN,
    );
  const tails = await bench.inTurn('calls while one Worker is slow', Math.min, {
    leased: tail('leased'),
    pushed: tail('pushed'),
  });
  bench.row(
    `calls at ${1_000 / 5} a second, one Worker in ${WORKERS} slow: p99`,
    'the same, pushed to',
    tails.leased / tails.pushed,
    atMost(0.25),
    `${ms(tails.leased)} / ${ms(tails.pushed)}`,
  );

  await measureDeaths(bench, 'zeromq', 2);
  await measureDeaths(bench, 'zmtp', 0.06);
}

async function measureDeaths(bench: Bench, kind: Kind, most: number): Promise<void> {
  const times = await deaths(bench, kind);
  const answered = median(times);
  bench.row(
    `SIGKILL of a Worker to the answer that it owed, on ${kind}: p50`,
    'a heartbeat',
    answered / HEARTBEAT,
    atMost(most),
    `${answered.toFixed(0)} ms / ${HEARTBEAT} ms, longest ${Math.max(...times).toFixed(0)} ms`,
  );
}

/** @param naps - of the workers; none say nothing. */
async function withCrew<T>(how: How, naps: readonly string[], run: (db: string) => Promise<T>): Promise<T> {
  await using master = await startProcess('role.mjs', 'master');
  const crew: BenchProcess[] = [];
  try {
    for (let i = 0; i < WORKERS; i++) {
      crew.push(await startProcess('crew.mjs', master.said, how, naps[i] ?? '0'));
    }
    return await run(master.said);
  } finally {
    for (const worker of crew) await worker[Symbol.asyncDispose]();
  }
}

/** Milliseconds from the death of a worker to the answer to what it had. */
async function deaths(bench: Bench, kind: Kind): Promise<number[]> {
  const kills = Math.max(LEAST_KILLS, Math.round(KILLS * bench.scale));
  const transport = kind === 'zmtp' ? zmtp() : zeromq();
  await using master = await startProcess('role.mjs', 'master', '', kind);
  await using client = await Client.connect({ transport, dbAddress: master.said });
  const hire = () => startProcess('crew.mjs', master.said, 'leased', '0', kind);
  const times: number[] = [];
  let [one, other] = await Promise.all([hire(), hire()]);
  for (let kill = 0; kill < kills; kill++) {
    bench.doing(`the death of a Worker on ${kind}`, `${kill + 1} of ${kills}`);
    const call = client.eval('master.lost', new TextEncoder().encode(String(kill)));
    const victim = await Promise.race([one.heard().then(() => one), other.heard().then(() => other)]);
    const begin = performance.now();
    victim.kill();
    await call;
    times.push(performance.now() - begin);
    await victim[Symbol.asyncDispose]();
    [one, other] = [victim === one ? other : one, await hire()];
  }
  for (const worker of [one, other]) await worker[Symbol.asyncDispose]();
  return times;
}
