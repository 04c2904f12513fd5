import { defineConfig } from 'vitest/config';

/** The unit tests alone: they are quick enough to be run for each mutant. Stryker takes no projects. */
export default defineConfig({
  test: {
    include: ['test/unit/**/*.test.ts'],
    exclude: ['test/unit/house.test.ts', 'test/unit/index.test.ts'],
    testTimeout: 20_000,
  },
});
