import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/interop/**',
      'test/browser/**',
      'test/runtimes/**',
      'test/install/**',
      'test/faults/**',
      'test/attacks/**',
      '**/node_modules/**',
    ],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    pool: 'forks',
    // Most tests wait for sockets and processes, so two at once are well off on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
