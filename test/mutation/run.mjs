/**
 * Has Stryker put a fault into each place of a folder, one at a time, and says which of them no test notices:
 * `npm run test:mutation -- src/protocol`. `--changed` takes the files that differ from the main branch, `--cached` prints what was found
 * before, and `--quick` leaves out faults in constants of modules, which cost a run of all tests each. Results are kept in `node_modules/.cache/mutation`, so that the next run tries only what has changed. Exits
 * with 1 when the files of a room are under its target together.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GROUPS } from './groups.mjs';
import { printSurvivors, printTable } from './report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = 'node_modules/.cache/mutation';
process.chdir(root);

const isCode = (file) => /^(src|transports)\/.*\.ts$/.test(file) && existsSync(file);
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).split('\n').filter(isCode);

function filesOf(target) {
  if (target === '--changed') return git('diff', '--name-only', 'main', '--');
  return git('ls-files', '--', relative(root, join(root, target)));
}

const words = process.argv.slice(2);
const isQuick = words.includes('--quick');

/** Runs Stryker on files of one group. */
async function tryOut({ name, tests, timeout = 20_000 }, mutate) {
  const { Stryker } = await import('@stryker-mutator/core');
  process.env.MUTATION_TESTS = tests.join(' ');
  // A fault in a constant of a module shows only when the module is loaded anew. Without such faults that is a waste.
  process.env.MUTATION_ISOLATE = words.includes('--quick') ? '0' : '1';
  const options = {
    testRunner: isQuick ? 'resident' : 'vitest',
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    plugins: isQuick
      ? [fileURLToPath(new URL('resident.mjs', import.meta.url))]
      : [createRequire(import.meta.url).resolve('@stryker-mutator/vitest-runner')],
    mutate,
    ignorePatterns: ['docs', 'playground', 'dist', 'test/*/node_modules', '.venv', '.git'],
    concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 2),
    ignoreStatic: isQuick,
    incremental: true,
    incrementalFile: `${cache}/${name}.json`,
    // Not below node_modules, whose code vitest does not transform.
    tempDirName: '.mutation',
    reporters: ['progress-append-only', 'html'],
    htmlReporter: { fileName: `${cache}/${name}.html` },
    // It would read it with TypeScript's old API, which version 7 lacks.
    tsconfigFile: 'none.json',
    checkers: [],
    disableTypeChecks: false,
    timeoutMS: Number(process.env.MUTATION_TIMEOUT ?? timeout),
    allowEmpty: true,
  };
  await new Stryker(options).runMutationTest();
}

/** What is known of files of one group: a record for each mutant. */
function resultsOf({ name }, files) {
  const path = `${cache}/${name}.json`;
  if (!existsSync(path)) return [];
  const report = JSON.parse(readFileSync(path, 'utf8'));
  return files.flatMap((file) => {
    const { mutants = [], source = '' } = report.files[file] ?? {};
    const lines = source.split('\n');
    return mutants.map(({ status, replacement, location }) => {
      const { line } = location.start;
      return { file, status, line, replacement, code: lines[line - 1] };
    });
  });
}

const targets = words.filter((word) => word !== '--cached' && word !== '--quick');
if (targets.length === 0) {
  console.error(
    'name folders or files, such as src/protocol, or --changed; --quick is quick, --cached runs nothing',
  );
  process.exit(2);
}
const files = [...new Set(targets.flatMap(filesOf))];
if (files.length === 0) {
  console.error(`there is no code in ${targets.join(', ')}`);
  process.exit(2);
}

const rooms = new Map();
for (const group of GROUPS) {
  const own = files.filter((file) => GROUPS.find((one) => one.files.test(file)) === group);
  if (own.length === 0) continue;
  if (!words.includes('--cached')) await tryOut(group, own);
  const room = group.room ?? group.name;
  const before = rooms.get(room)?.mutants ?? [];
  rooms.set(room, { name: room, target: group.target, mutants: [...before, ...resultsOf(group, own)] });
}
printSurvivors([...rooms.values()]);
process.exitCode = printTable([...rooms.values()]) ? 0 : 1;
