import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const CORES = availableParallelism();

/** Folders of `test` whose files need more than the checkout: each is a project of its own, with an npm script. */
const APART = ['interop', 'nats', 'browser', 'runtimes', 'install', 'faults', 'attacks'] as const;

/** Suites of `test/interop` that say nothing of the transport: of names, envelopes, answers, and of sockets that are native anyhow. */
const ONCE = [
  'curve',
  'envelope-readers',
  'first-failure',
  'fresh-clients',
  'garbage',
  'inspect',
  'pyzmq',
  'relay-attacks',
  'same-answers',
  'session-keys',
  'slow-hub',
] as const;

/** Sieges, floods, long lives, processes that are killed, and the further transports of a suite. */
const LONG = 'test/**/*.long.test.ts';

/** Folders of `test` whose files take longest. They start first, so that no core waits for one of them at the end. */
const SLOW = ['package', 'cli', 'client', 'conformance', 'examples', 'cluster', 'relay'];

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = SLOW.findIndex((folder) => moduleId.includes(`/test/${folder}/`));
      return at === -1 ? SLOW.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const isShuffled = process.argv.some((argument) => argument.startsWith('--sequence.shuffle'));

type TestOptions = NonNullable<TestProjectInlineConfiguration['test']>;

/** The nightly run has every test run twice in one process. */
const REPEATS = process.env['FROND_REPEAT'] === '1' ? { runner: 'test/nightly/repeating-runner.ts' } : {};

/** Tests that need no more than the checkout. */
function ofCheckout(name: string, options: TestOptions): TestProjectInlineConfiguration {
  const { setupFiles = [], ...rest } = options;
  return {
    test: {
      name,
      pool: 'forks',
      // Waits in tests have bounds of their own. A property that is cut short goes on in the background, into the next test.
      testTimeout: 60_000,
      hookTimeout: 20_000,
      setupFiles: ['test/support/restore.ts', setupFiles].flat(),
      ...REPEATS,
      ...rest,
    },
  };
}

/** Tests that start browsers, bundlers or clusters of processes: one file at a time keeps two cores busy. */
function apart(name: (typeof APART)[number], options: TestOptions = {}): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      exclude: ['**/node_modules/**'],
      pool: 'forks',
      fileParallelism: false,
      ...options,
    },
  };
}

const others = APART.map((name) => `test/${name}/**`);

export default defineConfig({
  test: {
    ...(isShuffled ? {} : { sequence: { sequencer: SlowFirst } }),
    projects: [
      ofCheckout('fast', {
        include: ['test/**/*.test.ts'],
        exclude: [LONG, ...others, '**/node_modules/**'],
        setupFiles: ['test/support/nothing-left.ts'],
        // No module keeps state, so files share a process. To load everything again for each takes a third of the time.
        isolate: false,
        // Most of these tests wait for sockets, timers and processes, so a core has the time for two files.
        maxWorkers: 2 * CORES,
      }),
      ofCheckout('long', {
        include: [LONG],
        exclude: [...others, '**/node_modules/**'],
        setupFiles: ['test/support/nothing-left.ts'],
        // These tests measure memory and delays: they run after the others, and no more at once than there are cores.
        maxWorkers: Math.max(2, CORES - 1),
        sequence: { groupOrder: 1 },
      }),
      // Most of their time pylm sleeps and Python starts, so two files at once take half of it.
      apart('interop', {
        testTimeout: 60_000,
        hookTimeout: 40_000,
        fileParallelism: true,
        maxWorkers: 2,
        env: { INTEROP_TRANSPORT: 'zmtp' },
      }),
      // What depends on the transport, again over libzmq.
      apart('interop', {
        name: 'interop-zeromq',
        testTimeout: 60_000,
        hookTimeout: 40_000,
        fileParallelism: true,
        maxWorkers: 2,
        env: { INTEROP_TRANSPORT: 'zeromq' },
        exclude: ['**/node_modules/**', ...ONCE.map((name) => `test/interop/${name}.test.ts`)],
      }),
      apart('nats', { testTimeout: 60_000, hookTimeout: 40_000, fileParallelism: true, maxWorkers: 2 }),
      apart('browser', { testTimeout: 60_000, hookTimeout: 60_000 }),
      // The same in Firefox.
      apart('browser', {
        name: 'firefox',
        testTimeout: 60_000,
        hookTimeout: 60_000,
        env: { FROND_BROWSER: 'firefox' },
      }),
      // They wait for processes: a core has the time for two files.
      apart('runtimes', { testTimeout: 60_000, hookTimeout: 40_000, fileParallelism: true, maxWorkers: 2 }),
      apart('install', { testTimeout: 60_000, hookTimeout: 60_000, globalSetup: 'test/install/setup.ts' }),
      apart('faults', { globalSetup: 'test/faults/bundle.ts' }),
      // What one process takes is measured.
      apart('attacks'),
    ],
  },
});
