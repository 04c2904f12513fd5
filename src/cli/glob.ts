/** The files of a pattern, for shells that expand none and for more files than a command line takes. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const SPECIAL = /[*?]/;

/**
 * Files that a pattern fits, in order: `*` is any part of a name, `?` any one character, `**` any folders. Names that
 * begin with a dot fit only a part that does too. Folders that cannot be read have no files.
 */
export async function filesLike(pattern: string): Promise<string[]> {
  const parts = pattern.split('/');
  const root = pattern.startsWith('/') ? '/' : '';
  const found = await within(
    root,
    parts.filter((part) => part !== '' && part !== '.'),
  );
  return [...new Set(found)].sort();
}

async function within(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  if (part === '**') {
    const inside = (await entries(folder)).filter(({ name }) => !name.startsWith('.'));
    const folders = inside.filter((entry) => entry.isDirectory());
    const deeper = await Promise.all(folders.map(({ name }) => within(join(folder, name), parts)));
    const here = await within(folder, rest.length === 0 ? ['*'] : rest);
    return [...here, ...deeper.flat()];
  }
  if (!SPECIAL.test(part) && rest.length > 0) return within(join(folder, part), rest);
  const fits = fitting(part);
  const named = (await entries(folder)).filter(({ name }) => fits.test(name));
  if (rest.length === 0)
    return named.filter((entry) => !entry.isDirectory()).map(({ name }) => join(folder, name));
  const deeper = named
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => within(join(folder, name), rest));
  return (await Promise.all(deeper)).flat();
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function fitting(part: string): RegExp {
  const body = part
    .split(/([*?])/)
    .map((piece) => (piece === '*' ? '.*' : piece === '?' ? '.' : piece.replace(/[\\^$+.()|[\]{}]/g, '\\$&')))
    .join('');
  return new RegExp(`^${part.startsWith('.') ? '' : '(?!\\.)'}${body}$`, 'su');
}
