/** The sources as a package of JSR, which takes them in place of the bundles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deno } from '../support/installed.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '../..');
const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));
const jsr = read('jsr.json');
const npm = read('package.json');

it('has the version, the licence and the entries of the npm package', () => {
  expect([jsr.version, jsr.license]).toEqual([npm.version, npm.license]);
  // The suite of the contract imports vitest, and is in no folder that is published.
  const others = ['./testing', './package.json'];
  const shared = Object.keys(npm.exports).filter((name) => !others.includes(name));
  expect(Object.keys(jsr.exports).sort()).toEqual(shared.sort());
});

it('is clean to deno publish, which wants a type on every public name', async () => {
  const args = ['publish', '--dry-run', '--allow-dirty', '--no-lock'];
  const { code, stderr } = await run(deno.command, args, { cwd: root, timeout: 280_000 });
  expect(stderr).toContain('Success');
  expect(code).toBe(0);
}, 300_000);

it('has a docstring on everything public', async () => {
  const args = ['doc', '--lint', ...Object.values<string>(jsr.exports)];
  const { code, stderr } = await run(deno.command, args, { cwd: root, timeout: 280_000 });
  const faults = [...stderr.matchAll(/^error\[.*\n.*$/gm)].map(([fault]) => fault);
  // The roles' common base is not exported: its constructor takes parts that are not for users. Schemas are of a package of types.
  const isKnown = /references private type '(Role|StandardSchemaV1)'/;
  expect(faults.filter((fault) => !isKnown.test(fault))).toEqual([]);
  const [, found = '0'] = /Found (\d+) documentation lint/.exec(stderr) ?? [];
  expect(faults).toHaveLength(Number(found));
  expect(code === 0).toBe(found === '0');
}, 300_000);
