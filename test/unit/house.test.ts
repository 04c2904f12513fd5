/** The rules of the house that a compiler does not know (ARCHITECTURE.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Source {
  readonly path: string;
  readonly text: string;
  /** What it imports: package names, or paths from the root. */
  readonly imports: readonly string[];
}

function read(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(root, path), 'utf8');
      const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(
        (match) => match[1] ?? '',
      );
      const resolved = specifiers.map((own) =>
        own.startsWith('.') ? relative(root, join(root, dirname(path), own)) : own,
      );
      return { path, text, imports: resolved };
    });
}

const sources = [...read('src'), ...read('transports')];
const isomorphic = sources.filter(({ path }) => path.startsWith('src/') && !path.startsWith('src/cli/'));
const inFolder = (folder: string) => sources.filter(({ path }) => path.startsWith(folder));

function expectNone(offenders: readonly string[]) {
  expect(offenders).toEqual([]);
}

/** Files of `folder` that import something `forbidden`. */
function importing(files: readonly Source[], forbidden: (specifier: string) => boolean): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter(forbidden).map((specifier) => `${path} → ${specifier}`),
  );
}

describe('dependencies run one way', () => {
  it('finds the sources', () => {
    expect(isomorphic.length).toBeGreaterThan(30);
    expect(sources.flatMap(({ imports }) => imports)).toContain('src/protocol/errors.ts');
  });

  it('src outside cli knows no transport, no node: module and no native package', () => {
    const forbidden = /^(node:|transports\/|zeromq$|ws$|src\/cli\/)/;
    expectNone(importing(isomorphic, (specifier) => forbidden.test(specifier)));
  });

  const above: Readonly<Record<string, RegExp>> = {
    'src/protocol/': /^(src\/(async|cache|client|cluster|cli|transport|logging|tap)\b|transports)/,
    'src/async/': /^(src\/(cache|client|cluster|cli|transport|logging|tap)\b|transports)/,
    'src/cache/': /^(src\/(client|cluster|cli)\/|transports)/,
    'src/client/': /^(src\/(cluster|cli)\/|transports)/,
    'src/cluster/': /^(src\/(client|cli)\/|transports)/,
    'transports/': /^src\/(cache|client|cluster|cli|index|tap)\b/,
    'transports/memory/': /^(node:|transports\/(?!memory|shared)|zeromq)/,
    'transports/zmtp/': /^(transports\/(?!zmtp|shared)|zeromq$)/,
  };

  it.each(Object.entries(above))('%s imports nothing above it', (folder, forbidden) => {
    expect(inFolder(folder).length).toBeGreaterThan(0);
    expectNone(importing(inFolder(folder), (specifier) => forbidden.test(specifier)));
  });

  it('only transports/zeromq loads zeromq, and only its types statically', () => {
    const others = sources.filter(({ path }) => !path.startsWith('transports/zeromq/'));
    expectNone(importing(others, (specifier) => specifier === 'zeromq'));
    const statically = inFolder('transports/zeromq/').filter(({ text }) =>
      /^import (?!type)[^;]*'zeromq'/m.test(text),
    );
    expectNone(statically.map(({ path }) => path));
  });
});

describe('rooms are small and tidy', () => {
  it('no file of more than 350 lines', () => {
    expectNone(sources.filter(({ text }) => text.split('\n').length > 350).map(({ path }) => path));
  });

  it('no module-level variable', () => {
    expectNone(sources.filter(({ text }) => /^(export )?(let|var) /m.test(text)).map(({ path }) => path));
  });

  it('no Node global in isomorphic code', () => {
    const nodeGlobal = /\b(Buffer|process|require|__dirname|setImmediate)\b(?!['`])/;
    const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    const allowed = 'src/async/macrotask.ts';
    expectNone(
      isomorphic
        .filter(({ path, text }) => path !== allowed && nodeGlobal.test(code(text)))
        .map(({ path }) => path),
    );
  });
});
