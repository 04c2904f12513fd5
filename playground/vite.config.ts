/** The playground: a page of static files that works at any path, under a policy that lets it load nothing from elsewhere. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Vite's helper loads style sheets and scripts before what needs them. The page has one sheet, and preloads nothing: the helper would weigh 0.8 kB. */
const nothingPreloaded: Plugin = {
  name: 'nothing-preloaded',
  enforce: 'pre',
  load: {
    filter: { id: /vite\/preload-helper/ },
    handler: () => 'export const __vitePreload = (load) => load();',
  },
};

export default defineConfig({
  plugins: [nothingPreloaded],
  root: file('.'),
  base: './',
  resolve: {
    conditions: ['browser', 'module', 'import', 'default'],
    // The page imports the SDK as any user does, and gets it as it stands in this checkout.
    alias: [
      { find: /^frond$/, replacement: file('../src/index.ts') },
      { find: /^frond\/cluster$/, replacement: file('../src/cluster/index.ts') },
      { find: /^frond\/functions$/, replacement: file('../src/functions/index.ts') },
      { find: /^frond\/memory$/, replacement: file('../transports/memory/index.ts') },
      { find: /^frond\/websocket$/, replacement: file('../transports/websocket/index.ts') },
      // Makes no code from what a peer sent (vite.config.ts).
      { find: /^msgpackr$/, replacement: 'msgpackr/index-no-eval' },
    ],
  },
  build: {
    outDir: file('../dist/playground'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    reportCompressedSize: false,
    // As vite.config.ts does for pages: minifiers write a `const` in its places, and keep each `var`.
    rolldownOptions: {
      optimization: { inlineConst: { mode: 'all', pass: 2 } },
      output: {
        topLevelVar: false,
        // One file of what is shared with what is loaded later: it would be five, of 60 bytes to 2 KiB.
        codeSplitting: {
          groups: [{ name: 'protocol', test: /[\\/]src[\\/]protocol[\\/]/, minShareCount: 2 }],
        },
      },
    },
    // A picture in a style sheet is allowed; fonts and scripts as data are not.
    assetsInlineLimit: 0,
  },
});
