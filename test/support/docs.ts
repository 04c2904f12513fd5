/** The pages of the documentation, and the code blocks in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  /** From the root of the checkout, as `docs/guide/client.md`. */
  readonly page: string;
  /** Number of the block within its page, from 0 on. */
  readonly index: number;
  readonly language: string;
  readonly text: string;
  /** The file to put it into, where its first line is a comment that says so. */
  readonly file: string | undefined;
  /** What it prints: the block of `text` behind it, beside the command that runs it. */
  readonly printed: string | undefined;
}

/** Folders of `docs` whose pages are written by hand. */
const FOLDERS = ['docs', 'docs/guide', 'docs/protocol', 'docs/decisions'];

export const pages: readonly string[] = [
  'README.md',
  'SECURITY.md',
  ...FOLDERS.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)),
].filter((path) => path.endsWith('.md'));

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

export function blocksOf(page: string): readonly Block[] {
  // A preamble is no block, though it may look like one.
  const text = readPage(page).replace(/<!--[\s\S]*?-->/g, '');
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(([, language = '', own = '']) => ({
    language,
    text: own,
  }));
  return blocks.map((block, index) => {
    const runs = blocks[index + 1];
    const isTyped = runs?.language === 'sh' && /^node \S+\n$/.test(runs.text);
    const output = blocks[isTyped ? index + 2 : index + 1];
    const isCode = /^(ts|js|mjs)$/.test(block.language);
    return {
      ...block,
      page,
      index,
      file: /^\/\/ (\S+\.\w+)\n/.exec(block.text)?.[1],
      printed: isCode && output?.language === 'text' ? output.text.trim() : undefined,
    };
  });
}

/** What the blocks of a page begin with that import nothing to connect or start with: a comment that readers do not see. */
export function preambleOf(page: string): string {
  return /<!-- preamble\n([\s\S]*?)-->/.exec(readPage(page))?.[1] ?? '';
}

/** The block with all that it needs to run. */
export function wholeOf({ page, text }: Block): string {
  const preamble = preambleOf(page);
  const isWhole = /^import /m.test(preamble) && /^import /m.test(text) && /\.(start|connect)\(/.test(text);
  return isWhole ? text : `${preamble}\n${text}`;
}
