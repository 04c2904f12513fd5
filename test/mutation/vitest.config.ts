import { defineConfig } from 'vitest/config';

const tests = (process.env['MUTATION_TESTS'] ?? 'test/unit/**').split(' ');

/** The tests of one group alone, which `run.mjs` names: they run again for each mutant. Stryker takes no projects. */
export default defineConfig({
  test: {
    include: [
      ...tests.map((glob) => glob.replace(/\*\*$/, '**/*.test.ts')),
      'test/mutation/resident-seat.ts',
    ],
    exclude: ['test/unit/house.test.ts', 'test/unit/index.test.ts', '**/*.long.test.ts'],
    setupFiles: ['test/mutation/setup.ts'],
    isolate: process.env['MUTATION_ISOLATE'] !== '0',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
