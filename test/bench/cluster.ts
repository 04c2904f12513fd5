/** Master with two workers, each in a process of its own: against stock pylm's, and against bare sockets. */
import { startCluster } from '../interop/pylm.ts';
import type { Bench } from './bench.ts';
import { atLeast, atMost, k, us } from './figures.ts';
import { runFrond, runScript, type Start, withProcesses } from './processes.ts';

const WORKERS = 2;

export async function measureCluster(bench: Bench): Promise<void> {
  await withProcesses(async (start) => {
    await measureTopologies(bench, start);
  });
}

async function measureTopologies(bench: Bench, start: Start): Promise<void> {
  const { scale, protobuf } = bench;
  await using pylm = await startCluster('master', { workers: WORKERS, protobuf });
  const master = await start('role.mjs', 'master');
  const [pull = '', pub = '', push = '', back = ''] = (await start('bare.mjs', 'master')).split(' ');
  for (let i = 0; i < WORKERS; i++) {
    await start('role.mjs', 'worker', master);
    await start('bare.mjs', 'worker', push, back);
  }

  const many = Math.round(200_000 * scale);
  const few = Math.round(6_000 * scale);
  const { serverName, dbAddress } = pylm.entry;
  const rate = await bench.inTurn(`a job through Master and ${WORKERS} Workers`, Math.max, {
    frond: async () => many / (await runFrond('job', master, 'master', many)).seconds,
    map: async () => many / (await runFrond('map', master, 'master', many)).seconds,
    pylm: async () => few / (await runFrond('job', dbAddress, serverName, few)).seconds,
    bare: async () => many / (await runScript('bare.mjs', ['job', pull, pub, String(many)])).seconds,
  });
  bench.row(
    `job through Master + ${WORKERS} Workers: rate`,
    'stock pylm Master and Workers',
    rate.frond / rate.pylm,
    atLeast(25),
    `${k(rate.frond)} / ${k(rate.pylm)}`,
  );
  bench.row(
    'map, ordered, on the same cluster: rate',
    'job',
    rate.map / rate.frond,
    atLeast(0.9),
    `${k(rate.map)} / ${k(rate.frond)}`,
  );
  bench.row(
    'the same topology: rate',
    'bare zeromq.js sockets',
    rate.frond / rate.bare,
    atLeast(0.8),
    `${k(rate.frond)} / ${k(rate.bare)}`,
  );

  const trips = String(Math.round(3_000 * scale));
  const trip = await bench.inTurn('round trips through Master and Workers', Math.min, {
    frond: async () => (await runFrond('trips', master, 'master', Number(trips))).p50 ?? Number.NaN,
    bare: async () => (await runScript('bare.mjs', ['trips', pull, pub, trips])).p50 ?? Number.NaN,
  });
  bench.row(
    'one round trip at a time through it: p50',
    'bare zeromq.js sockets',
    trip.frond / trip.bare,
    atMost(1.5),
    `${us(trip.frond * 1e6)} / ${us(trip.bare * 1e6)}`,
  );
}
