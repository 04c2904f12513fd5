/** The rules of the house that a compiler does not check. docs/architecture.md has the reasons for the rooms. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What everything stands on. */
const GROUND = [
  'src/protocol',
  'src/flow-control',
  'src/checks',
  'src/async',
  'src/logging',
  'src/metrics',
  'src/transport',
  'src/interceptor',
] as const;
const CACHE = ['src/cache-link', 'src/cache-client'] as const;
const RELAY_OPTIONS = ['transports/relay/options', 'transports/relay/name-patterns'] as const;
const LIBRARY = [
  ...GROUND,
  ...CACHE,
  'src/tap',
  'src/client/*',
  'src/client/stream',
  'src/functions/*',
  'src/functions/contract',
  'src/cluster/*',
  'src/cluster/roles',
  'src/cluster/runtime',
  'transports/memory',
  'transports/shared',
  'transports/nats',
  'transports/zeromq',
  'transports/zmtp',
  'transports/websocket',
  'transports/relay/*',
  'transports/relay/auth',
  'transports/relay/http',
  'transports/relay/peers',
  'transports/relay/session',
  'transports/relay-protocol',
] as const;

const PAGE = ['playground/src/state', 'playground/src/playground', 'playground/src/context'] as const;

/**
 * The rooms, and what each may import, types included. A folder is a room, and so is each file beside such folders: `src/client/*` means every
 * file that lies in `src/client` itself. What `*` permits, the search for circles limits.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'src/protocol': [],
  'src/flow-control': [],
  'src/checks': ['src/protocol'],
  'src/async': ['src/protocol', 'src/flow-control', 'src/checks'],
  'src/logging': ['src/protocol', 'src/checks', 'src/async'],
  'src/metrics': [],
  'src/transport': ['src/protocol'],
  'src/interceptor': ['src/protocol'],
  'src/tap': GROUND,
  'src/cache-link': [...GROUND, 'src/tap'],
  'src/cache-client': [...GROUND, 'src/cache-link'],

  'src/functions/contract': ['src/protocol'],
  'src/functions/*': [
    'src/protocol',
    'src/functions/contract',
    'src/functions/*',
    'src/client/*',
    'src/client/stream',
    'src/cluster/runtime',
  ],

  'src/client/stream': [...GROUND, 'src/client/*'],
  'src/client/*': [...GROUND, ...CACHE, 'src/tap', 'src/client/*', 'src/client/stream'],
  'src/index': [...GROUND, 'src/tap', 'src/client/*', 'src/client/stream', 'src/functions/contract'],

  'src/cluster/runtime': [...GROUND, 'src/cache-link', 'src/functions/contract'],
  'src/cluster/dispatch': [...GROUND, 'src/functions/contract', 'src/cluster/runtime'],
  'src/cluster/worker-link': [...GROUND, 'src/cache-link', 'src/cluster/runtime'],
  'src/cluster/roles': [
    ...GROUND,
    ...CACHE,
    'src/cluster/runtime',
    'src/cluster/dispatch',
    'src/cluster/worker-link',
    'src/functions/contract',
  ],
  'src/cluster/index': [
    'src/functions/contract',
    'src/interceptor',
    'src/logging',
    'src/metrics',
    'src/protocol',
    'src/cluster/runtime',
    'src/cluster/dispatch',
    'src/cluster/roles',
  ],

  'transports/shared': GROUND,
  'transports/relay-protocol': [...GROUND, 'transports/shared'],
  'transports/memory': [...GROUND, 'transports/shared'],
  'transports/nats': [...GROUND, 'transports/shared'],
  'transports/zeromq': [...GROUND, 'transports/shared'],
  'transports/zmtp': [...GROUND, 'transports/shared'],
  'transports/websocket': [...GROUND, 'transports/shared', 'transports/relay-protocol'],

  'transports/relay/upstream': [
    ...GROUND,
    ...RELAY_OPTIONS,
    'src/functions/contract',
    'transports/relay-protocol',
  ],
  'transports/relay/auth': [
    ...GROUND,
    ...RELAY_OPTIONS,
    'src/functions/contract',
    'transports/relay-protocol',
    'transports/relay/upstream',
  ],
  'transports/relay/http': [
    ...GROUND,
    ...RELAY_OPTIONS,
    'transports/relay-protocol',
    'transports/relay/upstream',
    'transports/relay/auth',
  ],
  'transports/relay/peers': [...GROUND, 'transports/relay-protocol'],
  'transports/relay/session': [
    ...GROUND,
    ...RELAY_OPTIONS,
    'src/functions/contract',
    'transports/relay-protocol',
    'transports/relay/upstream',
    'transports/relay/auth',
    'transports/relay/http',
    'transports/relay/peers',
  ],
  'transports/relay/*': [
    ...GROUND,
    'transports/relay-protocol',
    'transports/relay/*',
    'transports/relay/upstream',
    'transports/relay/auth',
    'transports/relay/http',
    'transports/relay/peers',
    'transports/relay/session',
  ],

  serve: [...GROUND],
  'cli/terminal': [...LIBRARY, 'cli/*'],
  'cli/inspect': [...LIBRARY, 'cli/*', 'cli/terminal', 'cli/types'],
  'cli/types': [...LIBRARY, 'cli/*', 'cli/terminal'],
  'cli/roles': [...LIBRARY, 'cli/*', 'cli/terminal'],
  'cli/relay': [...LIBRARY, 'cli/*', 'cli/terminal', 'cli/roles'],
  'cli/demo': [...LIBRARY, 'cli/*', 'cli/terminal', 'cli/roles', 'cli/relay'],
  'cli/commands': [
    ...LIBRARY,
    'serve',
    'cli/*',
    'cli/terminal',
    'cli/inspect',
    'cli/types',
    'cli/roles',
    'cli/relay',
    'cli/demo',
  ],
  'cli/*': [...LIBRARY, 'cli/*', 'cli/terminal', 'cli/commands'],

  'playground/src/state': [],
  'playground/src/cluster': ['playground/src/state'],
  'playground/src/playground': ['playground/src/state', 'playground/src/cluster'],
  'playground/src/context': ['playground/src/playground'],
  'playground/src/parts': PAGE,
  'playground/src/charts': [...PAGE, 'playground/src/parts'],
  'playground/src/topology': [...PAGE, 'playground/src/cluster', 'playground/src/parts'],
  'playground/src/code': [...PAGE, 'playground/src/cluster', 'playground/src/parts'],
  'playground/src/panels': [
    ...PAGE,
    'playground/src/cluster',
    'playground/src/parts',
    'playground/src/charts',
  ],
  'playground/src/app': [
    ...PAGE,
    'playground/src/parts',
    'playground/src/topology',
    'playground/src/code',
    'playground/src/panels',
  ],
  'playground/src/main': ['playground/src/playground', 'playground/src/app'],
};

/** What `package.json` exports, by the file that each entry is built from. */
const ENTRIES = [
  'src/index.ts',
  'src/cluster/index.ts',
  'src/functions/index.ts',
  'src/protocol/index.ts',
  'transports/shared/index.ts',
  'transports/memory/index.ts',
  'transports/nats/index.ts',
  'transports/zeromq/index.ts',
  'transports/zmtp/index.ts',
  'transports/websocket/index.ts',
  'transports/websocket/node-index.ts',
  'transports/relay/index.ts',
  'serve/index.ts',
  'test/conformance/index.ts',
] as const;

