/**
 * Has Stryker put a fault into each place of a folder, one at a time, and says which of them no unit test notices:
 * `npm run test:mutation -- src/protocol`. `--changed` takes the files that differ from the main branch. Results are kept in
 * `node_modules/.cache/mutation`, so that the next run tries only what has changed; the report is `report.html` there.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = 'node_modules/.cache/mutation';

const targets = process.argv.slice(2);
if (targets.length === 0) {
  console.error('name a folder or file, such as src/protocol, or --changed');
  process.exit(2);
}
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n');
const isCode = (file) => /^(src|transports)\/.*\.ts$/.test(file);
const files = targets.flatMap((target) => {
  if (target === '--changed') return git('diff', '--name-only', 'main', '--').filter(isCode);
  return git('ls-files', relative(root, join(root, target))).filter(isCode);
});
if (files.length === 0) {
  console.error(`there is no code in ${targets.join(', ')}`);
  process.exit(2);
}

const options = {
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation/vitest.config.ts' },
  plugins: [createRequire(import.meta.url).resolve('@stryker-mutator/vitest-runner')],
  mutate: files,
  ignorePatterns: ['docs', 'playground', 'dist', 'test/*/node_modules', '.venv', '.git'],
  concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 1),
  incremental: true,
  incrementalFile: `${cache}/results.json`,
  // Not below node_modules, whose code vitest does not transform.
  tempDirName: '.mutation',
  reporters: ['clear-text', 'progress-append-only', 'html'],
  htmlReporter: { fileName: `${cache}/report.html` },
  clearTextReporter: { allowColor: false, logTests: false },
  // It would read it with TypeScript's old API, which version 7 lacks.
  tsconfigFile: 'none.json',
  checkers: [],
  disableTypeChecks: false,
  timeoutMS: 20_000,
};
const { Stryker } = await import('@stryker-mutator/core');
process.chdir(root);
await new Stryker(options).runMutationTest();
