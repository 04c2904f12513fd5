/** The site of README, guide, protocol and reference. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';

const root = join(import.meta.dirname, '../..');

const GUIDE = [
  ['First steps', ['install', 'client', 'jobs-and-maps', 'errors']],
  ['Serving', ['functions', 'cancel', 'clusters', 'transports', 'pylm-users']],
  ['Pages and HTTP', ['relay', 'http', 'browser', 'playground']],
  ['Operating', ['command', 'deployment', 'security', 'limits', 'performance']],
] as const;

const page = (path: string) => ({ text: titleOf(path), link: `/${path.replace(/\.md$/, '')}` });

function titleOf(path: string): string {
  const [, title = path] = /^# (.*)$/m.exec(readFileSync(join(root, path), 'utf8')) ?? [];
  return title.replaceAll('`', '');
}

/** The entries of the package, as the reference has them. */
function reference() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => path.replace('.', 'frond'))
    .map((name) => ({ text: name, link: `/docs/api/${name}/` }));
}

export default defineConfig({
  title: 'frond',
  description: 'PALM clusters from JavaScript',
  // A copy of the pages, where README is the first: build.mjs makes it.
  srcDir: '.site',
  cleanUrls: true,
  markdown: { languageAlias: { mjs: 'js' } },
  lastUpdated: false,
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/docs/guide/client' },
      { text: 'Reference', link: '/docs/api/' },
      { text: 'Playground', link: '/playground/', target: '_self' },
    ],
    sidebar: [
      ...GUIDE.map(([text, names]) => ({ text, items: names.map((name) => page(`docs/guide/${name}.md`)) })),
      {
        text: 'Inside',
        items: [
          'docs/architecture.md',
          'docs/glossary.md',
          'docs/decisions/README.md',
          'docs/protocol/palm.md',
          'docs/protocol/relay.md',
          'CONTRIBUTING.md',
          'SECURITY.md',
          'CHANGELOG.md',
        ].map(page),
      },
      { text: 'Reference', items: reference() },
    ],
    outline: [2, 3],
    search: { provider: 'local' },
  },
});
