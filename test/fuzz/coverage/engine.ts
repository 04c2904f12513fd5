/**
 * Runs one target under Jazzer.js, in a process that run.ts starts. The arguments go to libFuzzer. Its last line of output is the number of
 * branches in the code that was loaded.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Counters, type CoverageTracker } from './counters.ts';
import { allowOlderGlibc } from './older-glibc.ts';

/** The parts of Jazzer.js that are used here. Its own declarations import files that its packages do not contain. */
interface Jazzer {
  readonly OptionSource: { readonly DefaultCLIOptions: number; readonly CommandLineArguments: number };
  readonly OptionsManager: new (source: number) => { merge(options: object, source: number): object };
  startFuzzing(options: object): Promise<{ readonly returnCode?: number }>;
}
interface JazzerFuzzer {
  readonly fuzzer: { readonly coverageTracker: CoverageTracker };
}

allowOlderGlibc();
const require = createRequire(import.meta.url);
const { OptionSource, OptionsManager, startFuzzing }: Jazzer = require('@jazzer.js/core');
const { fuzzer }: JazzerFuzzer = require('@jazzer.js/fuzzer');

const root = fileURLToPath(new URL('../../../', import.meta.url));
const options = new OptionsManager(OptionSource.DefaultCLIOptions).merge(
  {
    fuzzTarget: new URL('entry.ts', import.meta.url).href,
    includes: ['src/', 'transports/', 'playground/src/'].map((folder) => root + folder),
    excludes: ['node_modules'],
    // They look for shell commands and paths, and slow everything down. Polluted prototypes are checked after each input.
    disableBugDetectors: ['.*'],
    // Milliseconds after which an input counts as endless. They go by the clock, and a busy machine may stop this process for long during a
    // short input. target.ts judges the CPU time of each input.
    timeout: 240_000,
    fuzzerOptions: process.argv.slice(2),
  },
  OptionSource.CommandLineArguments,
);
const counters = new Counters(fuzzer.coverageTracker);
globalThis.fuzzCounters = counters;
const { returnCode } = await startFuzzing(options);
console.log(`branches: ${counters.size}`);
process.exit(returnCode ?? 0);
