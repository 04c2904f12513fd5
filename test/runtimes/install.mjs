/**
 * Installs Deno, Bun and another Node beside the tests, from npm: `node test/runtimes/install.mjs`. They are no
 * dependencies of the checkout, whose setting up must stay quick.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const lock = `${here}package-lock.json`;
const installed = `${here}node_modules/.package-lock.json`;

const isCurrent = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
if (!isCurrent) {
  const { name } = JSON.parse(readFileSync(`${here}package.json`, 'utf8'));
  console.log(`installing ${name}`);
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: here,
    stdio: 'inherit',
    timeout: 600_000,
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}
