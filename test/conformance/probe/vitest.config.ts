/**
 * The suite on each mutant of `threads()`, as a project of its own: `npx vitest run -c test/conformance/probe/vitest.config.ts`, with
 * `--project NAME` for one. `MUTANTS_JSON` is the file that the failed tests of each mutant are written to.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';
import type { Reporter } from 'vitest/reporters';
import { MUTANTS, type Mutant } from './mutants.ts';
import type { Told } from './told.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

function mutate({ name, patches }: Mutant): Plugin {
  return {
    name: `mutant ${name}`,
    enforce: 'pre',
    transform(code, id) {
      let changed = code;
      for (const [file, before, after] of patches) {
        if (!id.endsWith(`/probe/${file}`)) continue;
        if (!changed.includes(before)) throw new Error(`${name}: ${file} has no ${JSON.stringify(before)}`);
        changed = changed.replaceAll(before, () => after);
      }
      return changed;
    },
  };
}

const json: Reporter = {
  onTestRunEnd(modules) {
    const file = process.env['MUTANTS_JSON'];
    if (file === undefined) return;
    const told: Record<string, Told> = {};
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const failed = tests.filter((test) => test.result().state === 'failed');
      told[module.project.name] = {
        count: tests.length,
        failed: failed.map(({ name }) => name),
        said: failed.flatMap((test) => test.result().errors?.map(({ message }) => message) ?? []),
        errors: module.errors().map(({ message }) => message),
      };
    }
    writeFileSync(file, JSON.stringify(told));
  },
};

export default defineConfig({
  test: {
    root: here,
    reporters: process.env['MUTANTS_JSON'] === undefined ? ['default'] : [json],
    // A mutant that hangs is killed by the time-out of a test. It computes nothing meanwhile, so a core has the time for several.
    maxWorkers: 8,
    teardownTimeout: 1_000,
    projects: MUTANTS.map((mutant) => ({
      plugins: [mutate(mutant)],
      test: {
        name: mutant.name,
        root: here,
        include: ['threads.test.ts'],
        setupFiles: ['bail.ts'],
        // A legal one is given its time on a busy machine.
        testTimeout: mutant.isLegal ? 30_000 : 6_000,
        pool: 'forks',
      },
    })),
  },
});
