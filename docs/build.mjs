/** `npm run docs`: the reference from docstrings, then the site of all pages, with the playground in it, in docs/.vitepress/dist. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

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
copyPage('README.md', 'index.md');
for (const path of PAGES.filter((own) => existsSync(join(root, own)))) {
  if (path.endsWith('.md')) copyPage(path, path);
  else cpSync(join(root, path), join(site, path), { recursive: true });
}

run('typedoc', ['--options', 'typedoc.json']);
run('vitepress', ['build', '.']);
cpSync(join(root, 'dist/playground'), join(docs, '.vitepress/dist/playground'), { recursive: true });
console.log('the site is in docs/.vitepress/dist');

/** Without links to files of the checkout that are no pages: the site does not have them. */
function copyPage(from, to) {
  const text = readFileSync(join(root, from), 'utf8');
  mkdirSync(dirname(join(site, to)), { recursive: true });
  writeFileSync(join(site, to), text.replace(/(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)#]*(?<!\.md)\)/g, '$1'));
}

function run(command, args) {
  const { status } = spawnSync(join(docs, 'node_modules/.bin', command), args, {
    cwd: docs,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
