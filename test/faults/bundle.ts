/** Makes one file of the parts: run from its sources, each process would take seconds to start. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** Beside the packages that it needs. */
const FOLDER = fileURLToPath(new URL('../../node_modules/.faults', import.meta.url));

export const ACTOR = `${FOLDER}/actor.js`;

export default async function bundle(): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: fileURLToPath(new URL('actor.ts', import.meta.url)),
      outDir: FOLDER,
      emptyOutDir: true,
      target: 'node20',
      minify: false,
    },
  });
}
