/**
 * npm run test:faults [-- --long --seed N, and what vitest takes]: clusters of processes whose parts are killed, stopped and
 * cut off. Short runs, unless told otherwise. The seed is printed: with the same one, the same happens at the same times.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { chosenSeed } from '../fuzz/random.ts';

const { values, tokens } = parseArgs({
  options: { long: { type: 'boolean', default: false }, seed: { type: 'string' } },
  strict: false,
  tokens: true,
});
const own = new Set<number>();
for (const token of tokens) {
  if (token.kind !== 'option' || (token.name !== 'long' && token.name !== 'seed')) continue;
  own.add(token.index);
  if (token.name === 'seed' && token.inlineValue === false) own.add(token.index + 1);
}
const rest = process.argv.slice(2).filter((_, index) => !own.has(index));
const seed = typeof values.seed === 'string' ? values.seed : String(chosenSeed());
console.log(`seed ${seed}`);
const env = { ...process.env, FAULTS_SEED: seed, FAULTS_LONG: values.long === true ? '1' : '0' };
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/faults/vitest.config.ts'];
const child = spawn(process.execPath, [...vitest, ...rest], { stdio: 'inherit', env });
child.once('close', (code) => {
  process.exitCode = code ?? 1;
});
