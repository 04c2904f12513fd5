/** Runs a suite of vitest's that is short or long, and chosen by a seed. */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { chosenSeed } from './random.ts';

export interface SeededSuite {
  /** Name of vitest's project. */
  readonly project: string;
  /** The suite is told by `<prefix>_SEED` and `<prefix>_LONG`. */
  readonly prefix: string;
  /** More options, each with the value that vitest's arguments are made of. */
  readonly options?: Readonly<Record<string, (value: string) => readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Takes `--long`, `--seed N` and the suite's own options off the command line, and passes the others on to vitest.
 * @returns vitest's exit code.
 */
export function runSeeded(suite: SeededSuite): Promise<number> {
  const { project, prefix, options = {}, env = {} } = suite;
  const { values, tokens } = parseArgs({
    options: {
      long: { type: 'boolean', default: false },
      seed: { type: 'string' },
      ...Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' as const }])),
    },
    strict: false,
    tokens: true,
  });
  const own = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const isOwn = token.name === 'long' || token.name === 'seed' || Object.hasOwn(options, token.name);
    if (!isOwn) continue;
    own.add(token.index);
    if (token.name !== 'long' && token.inlineValue === false) own.add(token.index + 1);
  }
  const rest = process.argv.slice(2).filter((_, index) => !own.has(index));
  for (const [name, toArguments] of Object.entries(options)) {
    const value: unknown = Object.entries(values).find(([key]) => key === name)?.[1];
    if (typeof value === 'string') rest.push(...toArguments(value));
  }
  const seed = typeof values.seed === 'string' ? values.seed : String(chosenSeed());
  console.log(`seed ${seed}`);
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', project];
  const child = spawn(process.execPath, [...vitest, ...rest], {
    stdio: 'inherit',
    env: {
      ...process.env,
      [`${prefix}_SEED`]: seed,
      [`${prefix}_LONG`]: values.long === true ? '1' : '0',
      ...env,
    },
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}
