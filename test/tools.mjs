/**
 * Installs what tests use beside the checkout's own packages, into their folder: `node test/tools.mjs test/runtimes`. It is
 * no dependency of the checkout, whose setting up must stay quick.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

for (const folder of process.argv.slice(2)) {
  const lock = join(folder, 'package-lock.json');
  const installed = join(folder, 'node_modules/.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) continue;
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  console.log(`installing ${name}`);
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: folder,
    stdio: 'inherit',
    timeout: 600_000,
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}
