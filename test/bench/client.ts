/** The client on a stock pylm Server, against the pylm client; the codec; and memory during a long job. */
import { runClient, startCluster } from '../interop/pylm.ts';
import type { Bench } from './bench.ts';
import { codecRates } from './codec.ts';
import { atLeast, atMost, k, median, ms, us } from './figures.ts';
import { type Kind, runFrond, startProcess } from './processes.ts';

interface PylmMeasured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly perSecond: number;
  readonly cpuMicrosecondsEach: number;
}

export async function measureClient(bench: Bench): Promise<void> {
  const { rounds, scale, protobuf } = bench;
  await using cluster = await startCluster('server', { protobuf });
  await using frond = await startProcess('role.mjs', 'server');
  const { serverName, dbAddress } = cluster.entry;
  const pylm = (...args: string[]) =>
    runClient<PylmMeasured>(
      ['--protobuf', protobuf, '--server', serverName, '--db', dbAddress, 'bench', ...args],
      {
        timeout: 120_000,
      },
    );
  const small = Math.round(80_000 * scale);
  const large = Math.round(200_000 * scale);
  const sets = Math.round(60_000 * scale);

  const connect = await bench.inTurn('connecting to a stock pylm Server', Math.min, {
    frond: async () => (await runFrond('connect', dbAddress, serverName)).seconds,
    zmtp: async () => (await runFrond('connect', dbAddress, serverName, 0, { kind: 'zmtp' })).seconds,
    pylm: async () => (await pylm('connect', 'server.same', '--attempts', '40')).seconds,
  });
  bench.row(
    'import + connect + first eval',
    'pylm client',
    connect.frond / connect.pylm,
    atMost(0.1),
    `${ms(connect.frond)} / ${ms(connect.pylm)}`,
  );
  bench.row(
    'the same on zmtp',
    'pylm client',
    connect.zmtp / connect.pylm,
    atMost(0.07),
    `${ms(connect.zmtp)} / ${ms(connect.pylm)}`,
  );

  const cpu: Record<'frond' | 'zmtp' | 'pylm', number[]> = { frond: [], zmtp: [], pylm: [] };
  const job = await bench.inTurn('a job through a stock pylm Server', Math.max, {
    frond: async () => {
      const { seconds, cpuSeconds } = await runFrond('job', dbAddress, serverName, small);
      cpu.frond.push((cpuSeconds / small) * 1e6);
      return small / seconds;
    },
    zmtp: async () => {
      const { seconds, cpuSeconds } = await runFrond('job', dbAddress, serverName, small, { kind: 'zmtp' });
      cpu.zmtp.push((cpuSeconds / small) * 1e6);
      return small / seconds;
    },
    pylm: async () => {
      const { perSecond, cpuMicrosecondsEach } = await pylm(
        'job',
        'server.same',
        '--count',
        String(small),
        '--size',
        '32',
      );
      cpu.pylm.push(cpuMicrosecondsEach);
      return perSecond;
    },
    frondServer: async () => large / (await runFrond('job', frond.said, 'server', large)).seconds,
  });
  const [ours, onZmtp, theirs] = [cpu.frond, cpu.zmtp, cpu.pylm].map((own) => Math.min(...own)) as [
    number,
    number,
    number,
  ];
  bench.row(
    'job through stock pylm Server: rate',
    'pylm client',
    job.frond / job.pylm,
    atLeast(1),
    `${k(job.frond)} / ${k(job.pylm)}`,
  );
  bench.row(
    'the same job: client CPU each message',
    'pylm client',
    ours / theirs,
    atMost(0.5),
    `${us(ours)} / ${us(theirs)}`,
  );
  bench.row(
    'the same job on zmtp: client CPU each message',
    'pylm client',
    onZmtp / theirs,
    atMost(0.3),
    `${us(onZmtp)} / ${us(theirs)}`,
  );
  bench.row(
    'the same job through frond Server',
    'stock pylm Server',
    job.frondServer / job.frond,
    atLeast(4),
    `${k(job.frondServer)} / ${k(job.frond)}`,
  );

  const set = await bench.inTurn('setting keys on a stock pylm Server', Math.max, {
    frond: async () => sets / (await runFrond('set', dbAddress, serverName, sets)).seconds,
    pylm: async () => (await pylm('set', '--count', String(Math.round(sets / 8)), '--size', '32')).perSecond,
  });
  bench.row(
    'set, pipelined, on stock pylm Server',
    'pylm client',
    set.frond / set.pylm,
    atLeast(4),
    `${k(set.frond)} / ${k(set.pylm)}`,
  );

  bench.doing('the envelope codec');
  const rates = Array.from({ length: rounds }, codecRates);
  const codec = (name: keyof (typeof rates)[0]) => Math.max(...rates.map((own) => own[name]));
  const [frondRate, bufbuildRate, protobufjsRate] = [codec('frond'), codec('bufbuild'), codec('protobufjs')];
  bench.row(
    'codec: encode + decode of 100 bytes',
    '@bufbuild/protobuf',
    frondRate / bufbuildRate,
    atLeast(2),
    `${k(frondRate)} / ${k(bufbuildRate)}`,
  );
  bench.row(
    'codec: encode + decode of 100 bytes',
    'protobufjs',
    frondRate / protobufjsRate,
    atLeast(1),
    `${k(frondRate)} / ${k(protobufjsRate)}`,
  );

  await measureResident(bench, 'zeromq', 1.1);
  await measureResident(bench, 'zmtp', 1.05);
}

/** Messages of the job that memory is measured with: with fewer, the first tenth is over before what it needs is there. */
const LONG = 1_000_000;

/** Flags of Node's. V8 makes its young generation larger when much happens, which says nothing of what a job keeps. */
const MEASURED_HEAP = ['--expose-gc', '--min-semi-space-size=16'];

/** Resident memory of a client after a job, against that after a tenth of it. */
async function measureResident(bench: Bench, kind: Kind, goal: number): Promise<void> {
  const what = `memory after a job of ${LONG.toLocaleString('en')} on ${kind}`;
  await using server = await startProcess('role.mjs', 'server', '', kind);
  const tenths: number[] = [];
  const ends: number[] = [];
  for (let round = 0; round < Math.min(bench.rounds, 3); round++) {
    bench.doing(what, `round ${round + 1}`);
    const options = { kind, flags: MEASURED_HEAP };
    const { samples = [] } = await runFrond('memory', server.said, 'server', LONG, options);
    tenths.push(samples[0] ?? Number.NaN);
    ends.push(samples.at(-1) ?? Number.NaN);
  }
  const [tenth, end] = [median(tenths), median(ends)];
  const mb = (value: number) => `${(value / 1e6).toFixed(0)} MB`;
  bench.row(what, 'after a tenth of it', end / tenth, atMost(goal), `${mb(end)} / ${mb(tenth)}`);
}
