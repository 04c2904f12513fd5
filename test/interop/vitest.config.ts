import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 40_000,
    pool: 'forks',
    // Servers of several processes each: two cores are busy with one file.
    fileParallelism: false,
  },
});
