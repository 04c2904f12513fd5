/** What the suite of the contract notices: it fails each mutant of `threads()` that breaks a promise, and passes the legal ones. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import type { Told } from './told.ts';

const root = join(import.meta.dirname, '../../..');
let told: Readonly<Record<string, Told>> = {};

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'frond-mutants-'));
  const file = join(folder, 'told.json');
  const args = ['node_modules/vitest/vitest.mjs', 'run', '-c', join(import.meta.dirname, 'vitest.config.ts')];
  const env = { ...process.env, MUTANTS_JSON: file };
  // A mutant that spins outlives the run. As a group of their own all are ended, and none holds a pipe that is waited for.
  const run = spawn(process.execPath, args, {
    cwd: root,
    env,
    detached: true,
    stdio: 'ignore',
    timeout: 580_000,
  });
  await once(run, 'exit');
  try {
    if (run.pid !== undefined) process.kill(-run.pid, 'SIGKILL');
  } catch {
    // None is left.
  }
  told = JSON.parse(readFileSync(file, 'utf8')) as typeof told;
  rmSync(folder, { recursive: true });
}, 600_000);

describe('the suite', () => {
  it.each(MUTANTS.map((mutant) => [mutant.isLegal ? 'passes' : 'fails', mutant.does, mutant] as const))(
    '%s a transport that %s',
    (_, does, { name, isLegal }) => {
      const { count = 0, failed = [], said = [], errors } = told[name] ?? {};
      expect(errors, `the tests of ${name} ran`).toEqual([]);
      expect(count).toBeGreaterThan(50);
      if (isLegal) {
        expect(failed, 'tests that forbid what the contract allows').toEqual([]);
        return;
      }
      expect(failed, `no test notices that a transport ${does}`).not.toEqual([]);
      // What Vitest and chai say by themselves has no word of the contract.
      for (const text of said) expect(text, failed[0]).not.toMatch(/^(expected |promise |it took )/);
    },
  );
});
