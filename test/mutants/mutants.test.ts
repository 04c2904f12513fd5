import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformWithOxc } from 'vite';
import { expect, test } from 'vitest';
import { MUTANTS } from './index.ts';
import { mutated } from './mutant.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('every mutant still has its place in the code, and is TypeScript', async () => {
  for (const mutant of MUTANTS) await transformWithOxc(mutated(root, mutant), mutant.file);
});

test('every mutant has a name of its own', () => {
  const names = MUTANTS.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('every mutant names the tests that must notice it', () => {
  const missing = MUTANTS.flatMap(({ name, suites }) => [
    ...(suites.length === 0 ? [`${name} names none`] : []),
    ...suites.filter((suite) => !existsSync(`${root}/${suite}`)).map((suite) => `${name}: ${suite}`),
  ]);
  expect(missing).toEqual([]);
});
