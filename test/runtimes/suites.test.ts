/** The suites of transport, client and cluster on `zmtp()`, in Bun and in Deno: the same files as in Node. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bun, deno, type Runtime } from '../support/installed.ts';
import { root } from '../support/packed.ts';

/** Each suite of suites/run.ts: which of its tests run, and how many there are at least. */
const SUITES = [
  ['transport', 'zmtp over TCP', 60],
  ['client', 'zmtp', 110],
  ['maps', 'zmtp', 45],
  ['roles', 'zmtp', 20],
  ['life', 'zmtp', 9],
  ['workers', 'zmtp', 5],
  ['worker links', 'zmtp', 7],
  ['server', 'zmtp', 7],
  ['functions', 'zmtp', 16],
  ['results', 'zmtp', 7],
  ['pipelines', 'zmtp', 18],
] as const;

let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'frond-suites-'));
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    resolve: {
      alias: [{ find: /^vitest$/, replacement: join(import.meta.dirname, 'suites/vitest.ts') }],
      conditions: ['node', 'module', 'import', 'default'],
    },
    // A file of tests exports nothing, and must not be shaken off.
    plugins: [
      {
        name: 'keep tests',
        enforce: 'pre',
        transform: (code) => ({ code, map: null, moduleSideEffects: true }),
      },
    ],
    ssr: { noExternal: true, external: ['zeromq', 'ws'] },
    build: {
      ssr: join(import.meta.dirname, 'suites/run.ts'),
      outDir: folder,
      emptyOutDir: true,
      target: 'node20',
    },
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function runSuite({ command, flags }: Runtime, suite: string, names: string) {
  const args = [...flags, join(folder, 'run.js'), suite, names];
  const { stdout } = await promisify(execFile)(command, args, { cwd: folder, timeout: 110_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { passed: number; failed: string[] };
}

const inDeno: Runtime = {
  ...deno,
  flags: [
    ...deno.flags,
    '--allow-net=127.0.0.1,localhost',
    '--allow-read',
    '--allow-write',
    '--allow-env',
    '--allow-sys',
  ],
};

describe.each([bun, inDeno].map((runtime) => [runtime.name, runtime] as const))('in %s', (_, runtime) => {
  it.each(SUITES)(
    'the suite of %s passes',
    async (suite, names, least) => {
      const { passed, failed } = await runSuite(runtime, suite, names);
      expect(failed, 'tests that fail in this runtime and pass in Node').toEqual([]);
      expect(passed).toBeGreaterThanOrEqual(least);
    },
    120_000,
  );
});
