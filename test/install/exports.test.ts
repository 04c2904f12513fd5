/** Which build each platform and tool gets, and what checkers of packages say. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exports } from 'resolve.exports';
import { describe, expect, inject, it } from 'vitest';
import { run } from './run.ts';

const frond = join(inject('bare').folder, 'node_modules/frond');
const manifest = JSON.parse(readFileSync(join(frond, 'package.json'), 'utf8'));

/** The conditions of each platform and tool, as they document them. */
const PLATFORMS = {
  'Node, import': ['node', 'import', 'module-sync'],
  'Node, require': ['node', 'require', 'module-sync'],
  Deno: ['deno', 'node', 'import'],
  'Bun, import': ['bun', 'node', 'import'],
  'Bun, require': ['bun', 'node', 'require'],
  'Vite, a page': ['browser', 'module', 'import', 'development|production'],
  'Vite, a server': ['node', 'module', 'import', 'development|production'],
  'webpack, a page': ['webpack', 'browser', 'module', 'import'],
  'esbuild, a page': ['browser', 'module', 'import'],
  'esbuild, Node': ['node', 'module', 'import'],
  'Cloudflare Workers': ['workerd', 'worker', 'browser', 'import'],
  'Vercel Edge': ['edge-light', 'worker', 'browser', 'import'],
  'React Native': ['react-native', 'import'],
  'what nobody knows': ['import'],
} as const;

type Platform = keyof typeof PLATFORMS;

const [NODE, CJS, WEB] = ['node', 'cjs', 'browser'] as const;
/** The build that each gets. */
const BUILDS: Readonly<Record<Platform, typeof NODE | typeof CJS | typeof WEB>> = {
  'Node, import': NODE,
  'Node, require': CJS,
  Deno: NODE,
  'Bun, import': NODE,
  'Bun, require': NODE,
  'Vite, a page': WEB,
  'Vite, a server': NODE,
  'webpack, a page': WEB,
  'esbuild, a page': WEB,
  'esbuild, Node': NODE,
  'Cloudflare Workers': WEB,
  'Vercel Edge': WEB,
  'React Native': WEB,
  'what nobody knows': WEB,
};

function resolve(entry: string, platform: Platform, ...more: readonly string[]): string | undefined {
  const conditions = [...PLATFORMS[platform], ...more];
  return exports(manifest, entry, { unsafe: true, conditions })?.[0];
}

/** A command of those that test/tools.mjs installs. */
const tool = (path: string) => join(import.meta.dirname, 'node_modules', path);

const platforms = Object.keys(PLATFORMS) as Platform[];

describe.each(platforms)('%s', (platform) => {
  const build = BUILDS[platform];
  const extension = build === CJS ? 'cjs' : 'js';

  it.each([
    ['.', 'index'],
    ['./memory', 'memory'],
    ['./transport', 'transport'],
    ['./cluster', 'cluster'],
    ['./functions', 'functions'],
  ])('gets of %s the build that is for it', (entry, name) => {
    expect(resolve(entry, platform)).toBe(`./dist/${build}/${name}.${extension}`);
  });

  it('gets of ./websocket the one with a WebSocket of its own, but for Node', () => {
    const hasOwn = /^(Deno|Bun)/.test(platform) ? '-platform' : '';
    expect(resolve('./websocket', platform)).toBe(`./dist/${build}/websocket${hasOwn}.${extension}`);
  });

  it('gets files that are there, and types that belong to them', () => {
    for (const entry of Object.keys(manifest.exports).filter((name) => name !== './package.json')) {
      const path = resolve(entry, platform) ?? '';
      const types = resolve(entry, platform, 'types') ?? '';
      expect(existsSync(join(frond, path)), path).toBe(true);
      expect(existsSync(join(frond, types)), types).toBe(true);
      expect(types.startsWith('./dist/cjs/')).toBe(path.startsWith('./dist/cjs/'));
    }
  });
});

/** Every file of the installed package: its path in the package, and its size in bytes. */
const files = readdirSync(frond, { recursive: true, encoding: 'utf8' })
  .map((path) => ({ path, stat: statSync(join(frond, path)) }))
  .filter(({ stat }) => stat.isFile())
  .map(({ path, stat }) => ({ path, size: stat.size }));

describe('the installed package', () => {
  it('has at most 150 files and 4 MB', () => {
    const size = files.reduce((sum, file) => sum + file.size, 0);
    console.log(`the installed package has ${files.length} files and ${size} bytes`);
    expect(files.length).toBeLessThanOrEqual(150);
    expect(size).toBeLessThanOrEqual(4_000_000);
  });

  it('has one file of types for each entry, and one more for what they share', () => {
    const names = (extension: string) =>
      files.filter(({ path }) => path.endsWith(extension)).map(({ path }) => path.replace(/.*[\\/]/, ''));
    const entries = [
      'index',
      'memory',
      'transport',
      'cluster',
      'functions',
      'websocket',
      'nats',
      'zeromq',
      'zmtp',
      'relay',
      'serve',
      'protocol',
      'testing',
    ];
    const all = [...entries, 'shared'];
    // Vitest cannot be required, nor can what is made of it.
    const required = all.filter((name) => name !== 'testing');
    expect(names('.d.cts').sort()).toEqual(required.map((name) => `${name}.d.cts`).sort());
    // Deno and Bun have a WebSocket of their own.
    const ofModules = [...all, 'websocket-platform'];
    expect(names('.d.ts').sort()).toEqual(ofModules.map((name) => `${name}.d.ts`).sort());
  });

  it('has no source map that names files which are not in it', () => {
    for (const { path } of files.filter(({ path }) => path.endsWith('.map'))) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(frond, path), 'utf8'));
      expect(sourcesContent, path).toHaveLength(sources.length);
    }
  });
});

describe('the manifest', () => {
  it('lets bundlers leave out what a page does not use', () => {
    expect(manifest.sideEffects).toBe(false);
    expect(manifest.dependencies).toBeUndefined();
  });

  it('has types first wherever they are', () => {
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const keys = Object.keys(value);
      if (keys.includes('types')) expect(keys[0]).toBe('types');
      if (keys.includes('default')) expect(keys.at(-1)).toBe('default');
      for (const inner of Object.values(value)) check(inner);
    };
    check(manifest.exports);
  });

  it('is clean to publint', async () => {
    const args = [tool('publint/src/cli.js'), 'run', inject('tarball'), '--strict'];
    const { code, stdout } = await run(process.execPath, args, { cwd: import.meta.dirname });
    expect(stdout).toMatch(/All good!\s*$/);
    expect(code).toBe(0);
  });

  it('is clean to arethetypeswrong', async () => {
    // Not asked of Node 10, which knew no exports.
    const args = [
      tool('@arethetypeswrong/cli/dist/index.js'),
      inject('tarball'),
      '--profile',
      'node16',
      // The suites are for Vitest, which cannot be required either.
      '--ignore-rules',
      'cjs-resolves-to-esm',
      '--format',
      'json',
    ];
    const { code, stdout } = await run(process.execPath, args, {
      cwd: import.meta.dirname,
      timeout: 150_000,
    });
    const { analysis } = JSON.parse(stdout);
    expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
    const problems: readonly {
      readonly kind: string;
      readonly entrypoint?: string;
      readonly resolutionKind?: string;
    }[] = analysis.problems;
    const unexpected = problems.filter(
      ({ kind, entrypoint, resolutionKind }) =>
        resolutionKind !== 'node10' && !(kind === 'CJSResolvesToESM' && entrypoint === './testing'),
    );
    expect(unexpected).toEqual([]);
    expect(code).toBe(0);
  }, 160_000);
});
