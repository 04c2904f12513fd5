/** `npm run build`: the three bundles of vite.config.ts, the playground, the types, the playground, and a check that package.json tells the truth. */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'vite';

const root = new URL('.', import.meta.url);
process.chdir(root.pathname);

/** Packages that the bundles hold. */
const bundled = new Set();

rmSync('dist', { recursive: true, force: true });
for (const mode of ['browser', 'node', 'cjs']) noteBundled(await build({ mode, logLevel: 'warn' }));
noteBundled(await build({ configFile: 'playground/vite.config.ts', logLevel: 'warn' }));

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

// The same declarations, read as CommonJS because of the package.json above them.
mkdirSync('dist/cjs', { recursive: true });
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
cpSync('dist/types', 'dist/cjs/types', { recursive: true });

// What is in the bundles beside our own, under the terms it came with.
const notices = [...bundled].sort().map((name) => `${name}\n\n${licenceOf(name)}`);
writeFileSync('dist/THIRD_PARTY_LICENSES.txt', notices.join('\n---\n\n'));

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
const missing = paths({ exports, bin }).filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`package.json names files that the build did not make:\n  ${missing.join('\n  ')}`);
  process.exit(1);
}

function noteBundled(outcome) {
  for (const { output } of [outcome].flat()) {
    for (const id of output.flatMap(({ moduleIds = [] }) => moduleIds)) {
      const [, name] = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id) ?? [];
      if (name !== undefined) bundled.add(name.replace('\\', '/'));
    }
  }
}

function paths(value) {
  return typeof value === 'string' ? [value] : Object.values(value).flatMap(paths);
}

function licenceOf(name) {
  const folder = `node_modules/${name}`;
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].find((own) =>
    existsSync(`${folder}/${own}`),
  );
  if (file === undefined) throw new Error(`${name} is bundled and has no licence to be found`);
  return readFileSync(`${folder}/${file}`, 'utf8');
}
