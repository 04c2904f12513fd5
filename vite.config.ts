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

/**
 * msgpackr and nanoid go into every build: a page needs that anyway, CommonJS could not require nanoid, and loading them
 * as packages takes Node longer than all the rest of frond.
 */
const external = [/^node:/, 'zeromq'];

const builds = {
  browser: { entry: isomorphic, format: 'es', minify: true },
  node: { entry: { ...native, cli: 'src/cli/main.ts' }, format: 'es', minify: false },
  cjs: { entry: native, format: 'cjs', minify: false },
} as const;

const CORE = /[\\/]src[\\/](?!cli|cluster)|[\\/]transports[\\/]shared[\\/]|node_modules/;

export default defineConfig(({ mode }) => {
  const build = builds[mode as keyof typeof builds];
  if (build === undefined)
    throw new Error(`--mode must be one of ${Object.keys(builds).join(', ')}, not ${mode}`);
  const extension = build.format === 'cjs' ? 'cjs' : 'js';
  return {
    // The isomorphic variants of both packages, also for Node.
    resolve: { conditions: ['browser', 'module', 'import', 'default'] },
    ...(mode === 'cjs' && { define: { 'import.meta.url': '__filename' } }),
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
        external,
        output: {
          chunkFileNames: `shared/[name]-[hash].${extension}`,
          // For Node one shared file: each costs time to load. For a page what an entry does not need stays out of it.
          ...(mode !== 'browser' && { codeSplitting: { groups: [{ name: 'core', test: CORE }] } }),
        },
      },
    },
  };
});
