/**
 * Puts each mutant into a copy of the tree and runs the tests that must notice: `npm run test:mutants`. `-- --only NAME` runs those
 * whose names begin so, `-- --at-once N` so many at a time. Ends with 1 when a mutant lives.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTANTS } from './index.ts';
import { type Mutant, mutated } from './mutant.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Seconds that the tests of one mutant may take, beside four times those without one. A mutant that hangs them is noticed, too. */
const LONGEST = 30;

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, 'at-once': { type: 'string' } },
});
const atOnce = Number(values['at-once'] ?? availableParallelism());
const chosen = MUTANTS.filter(({ name }) => values.only?.some((only) => name.startsWith(only)) ?? true);
if (chosen.length === 0) {
  console.error(`no mutant has a name that begins with ${values.only?.join(' or ')}`);
  process.exit(2);
}

/** The files of the tree, with what is not committed yet. */
const files = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter((file) => /^(src|transports|cli|test)\/|^[^/]*\.(json|ts)$/.test(file));

const copies = mkdtempSync(join(tmpdir(), 'frond-mutants-'));

function copyTree(name: string): string {
  const copy = join(copies, name);
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

interface Verdict {
  readonly passed: boolean;
  readonly seconds: number;
  readonly output: string;
}

/**
 * Runs test files in a copy, until the first test fails.
 * @param longest - seconds after which they count as failed.
 */
function runTests(copy: string, suites: readonly string[], longest = 600): Promise<Verdict> {
  const begin = performance.now();
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const projects = ['--project', 'fast', '--project', 'long'];
  const child = spawn(process.execPath, [vitest, 'run', ...projects, '--bail', '1', ...suites], {
    cwd: copy,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that workers which a mutant keeps busy end with it.
    detached: true,
  });
  let output = '';
  const add = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  const timer = setTimeout(
    () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'),
    1_000 * longest,
  );
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ passed: code === 0, seconds: (performance.now() - begin) / 1_000, output });
    });
  });
}

const lived: Mutant[] = [];

async function tryMutant(copy: string, mutant: Mutant, longest: number): Promise<void> {
  const file = join(copy, mutant.file);
  writeFileSync(file, mutated(ROOT, mutant));
  const { passed, seconds } = await runTests(copy, mutant.suites, longest);
  cpSync(join(ROOT, mutant.file), file);
  if (passed) lived.push(mutant);
  console.log(`${passed ? 'LIVES ' : 'killed'} ${mutant.name} (${seconds.toFixed(0)} s)`);
}

/** Takes mutants from the list until none is left. */
async function work(copy: string, queue: Mutant[], longest: number): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift())
    await tryMutant(copy, next, longest);
}

try {
  const trees = Array.from({ length: Math.min(atOnce, chosen.length) }, (_, i) => copyTree(String(i)));
  // Tests that fail without a mutant say nothing about one.
  const suites = [...new Set(chosen.flatMap((mutant) => mutant.suites))];
  const before = await runTests(trees[0] ?? '', suites);
  if (!before.passed) {
    console.error(before.output);
    console.error('these tests fail without any mutant');
    process.exitCode = 2;
  } else {
    console.log(`${suites.length} test files pass without a mutant (${before.seconds.toFixed(0)} s)`);
    const queue = [...chosen];
    const longest = LONGEST + 4 * before.seconds;
    await Promise.all(trees.map((copy) => work(copy, queue, longest)));
    console.log(`\n${chosen.length - lived.length} of ${chosen.length} mutants killed`);
    for (const { name, file, find, replace, suites: own } of lived) {
      console.log(`\n${name} lives: no test in ${own.join(', ')} fails when ${file} has`);
      console.log(
        `  ${replace.trim().replaceAll('\n', '\n  ')}\nin place of\n  ${find.trim().replaceAll('\n', '\n  ')}`,
      );
    }
    if (lived.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(copies, { recursive: true, force: true });
}
