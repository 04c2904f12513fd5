/** Work that is asked for against work that is pushed, both by frond's Master, and what becomes of a killed worker's. */
import { Client } from '../../src/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { atLeast, atMost, inTurn, k, median, ms, type Row, row, scale } from './figures.ts';
import { type BenchProcess, runFrond, startProcess } from './processes.ts';

const WORKERS = 4;
/** Milliseconds that a quick worker takes for a message, and the slow one. */
const QUICK = '1';
const SLOW = '40';
/** Milliseconds of a Master that says nothing else. */
const HEARTBEAT = 1_000;
const KILLS = Math.max(3, Math.round(11 * scale));

type How = 'leased' | 'pushed';

export async function measureHandOver(): Promise<Row[]> {
  const many = Math.round(200_000 * scale);
  const rate = (how: How) => async () =>
    withCrew(how, [], async (db) => many / (await runFrond('job', db, 'master', many)).seconds);
  const rates = await inTurn(Math.max, { leased: rate('leased'), pushed: rate('pushed') });
  const paced = Math.round(2_000 * scale);
  const tail = (how: How) => async () =>
    withCrew(
      how,
      [QUICK, QUICK, QUICK, SLOW],
      async (db) => (await runFrond('paced', db, 'master', paced)).p99 ?? Number.NaN,
    );
  const tails = await inTurn(Math.min, { leased: tail('leased'), pushed: tail('pushed') });
  const times = await deaths();
  const answered = median(times);
  return [
    row(
      `job through Master + ${WORKERS} Workers that ask: rate`,
      'the same, pushed to',
      rates.leased / rates.pushed,
      atLeast(0.8),
      `${k(rates.leased)} / ${k(rates.pushed)}`,
    ),
    row(
      `calls at ${1_000 / 5} a second, one Worker in ${WORKERS} slow: p99`,
      'the same, pushed to',
      tails.leased / tails.pushed,
      atMost(0.25),
      `${ms(tails.leased)} / ${ms(tails.pushed)}`,
    ),
    row(
      'SIGKILL of a Worker to the answer that it owed: p50',
      'a heartbeat',
      answered / HEARTBEAT,
      atMost(2),
      `${answered.toFixed(0)} ms / ${HEARTBEAT} ms, longest ${Math.max(...times).toFixed(0)} ms`,
    ),
  ];
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
async function deaths(): Promise<number[]> {
  await using master = await startProcess('role.mjs', 'master');
  await using client = await Client.connect({ transport: zeromq(), dbAddress: master.said });
  const times: number[] = [];
  let [one, other] = await Promise.all([hire(master.said), hire(master.said)]);
  for (let kill = 0; kill < KILLS; kill++) {
    const call = client.eval('master.lost', new TextEncoder().encode(String(kill)));
    const victim = await Promise.race([one.heard().then(() => one), other.heard().then(() => other)]);
    const begin = performance.now();
    victim.kill();
    await call;
    times.push(performance.now() - begin);
    await victim[Symbol.asyncDispose]();
    [one, other] = [victim === one ? other : one, await hire(master.said)];
  }
  for (const worker of [one, other]) await worker[Symbol.asyncDispose]();
  return times;
}

const hire = (db: string) => startProcess('crew.mjs', db, 'leased');
