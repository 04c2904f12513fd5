/** The memory transport: a job through a Server within one process, against a bare EventTarget. */
import type { Bench } from './bench.ts';
import { atLeast, k, stated } from './figures.ts';
import { runScript } from './processes.ts';

/** Calls of one run, in a quick bench too: with fewer, V8 has not compiled what it runs, and the rate is a third. */
const CALLS = 200_000;

export async function measureMemory(bench: Bench): Promise<void> {
  // CPU and not the clock: what other processes take is not counted. What V8's helpers take is.
  const rate = (command: string) => async () =>
    CALLS / (await runScript('one-process.mjs', [command, String(CALLS)])).cpuSeconds;
  const rates = await bench.inTurn('a job in one process', Math.max, {
    frond: rate('job'),
    events: rate('events'),
  });
  bench.row(
    'job through a Server in one process: calls each second of one core',
    '—',
    rates.frond / 1e3,
    atLeast(350, 'k/s'),
    `${(1e6 / rates.frond).toFixed(2)} µs of CPU for client and Server together`,
  );
  bench.row(
    'the same',
    'bare EventTarget, two events',
    rates.frond / rates.events,
    stated,
    `${k(rates.frond)} / ${k(rates.events)}`,
  );
}
