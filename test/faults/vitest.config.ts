import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/faults/bundle.ts'],
    pool: 'forks',
    // Clusters of many processes each: one at a time.
    fileParallelism: false,
  },
});
