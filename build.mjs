/** `npm run build`: the three bundles of vite.config.ts, the playground, the types, and a check that package.json names files that exist. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { build, loadConfigFromFile } from 'vite';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));

/** Packages that the bundles hold. */
const bundled = new Set();

rmSync('dist', { recursive: true, force: true });
for (const mode of ['browser', 'node', 'cjs']) noteBundled(await build({ mode, logLevel: 'warn' }));
// Where a page's calls go through. Maps of all would be a fifth of what users install, and the rest is small, large, or a package's code.
const mapped = ['index', 'shared/core'];
for (const file of readdirSync('dist/browser', { recursive: true }).filter((own) => own.endsWith('.js')))
  if (!mapped.includes(file.replaceAll('\\', '/').slice(0, -3))) dropMap(`dist/browser/${file}`);
noteBundled(await build({ configFile: 'playground/vite.config.ts', logLevel: 'warn' }));

const STANDARD_SCHEMA = '@standard-schema/spec';
const declarations = 'dist/declarations';
const args = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', declarations];
const tsc = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
await rollUpTypes('node', 'dist/types', 'd.ts');
await rollUpTypes('cjs', 'dist/cjs', 'd.cts');
rmSync(declarations, { recursive: true });

// What is in the bundles beside our own, under the terms it came with.
const notices = [...bundled].sort().map((name) => `${name}\n\n${licenceOf(name)}`);
writeFileSync('dist/THIRD_PARTY_LICENSES.txt', notices.join('\n---\n\n'));

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
const missing = paths({ exports, bin }).filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`package.json names files that the build did not make:\n  ${missing.join('\n  ')}`);
  process.exit(1);
}

/** Makes one file of types for each entry of a build, and one for what they share: a class must be the same one in all. */
async function rollUpTypes(mode, dir, extension) {
  const { config } = await loadConfigFromFile({ command: 'build', mode });
  const { cli, ...entries } = config.build.lib.entry;
  const input = Object.entries(entries).map(([name, path]) => [
    `${name}.d`,
    `${declarations}/${path.replace(/\.ts$/, '.d.ts')}`,
  ]);
  const bundle = await rolldown({
    input: Object.fromEntries(input),
    external: (id) => /^[^./]/.test(id) && id !== STANDARD_SCHEMA,
    experimental: { attachDebugInfo: 'none' },
    // All the work is the plugin's, and Rolldown warns of that on a slow machine.
    checks: { bundlerTimings: false },
    // Types alone: nobody has to install what the schemas of all libraries have in common.
    plugins: dts({
      dtsInput: true,
      emitDtsOnly: true,
      tsconfig: false,
      oxc: true,
      resolve: [STANDARD_SCHEMA],
    }),
  });
  await bundle.write({
    dir,
    entryFileNames: `[name].${extension.slice(2)}`,
    chunkFileNames: `[name].${extension}`,
    // As in src/transport.ts: `await using` is not in what pages usually have of TypeScript's libraries.
    banner: '/// <reference lib="esnext.disposable" />',
    codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
  });
  await bundle.close();
  // Rolldown leaves a file of helpers that types have no use for.
  rmSync(`${dir}/rolldown-runtime.${extension}`, { force: true });
}

/** Drops the source map of a file, where it has one. */
function dropMap(file) {
  rmSync(`${file}.map`, { force: true });
  writeFileSync(file, readFileSync(file, 'utf8').replace(/\/\/# sourceMappingURL=.*\n?$/, ''));
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
