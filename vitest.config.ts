import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Most tests wait for sockets and processes, so two files at once are well off on two cores. */
const AT_ONCE = Math.max(2, availableParallelism() - 1);

/** Folders of `test` whose files need more than the checkout: each is a project of its own, with an npm script. */
const APART = ['interop', 'browser', 'runtimes', 'install', 'faults', 'attacks'] as const;

/** Sieges, floods, long lives, processes that are killed, and the further transports of a suite. */
const LONG = 'test/**/*.long.test.ts';

type TestOptions = NonNullable<TestProjectInlineConfiguration['test']>;

/** Tests of frond by itself. */
function inProcess(name: string, options: TestOptions): TestProjectInlineConfiguration {
  const limits = { testTimeout: 20_000, hookTimeout: 20_000, maxWorkers: AT_ONCE };
  return { test: { name, pool: 'forks', ...limits, ...options } };
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
    projects: [
      inProcess('fast', {
        include: ['test/**/*.test.ts'],
        exclude: [LONG, ...others, '**/node_modules/**'],
      }),
      inProcess('long', { include: [LONG], exclude: [...others, '**/node_modules/**'] }),
      apart('interop', { testTimeout: 60_000, hookTimeout: 40_000 }),
      apart('browser', { testTimeout: 60_000, hookTimeout: 60_000 }),
      apart('runtimes', { testTimeout: 60_000, hookTimeout: 40_000 }),
      apart('install', { testTimeout: 60_000, hookTimeout: 60_000, globalSetup: 'test/install/setup.ts' }),
      apart('faults', { globalSetup: 'test/faults/bundle.ts' }),
      // What one process takes is measured.
      apart('attacks'),
    ],
  },
});
