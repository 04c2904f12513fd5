/** Runs a suite in the runtime that this is bundled for. Gets the suite's name, and what the names of its tests must have. Prints JSON. */
import { type File, startTests, type Task, type VitestRunner } from '@vitest/runner';

const SUITES: Readonly<Record<string, () => Promise<unknown>>> = {
  transport: () => import('../../conformance/zmtp.test.ts'),
  client: () => import('../../client/client.test.ts'),
  maps: () => import('../../client/map.test.ts'),
  roles: () => import('../../cluster/roles.test.ts'),
  life: () => import('../../cluster/life.test.ts'),
  workers: () => import('../../cluster/worker.test.ts'),
  'worker links': () => import('../../cluster/worker-links.test.ts'),
  server: () => import('../../cluster/server.test.ts'),
  functions: () => import('../../cluster/functions.test.ts'),
  results: () => import('../../cluster/function-results.test.ts'),
  pipelines: () => import('../../cluster/pipeline-news.test.ts'),
};

const [suite = '', pattern = ''] = process.argv.slice(-2);

const runner: VitestRunner = {
  config: {
    root: '/',
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: new RegExp(pattern),
    allowOnly: false,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  importFile: () => SUITES[suite]?.(),
};

const passed: string[] = [];
const failed: string[] = [];

function collect(task: Task | File): void {
  const name = task.name.trim();
  if (task.type === 'suite') task.tasks.forEach(collect);
  if (task.type === 'test' && task.result?.state === 'pass') passed.push(name);
  const errors = task.result?.errors ?? [];
  if (errors.length > 0) failed.push(`${name}: ${errors[0]?.message} ${errors[0]?.stack ?? ''}`);
}

for (const file of await startTests([suite], runner)) collect(file);
console.log(JSON.stringify({ passed: passed.length, failed }));
process.exit(0);