interface Source {
  readonly path: string;
  readonly text: string;
  /** What it imports: names of packages, or paths from the root. */
  readonly imports: readonly string[];
}

function read(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?<!\.d)\.tsx?$/.test(name))
    .map((name) => sourceAt(join(folder, name)));
}

function sourceAt(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
  const imports = specifiers.map((own) =>
    own.startsWith('.') ? relative(root, join(root, dirname(path), own)) : own,
  );
  return { path, text, imports };
}

const library = [...read('src'), ...read('transports'), ...read('serve')];
const sources = [...library, ...read('cli'), ...read('playground/src')];
const isomorphic = library.filter(({ path }) => path.startsWith('src/'));
const inFolder = (folder: string) => sources.filter(({ path }) => path.startsWith(folder));

function expectNone(offenders: readonly string[]) {
  expect(offenders).toEqual([]);
}

/** Files of `files` that import something `forbidden`. */
function importing(files: readonly Source[], forbidden: (specifier: string) => boolean): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.filter(forbidden).map((specifier) => `${path} → ${specifier}`),
  );
}

/** The room that a file is in: a folder of the table, or the file itself. */
function roomOf(path: string): string {
  const folders = Object.keys(ROOMS).filter((room) => path.startsWith(`${room}/`));
  return folders.sort((a, b) => b.length - a.length)[0] ?? path.replace(/\.tsx?$/, '');
}

