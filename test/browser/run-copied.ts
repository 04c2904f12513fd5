/** Runs copied code in Node, as a file of a project that has the package installed. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

/** @returns what it prints. */
export async function runCopied(code: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'frond-copied-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/frond'), 'dir');
    symlinkSync(join(root, 'node_modules/ws'), join(folder, 'node_modules/ws'), 'dir');
    writeFileSync(join(folder, 'example.mjs'), code);
    const { stdout, stderr } = await run(process.execPath, ['example.mjs'], {
      cwd: folder,
      timeout: 20_000,
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    if (stderr !== '') throw new Error(`it complains: ${stderr}`);
    return stdout.trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
