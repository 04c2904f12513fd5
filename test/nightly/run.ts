/**
 * Runs the fast suites in random order, every test twice in one process, beside two busy loops: `npm run test:nightly`. Prints the
 * seed. `-- --seed N` for the same order again, `--rounds N` for so many orders, `--loops N` for so many busy loops, `--once` for
 * each test once. Other arguments go to vitest, as the files to run. Ends with 1 when a test fails, or a promise that nobody handles.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chosenSeed } from '../support/random.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    loops: { type: 'string', default: '2' },
    once: { type: 'boolean', default: false },
  },
});

function number(name: 'seed' | 'rounds' | 'loops', text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number from 0 on, not ${text}`);
  process.exit(2);
}

const first = values.seed === undefined ? chosenSeed() : number('seed', values.seed);
const rounds = number('rounds', values.rounds);

const loops: readonly ChildProcess[] = Array.from({ length: number('loops', values.loops) }, () =>
  spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' }),
);
const stop = () => {
  for (const loop of loops) loop.kill('SIGKILL');
};
process.on('exit', stop);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** Resolves with vitest's exit code. */
function runIn(seed: number): Promise<number> {
  console.log(`\nseed ${seed}: npm run test:nightly -- --seed ${seed}`);
  const order = ['--sequence.shuffle.files', '--sequence.shuffle.tests', `--sequence.seed=${seed}`];
  const child = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'fast', ...order, ...positionals],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, ...(!values.once && { FROND_REPEAT: '1' }) },
    },
  );
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

const failed: number[] = [];
for (let round = 0; round < rounds; round++)
  if ((await runIn(first + round)) !== 0) failed.push(first + round);
console.log(
  failed.length === 0
    ? `\n${rounds} of ${rounds} orders passed`
    : `\nfailed with the seed ${failed.join(', ')}`,
);
process.exit(failed.length === 0 ? 0 : 1);
