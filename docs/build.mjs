/** `npm run docs`: the reference from docstrings, then the site of all pages, with the playground in it, in docs/.vitepress/dist. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const docs = import.meta.dirname;
const root = join(docs, '..');
const site = join(docs, '.site');

/** What the site has of the checkout, at the same place, so that links between pages hold. */
const PAGES = [
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'RELEASING.md',
  'docs/guide',
  'docs/protocol',
  'docs/decisions',
  'docs/pictures',
  'docs/architecture.md',
  'docs/glossary.md',
  'playground/examples/README.md',
];

rmSync(site, { recursive: true, force: true });
cpSync(join(root, 'README.md'), join(site, 'index.md'));
for (const path of PAGES) {
  if (existsSync(join(root, path))) cpSync(join(root, path), join(site, path), { recursive: true });
}

run('typedoc', ['--options', 'typedoc.json']);
run('vitepress', ['build', '.']);
cpSync(join(root, 'dist/playground'), join(docs, '.vitepress/dist/playground'), { recursive: true });
console.log('the site is in docs/.vitepress/dist');

function run(command, args) {
  const { status } = spawnSync(join(docs, 'node_modules/.bin', command), args, {
    cwd: docs,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
