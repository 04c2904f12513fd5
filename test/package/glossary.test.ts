/** docs/glossary.md has every name that the package exports. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const glossary = read('docs/glossary.md');

/** What an entry of the package exports: by name, of its own, or all types of the contract. */
function exportsOf(entry: string): string[] {
  const text = read(entry).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const listed = [...text.matchAll(/export (?:type )?\{([\s\S]*?)\}/g)].flatMap(([, names = '']) =>
    names.split(',').map((name) => name.replace(/^\s*type /, '').trim()),
  );
  const contract = text.includes('export type *') ? read('src/transport.ts') : '';
  const own = [
    ...`${text}${contract}`.matchAll(/^export (?:abstract )?(?:class|interface|type|function) (\w+)/gm),
  ];
  // A name with `as` is an old one, and deprecated.
  return [...listed, ...own.map(([, name = '']) => name)].filter((name) => /^\w+$/.test(name));
}

it.each([
  'src/index.ts',
  'src/cluster/index.ts',
  'transports/memory/index.ts',
  'transports/zeromq/index.ts',
  'transports/zmtp/index.ts',
  'transports/websocket/index.ts',
  'transports/relay/index.ts',
  'transports/shared/index.ts',
  'test/conformance/suite.ts',
])('it has what %s exports', (entry) => {
  const names = exportsOf(entry);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !glossary.includes(`\`${name}\``))).toEqual([]);
});
