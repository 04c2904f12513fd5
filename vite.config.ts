/**
 * Three library builds of the same entries: `vite build --mode browser | node | cjs`. `npm run build` runs them all
 * and adds the types.
 */
import { defineConfig } from 'vite';

const isomorphic = {
  index: 'src/index.ts',
  memory: 'transports/memory/index.ts',
  cluster: 'src/cluster/index.ts',
};
const native = { ...isomorphic, zeromq: 'transports/zeromq/index.ts' };

const builds = {
  /** Everything in it, for a page to load as it is. */
  browser: {
    entry: isomorphic,
    format: 'es',
    external: [],
    minify: true,
  },
  node: {
    entry: { ...native, cli: 'src/cli/main.ts' },
    format: 'es',
    external: [/^node:/, 'zeromq', 'msgpackr', 'nanoid'],
    minify: false,
  },
  /** nanoid is ESM alone, so it goes in. */
  cjs: {
    entry: native,
    format: 'cjs',
    external: [/^node:/, 'zeromq', 'msgpackr'],
    minify: false,
  },
} as const;

export default defineConfig(({ mode }) => {
  const build = builds[mode as keyof typeof builds];
  if (build === undefined)
    throw new Error(`--mode must be one of ${Object.keys(builds).join(', ')}, not ${mode}`);
  const extension = build.format === 'cjs' ? 'cjs' : 'js';
  return {
    ...(mode === 'browser' ? {} : { resolve: { conditions: ['node', 'module', 'import', 'default'] } }),
    build: {
      outDir: `dist/${mode}`,
      emptyOutDir: true,
      target: mode === 'browser' ? 'es2022' : 'node20',
      minify: build.minify,
      sourcemap: true,
      reportCompressedSize: false,
      lib: {
        entry: build.entry,
        formats: [build.format],
        fileName: (_format, name) => `${name}.${extension}`,
      },
      rolldownOptions: {
        external: [...build.external],
        output: { chunkFileNames: `shared/[name]-[hash].${extension}` },
      },
    },
  };
});
