/** Nothing is exported that nobody uses, no dependency is listed for nothing, and no file lies about. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from './run.ts';

it('is clean to knip', async () => {
  const knip = join(import.meta.dirname, 'node_modules/knip/bin/knip.js');
  const cwd = join(import.meta.dirname, '../..');
  const { code, stdout, stderr } = await run(process.execPath, [knip, '--no-progress', '--no-config-hints'], {
    cwd,
    timeout: 100_000,
  });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
}, 120_000);