/** A room's line in the table. */
function lineOf(room: string): string {
  return room in ROOMS ? room : `${dirname(room)}/*`;
}

function permits(from: string, to: string): boolean {
  if (from === to) return true;
  const allowed = ROOMS[lineOf(from)] ?? [];
  return allowed.includes(to) || allowed.includes(lineOf(to));
}

/** The arrows whose end leads back to their beginning. */
function circlesOf(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const reached = new Map<string, Set<string>>();
  for (const start of arrows.keys()) {
    const seen = new Set<string>();
    const next = [start];
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      for (const to of arrows.get(at) ?? []) if (!seen.has(to)) next.push(to);
      for (const to of arrows.get(at) ?? []) seen.add(to);
    }
    reached.set(start, seen);
  }
  return [...arrows].flatMap(([from, targets]) =>
    [...targets].filter((to) => reached.get(to)?.has(from)).map((to) => `${from} → ${to}`),
  );
}

/** Arrows between files, or between what `of` makes of them. */
function arrowsBetween(of: (path: string) => string): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>();
  for (const { path, imports } of sources) {
    const from = of(path);
    const targets = arrows.get(from) ?? new Set();
    arrows.set(from, targets);
    for (const own of imports) if (/\.tsx?$/.test(own) && of(own) !== from) targets.add(of(own));
  }
  return arrows;
}

describe('dependencies run one way', () => {
  it('finds the sources', () => {
    expect(isomorphic.length).toBeGreaterThan(30);
    expect(sources.flatMap(({ imports }) => imports)).toContain('src/protocol/errors.ts');
  });

  it('every file is in a room of the table, and every room has a file', () => {
    const rooms = new Set(sources.map(({ path }) => lineOf(roomOf(path))));
    expectNone([...rooms].filter((room) => !(room in ROOMS)));
    const planned = ['src/checks', 'src/flow-control'];
    expectNone(Object.keys(ROOMS).filter((room) => !rooms.has(room) && !planned.includes(room)));
  });

  it.each(Object.keys(ROOMS))('%s imports what the table permits', (line) => {
    const files = sources.filter(({ path }) => lineOf(roomOf(path)) === line);
    expectNone(
      files.flatMap(({ path, imports }) =>
        imports
          .filter((own) => /\.tsx?$/.test(own) && !permits(roomOf(path), roomOf(own)))
          .map((own) => `${path} → ${own}`),
      ),
    );
  });

  it('no files import each other in a circle', () => {
    expectNone(circlesOf(arrowsBetween((path) => path)));
  });

  it('no rooms import each other in a circle', () => {
    expectNone(circlesOf(arrowsBetween(roomOf)));
  });

  it('src loads no node: module and no native package', () => {
    expectNone(importing(isomorphic, (specifier) => /^(node:|zeromq$|ws$|@nats-io)/.test(specifier)));
  });

  it('what a page loads has no node: module', () => {
    const files = [...inFolder('transports/memory/'), ...inFolder('transports/relay-protocol/')];
    expectNone(importing(files, (specifier) => specifier.startsWith('node:')));
  });

  it('only transports/zeromq loads zeromq, and only its types statically', () => {
    const others = library.filter(({ path }) => !path.startsWith('transports/zeromq/'));
    expectNone(importing(others, (specifier) => specifier === 'zeromq'));
    const statically = inFolder('transports/zeromq/').filter(({ text }) =>
      /^import (?!type)[^;]*'zeromq'/m.test(text),
    );
    expectNone(statically.map(({ path }) => path));
  });
});

