/** Links between the pages of the documentation lead to a file that is there, and to a heading of it. */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { pages, readPage } from '../support/docs.ts';
import { root } from '../support/packed.ts';

const all = [...pages, 'CONTRIBUTING.md', 'CHANGELOG.md', 'playground/examples/README.md'];

/** The anchors of a page, as GitHub and VitePress make them of its headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = readPage(page).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

it.each(all)('%s has no dead link', (page) => {
  const text = readPage(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)|src(?:set)?="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
  const dead = targets
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
  expect(dead).toEqual([]);
});
