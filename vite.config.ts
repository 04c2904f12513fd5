/**
 * Three library builds of the same entries: `vite build --mode browser | node | cjs`. `npm run build` runs them all
 * and adds the types.
 */
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import { RUNTIME_MODULE_ID } from 'rolldown';
import { defineConfig, minify, type Plugin } from 'vite';

const isomorphic = {
  index: 'src/index.ts',
  memory: 'transports/memory/index.ts',
  transport: 'transports/shared/index.ts',
  functions: 'src/functions/index.ts',
  cluster: 'src/cluster/index.ts',
};
const inBrowsers = { ...isomorphic, websocket: 'transports/websocket/index.ts' };
const native = {
  ...isomorphic,
  nats: 'transports/nats/index.ts',
  zeromq: 'transports/zeromq/index.ts',
  zmtp: 'transports/zmtp/index.ts',
  websocket: 'transports/websocket/node-index.ts',
  relay: 'transports/relay/index.ts',
  serve: 'serve/index.ts',
  // For tools and tests: a page would load the codec twice, so none of its chunks are cut for this.
  protocol: 'src/protocol/index.ts',
};
/** The suites that a transport passes. Vitest cannot be required, so there is no CommonJS of them. */
const forTests = { testing: 'test/conformance/index.ts' };

/** Deno and Bun have a `WebSocket`, and one core with what else they load: errors are of one class. */
const inRuntimes = { 'websocket-platform': 'transports/websocket/index.ts' };

/**
 * msgpackr and nanoid go into every build: a page needs that anyway, CommonJS could not require nanoid, and loading them
 * as packages takes Node longer than all the rest of frond.
 */
const packages = new Set(['zeromq', 'vitest', 'bufferutil', 'utf-8-validate', ...builtinModules]);

/** ws is the user's own, but for the command, which has it: `npx frond` installs frond alone. */
function external(id: string, importer = ''): boolean {
  return id.startsWith('node:') || packages.has(id) || (id === 'ws' && !importer.endsWith('cli/ws.ts'));
}

const builds = {
  browser: { entry: inBrowsers, format: 'es', minify: true },
  node: {
    entry: { ...native, ...inRuntimes, ...forTests, cli: 'cli/main.ts' },
    format: 'es',
    minify: false,
  },
  cjs: { entry: native, format: 'cjs', minify: false },
} as const;

/** What a program has that connects and calls, with what that needs, and what all transports have. */
const CORE =
  /[\\/]src[\\/]((index|client[\\/]later)\.ts|async[\\/])|[\\/]transports[\\/](shared[\\/]|relay-protocol[\\/](load-ws|close-codes)|zmtp[\\/](commands|greeting|outbox|violation)\.ts)|node_modules[\\/](msgpackr|nanoid)[\\/]/;
/** The rest: detached jobs, calls with metadata, functions with types. A start reads none of it. */
const REST = /[\\/]src[\\/](?!cluster)/;
/** What every entry has: as files of their own they were a tenth of the package's files. */
const BASE =
  /[\\/]src[\\/](checks|client[\\/]loader|protocol[\\/](bytes|errors|ids|message|printable|topics)|async[\\/](deferred|fifo|harmless|signals|timers))\.ts/;
/** What runs roles. Threads are loaded by themselves, when a role has some. */
const CLUSTER = /[\\/]src[\\/]cluster[\\/]/;
/** The entry, and what the command does with queues. */
const NATS = /[\\/]transports[\\/]nats[\\/]/;
/** The packages that CURVE is made of. */
const NOBLE = /node_modules[\\/]@noble[\\/]/;
/** Both ends of a session with a relay. For Node with what only pages load later. */
const SESSION = /[\\/]transports[\\/](relay-protocol[\\/]|websocket[\\/]adopt)/;
/** What every command has: its options and errors, and the terminal. */
const COMMAND =
  /[\\/]cli[\\/](terminal[\\/]|(command|ending|errors|help|host-port|input|io|options|report|service-logger|wait-notices)\.ts)/;
/** Apart, so that bundlers leave it out of a page that has no use for it: it is larger than the rest of the client. */
const MSGPACK = /[\\/]src[\\/]protocol[\\/]msgpack|node_modules[\\/]msgpackr[\\/]/;

