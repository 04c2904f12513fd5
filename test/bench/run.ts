/**
 * `npm run bench`: what frond does against pylm and against bare baselines, in one run on one machine. Nearly every figure is a
 * ratio of the best run of each side, measured in turn. The exit code is 1 when a goal is missed. `--list` prints the flags.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Bench } from './bench.ts';
import { measureClient } from './client.ts';
import { measureCluster } from './cluster.ts';
import type { Row } from './figures.ts';
import { measureFunctions } from './functions.ts';
import { measureHandOver } from './hand-over.ts';
import { measureMemory } from './memory.ts';
import { measureNats } from './nats.ts';
import { type BenchOptions, type Part, readOptions, USAGE } from './options.ts';
import { Progress } from './progress.ts';
import { measureRelay } from './relay.ts';
import { measureScale } from './scale.ts';
import { Before } from './table.ts';
import { measureThreads } from './threads.ts';
import { measureZmtp } from './zmtp.ts';

const MEASURES: Readonly<Record<Part, (bench: Bench) => Promise<void>>> = {
  client: measureClient,
  cluster: measureCluster,
  'hand-over': measureHandOver,
  memory: measureMemory,
  relay: measureRelay,
  functions: measureFunctions,
  threads: measureThreads,
  zmtp: measureZmtp,
  nats: measureNats,
  scale: measureScale,
};

async function run(options: BenchOptions): Promise<number> {
  const before = options.compare === undefined ? undefined : new Before(readRows(options.compare));
  const progress = new Progress(
    options.json === '-' ? process.stderr : process.stdout,
    process.stderr,
    before,
  );
  const bench = new Bench(options, progress);
  progress.begin();
  for (const part of options.only) await MEASURES[part](bench);
  progress.clear();
  if (options.json !== undefined) writeRows(options.json, bench.rows);
  return options.goals && bench.rows.some(({ reached }) => !reached) ? 1 : 0;
}

/** @throws Error when the file does not hold rows as `--json` writes them. */
function readRows(file: string): Row[] {
  const rows: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!Array.isArray(rows) || !rows.every((row) => 'what' in row && 'detail' in row))
    throw new Error(`${file} cannot be compared: it does not hold rows that the bench wrote with --json`);
  return rows;
}

function writeRows(file: string, rows: readonly Row[]): void {
  const text = `${JSON.stringify(rows, null, 2)}\n`;
  if (file === '-') process.stdout.write(text);
  else writeFileSync(file, text);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.list) console.log(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
