/** The suite tells the author of a transport what the contract demands: each expectation and each wait has a clause of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { expect, it } from 'vitest';

/** How many arguments a call has when the last one says what it is about. */
const WITH_REASON: Readonly<Record<string, number>> = { expect: 2, rejects: 3, within: 3 };

const files = readdirSync(import.meta.dirname).filter(
  (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
);

interface Call {
  readonly type: 'CallExpression';
  readonly callee: { readonly type: string; readonly name?: string };
  readonly arguments: readonly unknown[];
  readonly start: number;
}

function callsIn(node: unknown): Call[] {
  if (typeof node !== 'object' || node === null) return [];
  const inner = Object.values(node).flatMap(callsIn);
  return 'type' in node && node.type === 'CallExpression' ? [node as Call, ...inner] : inner;
}

it.each(files)('%s gives a reason everywhere', (name) => {
  const text = readFileSync(join(import.meta.dirname, name), 'utf8');
  const bare = callsIn(parseAst(text, { lang: 'ts' })).filter(
    ({ callee, arguments: given }) => given.length < (WITH_REASON[callee.name ?? ''] ?? 0),
  );
  const lines = bare.map(({ start }) => text.slice(0, start).split('\n').length);
  expect(lines, 'lines that give none').toEqual([]);
});
