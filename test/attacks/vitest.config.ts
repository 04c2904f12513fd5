import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/attacks/**/*.test.ts'],
    pool: 'forks',
    // What one process takes is measured: one at a time.
    fileParallelism: false,
  },
});