const COMMAND_FOLDER = fileURLToPath(new URL('cli/', import.meta.url));

/**
 * Minifies files that hold packages alone: nobody reads them here. Those of the command keep the names of functions and
 * classes, which stacks show.
 */
const minifiedPackages: Plugin = {
  name: 'minified-packages',
  renderChunk(code, { fileName, moduleIds }) {
    if (moduleIds.length === 0) return null;
    const isOfPackage = (id: string) => id.includes('node_modules') || id.startsWith('\0');
    if (moduleIds.every((id) => id === RUNTIME_MODULE_ID)) return null;
    if (moduleIds.every(isOfPackage)) return minify(fileName, code, { module: true });
    if (!moduleIds.some((id) => id.startsWith(COMMAND_FOLDER))) return null;
    return minify(fileName, code, { module: true, mangle: { keepNames: true, toplevel: false } });
  },
};

/** What the bundler notes at each `new Error`: bundlers look for it at what is made when a file is loaded, and not within functions. */
const NOTES = /^\t.*\/\* @__PURE__ \*\/ /gm;

/** Takes these notes out of what is not minified: 8 kB. */
const withoutNotes: Plugin = {
  name: 'without-notes',
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle))
      if (file.type === 'chunk')
        file.code = file.code.replace(NOTES, (line) => line.replaceAll('/* @__PURE__ */ ', ''));
  },
};

/** Takes white space out of the CommonJS build: whoever reads code has the same in the other one. A sixth of a megabyte. */
const withoutSpace: Plugin = {
  name: 'without-space',
  async generateBundle(_options, bundle) {
    const how = { compress: false, mangle: false, codegen: { removeWhitespace: true } };
    for (const file of Object.values(bundle))
      if (file.type === 'chunk') file.code = (await minify(file.fileName, file.code, how)).code;
  },
};

/** A file that only passes on what another has. */
const FACADE = /^export \{ (.+) \} from "\.\/(.+)";\s*$/;

/** Loads what a group of modules has from the group's own file. The bundler makes a file of 50 bytes more for each that is loaded late. */
const withoutFacades: Plugin = {
  name: 'without-facades',
  generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
    for (const facade of chunks) {
      const [, names, target] = FACADE.exec(facade.code) ?? [];
      const file = facade.fileName.replace(/.*\//, '');
      if (names === undefined || target === undefined || facade.isEntry) continue;
      const own = names.split(', ').map((name) => {
        const [local = '', exported = local] = name.split(' as ');
        return `${exported}: own.${local}`;
      });
      const load = new RegExp(`import\\("(\\.\\/(?:shared\\/)?)${file.replaceAll('.', '\\.')}"\\)`, 'g');
      const changed = chunks.map(({ code }) =>
        code.replace(load, `import("$1${target}").then((own) => ({ ${own.join(', ')} }))`),
      );
      // One that somebody has in another way stays.
      if (changed.some((code) => code.includes(`/${file}"`))) continue;
      for (const [index, chunk] of chunks.entries()) chunk.code = changed[index] ?? chunk.code;
      delete bundle[facade.fileName];
    }
  },
};

/** How a file has the bundler's helpers, and what their own file has beside those that are plain functions. */
const HELPERS_IMPORT = /^import \{ [^}]+ \} from "\.\/rolldown-runtime-[^"]+";$/m;
const OTHER_HELPERS = /^(import|export|var __require = ).*$/gm;

/** Puts the bundler's helpers into the core, whose file is loaded at every start: another one costs a millisecond, and `createRequire` as much. */
const helpersInCore: Plugin = {
  name: 'helpers-in-core',
  generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
    const helpers = chunks.find(({ moduleIds }) => moduleIds[0] === RUNTIME_MODULE_ID);
    const core = chunks.find(({ name }) => name === 'core');
    if (!helpers || !core || !HELPERS_IMPORT.test(core.code) || core.code.includes('__require('))
      throw new Error('the core has the helpers of the bundler in another way');
    const functions = helpers.code.replace(OTHER_HELPERS, '').trim();
    core.code = core.code.replace(HELPERS_IMPORT, () => functions);
  },
};