describe('rooms are tidy', () => {
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

  it('no test replaces a module for the files that run after it in the same process', () => {
    expectNone(
      read('test')
        .filter(({ path, text }) => path.endsWith('.test.ts') && /\bvi\.mock\(/.test(text))
        .map(({ path }) => path)
        .filter((path) => path !== 'test/unit/house.test.ts'),
    );
  });

  it('each unit test lies where the file or folder lies that it tests', () => {
    const strays = read('test/unit').filter(({ path }) => {
      if (!path.endsWith('.test.ts') || path === 'test/unit/house.test.ts') return false;
      const tested = path.slice('test/unit/'.length, -'.test.ts'.length);
      return !['', 'src/'].some((top) =>
        ['', '.ts', '.tsx'].some((ending) => existsSync(join(root, `${top}${tested}${ending}`))),
      );
    });
    expectNone(strays.map(({ path }) => path));
  });
});

interface Declaration {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly isDocumented: boolean;
}

const DECLARATION =
  /^export (?:declare |abstract |async )*(class|interface|function|const|type|enum) (\w+)/gm;

function declarationsOf({ path, text }: Source): Declaration[] {
  return [...text.matchAll(DECLARATION)].map((match) => {
    const [, kind = '', name = ''] = match;
    return { name, kind, path, isDocumented: text.slice(0, match.index).trimEnd().endsWith('*/') };
  });
}

/** What an entry exports: its own declarations, and those of other files that it names. */
function publicOf(path: string): Declaration[] {
  const source = sourceAt(path);
  const others = [...source.text.matchAll(/^export (?:type )?(\*|\{[^}]*\}) from '(\.[^']+)'/gm)];
  return [
    ...declarationsOf(source),
    ...others.flatMap(([, names = '', specifier = '']) => {
      const found = publicOf(join(dirname(path), specifier));
      if (names === '*') return found;
      const wanted = [...names.matchAll(/(?:type )?(\w+)(?: as \w+)?(?=,|\s*\})/g)].map((match) => match[1]);
      return wanted.map(
        (name = '') =>
          found.find((one) => one.name === name) ?? { name, kind: 'missing', path, isDocumented: false },
      );
    }),
  ];
}

describe('what frond exports is explained', () => {
  it('finds the declarations', () => {
    const names = ENTRIES.flatMap(publicOf).map(({ name }) => name);
    for (const name of ['Client', 'BoundPush', 'memory', 'Master', 'createRelay', 'ZmtpOptions'])
      expect(names).toContain(name);
  });

  it.each(ENTRIES)('everything that %s exports has a docstring', (entry) => {
    expectNone(
      publicOf(entry)
        .filter(({ isDocumented }) => !isDocumented)
        .map(({ path, name, kind }) => `${kind} ${name} in ${path}`),
    );
  });

  it.each(ENTRIES)('the glossary has everything that %s exports', (entry) => {
    const glossary = readFileSync(join(root, 'docs/glossary.md'), 'utf8');
    const missing = publicOf(entry).filter(({ name }) => !glossary.includes(`\`${name}\``));
    expectNone(missing.map(({ name, path }) => `${name} (${path})`));
  });
});
