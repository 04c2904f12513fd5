/** A Master with two workers on a nats-server: against bare nats.js that does the same with its streams, and against ZeroMQ. */
import { NatsServer } from '../support/nats-server.ts';
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, stated, us } from './figures.ts';
import { runFrond, runScript, withProcesses } from './processes.ts';

const WORKERS = 2;

export async function measureNats(bench: Bench): Promise<void> {
  await using ground = await NatsServer.start();
  const { url } = ground;
  await withProcesses(async (start) => {
    const master = await start('role.mjs', 'master', '', 'nats', url);
    const straight = await start('role.mjs', 'master', '', 'zmtp');
    for (let i = 0; i < WORKERS; i++) {
      await start('role.mjs', 'worker', master, 'nats', url);
      await start('role.mjs', 'worker', straight, 'zmtp');
      await start('bare-nats.mjs', 'worker', url);
    }
    await compareJobs(bench, { url, master, straight });
    for (const count of [1, 4]) {
      const address = `nats:of${count}`;
      for (let i = 0; i < count; i++) {
        await start('role.mjs', 'master', address, 'nats', url);
        await start('role.mjs', 'worker', address, 'nats', url);
      }
    }
    await compareMasters(bench, url);
    await compareWaits(bench, url);
  });
}

/** One call at a time, alone and while another client's job waits at the same Master. */
async function compareWaits(bench: Bench, url: string): Promise<void> {
  const options = { kind: 'nats', servers: url } as const;
  const calls = Math.round(1_000 * bench.scale);
  const p50 = async () => (await runFrond('evals', 'nats:of1', 'master', calls, options)).p50 ?? Number.NaN;
  const inputs = Math.round(100_000 * bench.scale);
  bench.doing(`one call while ${inputs} inputs of another client wait`);
  const alone = await p50();
  const beside = await withProcesses(async (start) => {
    await start('client.mjs', 'crowd', 'nats:of1', 'master', `${inputs}`, 'nats', url);
    return p50();
  });
  bench.row(
    `one call of a function of 1 ms while ${inputs.toLocaleString('en')} inputs of another client wait on NATS: p50`,
    'alone',
    beside / alone,
    atMost(3),
    `${us(beside * 1e6)} / ${us(alone * 1e6)}`,
  );
}

async function compareJobs(
  bench: Bench,
  { url, master, straight }: { readonly url: string; readonly master: string; readonly straight: string },
): Promise<void> {
  const count = Math.round(100_000 * bench.scale);
  const nats = { kind: 'nats', servers: url } as const;
  const rate = await bench.inTurn(`a job through Master and ${WORKERS} Workers on NATS`, Math.max, {
    nats: async () => count / (await runFrond('job', master, 'master', count, nats)).seconds,
    bare: async () => count / (await runScript('bare-nats.mjs', ['job', url, String(count)])).seconds,
    zmtp: async () => count / (await runFrond('job', straight, 'master', count, { kind: 'zmtp' })).seconds,
  });
  bench.row(
    `job through Master + ${WORKERS} Workers on NATS: rate`,
    'bare nats.js, with the same streams and acknowledgements',
    rate.nats / rate.bare,
    atLeast(0.7),
    `${k(rate.nats)} / ${k(rate.bare)}`,
  );
  bench.row(
    `job through Master + ${WORKERS} Workers on NATS: rate`,
    'the same over ZeroMQ',
    rate.nats / rate.zmtp,
    stated,
    `${k(rate.nats)} / ${k(rate.zmtp)}`,
  );
  const trips = Math.round(2_000 * bench.scale);
  const p50 = async (db: string, options: Parameters<typeof runFrond>[4]) =>
    (await runFrond('trips', db, 'master', trips, options)).p50 ?? Number.NaN;
  const trip = await bench.inTurn('round trips through a Master on NATS', Math.min, {
    nats: () => p50(master, nats),
    zmtp: () => p50(straight, { kind: 'zmtp' }),
  });
  bench.row(
    'one round trip at a time through a Master on NATS: p50',
    'the same over ZeroMQ',
    trip.nats / trip.zmtp,
    stated,
    `${us(trip.nats * 1e6)} / ${us(trip.zmtp * 1e6)}`,
  );
}

/** Masters at one address share a job. Each has a worker more, which takes a message at a time. */
async function compareMasters(bench: Bench, url: string): Promise<void> {
  const count = Math.round(5_000 * bench.scale);
  const options = { kind: 'nats', servers: url } as const;
  const jobOf = async (masters: number) =>
    count / (await runFrond('naps', `nats:of${masters}`, 'master', count, options)).seconds;
  const rate = await bench.inTurn('a job through four Masters on NATS', Math.max, {
    four: () => jobOf(4),
    one: () => jobOf(1),
  });
  bench.row(
    'job of a function of 1 ms through 4 Masters + 4 Workers on NATS: rate',
    '1 Master + 1 Worker',
    rate.four / rate.one,
    atLeast(3),
    `${k(rate.four)} / ${k(rate.one)}`,
  );
}
