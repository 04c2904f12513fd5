import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/install/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    globalSetup: 'test/install/setup.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Bundlers, compilers and browsers: two cores are busy with one of them.
    fileParallelism: false,
  },
});