const MSGPACKR = "import { Packr } from 'msgpackr';";

/**
 * Node runs msgpackr when a program first asks for the codec, and not when it loads frond: that took a tenth of the time until the
 * first answer.
 */
const lateMsgpackr: Plugin = {
  name: 'late-msgpackr',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/src/protocol/msgpack.ts')) return null;
    if (!code.includes(MSGPACKR)) throw new Error('src/protocol/msgpack.ts imports msgpackr in another way');
    return code.replace(MSGPACKR, '').replace('new Packr(', "new (require('msgpackr').Packr)(");
  },
};

export default defineConfig(({ mode }) => {
  const build = builds[mode as keyof typeof builds];
  if (build === undefined)
    throw new Error(`--mode must be one of ${Object.keys(builds).join(', ')}, not ${mode}`);
  const extension = build.format === 'cjs' ? 'cjs' : 'js';
  return {
    // The isomorphic variants of both packages, also for Node.
    resolve: {
      conditions: ['browser', 'module', 'import', 'default'],
      // Its own build that makes no code from what a peer sent, which a page's security policy would refuse.
      alias: [
        // For Node its short form, which is read at every start.
        {
          find: /^msgpackr$/,
          replacement:
            mode === 'browser'
              ? 'msgpackr/index-no-eval'
              : fileURLToPath(new URL('node_modules/msgpackr/dist/index-no-eval.min.js', import.meta.url)),
        },
        // Its variant for browsers throws.
        { find: /^ws$/, replacement: fileURLToPath(new URL('node_modules/ws/wrapper.mjs', import.meta.url)) },
      ],
    },
    plugins: [
      ...(mode === 'browser' ? [] : [lateMsgpackr, minifiedPackages, withoutNotes]),
      ...(mode === 'node' ? [withoutFacades, helpersInCore] : []),
      ...(mode === 'cjs' ? [withoutSpace] : []),
    ],
    ...(mode === 'cjs' && { define: { 'import.meta.url': '__filename' } }),
    build: {
      outDir: `dist/${mode}`,
      emptyOutDir: true,
      target: mode === 'browser' ? 'es2022' : 'node20',
      minify: build.minify,
      // For Node the code can be read as it is. A map without the sources in it would name files that are not in the package.
      sourcemap: mode === 'browser',
      reportCompressedSize: false,
      lib: {
        entry: build.entry,
        formats: [build.format],
        fileName: (_format, name) => `${name}.${extension}`,
      },
      rolldownOptions: {
        external,
        // Otherwise comments name the files, which are not in the package: 14 kB.
        experimental: { attachDebugInfo: 'none' },
        platform: mode === 'browser' ? 'browser' : 'node',
        // Twice: some constants are made of others.
        optimization: { inlineConst: { mode: 'all', pass: 2 } },
        output: {
          // For a page: minifiers write a `const` in its places, and keep each `var`.
          topLevelVar: mode !== 'browser',
          // The types have the docstrings.
          comments: { legal: true, annotation: true, jsdoc: false },
          // Where code runs in a context of its own, as in tests of jest, `import()` needs a flag and `require` does not.
          ...(mode === 'cjs' && { dynamicImportInCjs: false }),
          // A page's bundler gives its own hash, so a second would only be carried along.
          chunkFileNames: `shared/[name]${mode === 'browser' ? '' : '-[hash]'}.${extension}`,
          // For Node one shared file: each costs time to load. For a page what an entry does not need stays out of it.
          codeSplitting: {
            groups:
              mode === 'browser'
                ? [
                    { name: 'msgpack', test: MSGPACK },
                    { name: 'base', test: BASE, minShareCount: 2 },
                  ]
                : [
                    { name: 'core', test: CORE, priority: 2 },
                    { name: 'rest', test: REST, priority: 1 },
                    { name: 'cluster', test: CLUSTER, minShareCount: 2 },
                    { name: 'nats', test: NATS, minShareCount: 2 },
                    { name: 'command', test: COMMAND },
                    { name: 'session', test: SESSION },
                    { name: 'noble', test: NOBLE },
                  ],
          },
        },
      },
    },
  };
});
