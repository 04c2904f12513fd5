/**
 * One target under Jazzer.js, in a process of its own; run.ts starts it. The arguments are those of libFuzzer. Says last how many places of the
 * code there are.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Counters, type CoverageTracker } from './counters.ts';
import { allowOlderGlibc } from './older-glibc.ts';

/** What is used of Jazzer.js, whose own declarations name files that are not in its packages. */
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
    // They look for what this code does not do, and slow it down; what was changed in prototypes is looked for after each input.
    disableBugDetectors: ['.*'],
    timeout: 30_000,
    fuzzerOptions: process.argv.slice(2),
  },
  OptionSource.CommandLineArguments,
);
const counters = new Counters(fuzzer.coverageTracker);
globalThis.fuzzCounters = counters;
const { returnCode } = await startFuzzing(options);
console.log(`places: ${counters.size}`);
process.exit(returnCode ?? 0);
