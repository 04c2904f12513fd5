/** What an application's bundler makes of the built package. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin, type Rolldown } from 'vite';
import { root } from './packed.ts';

/** A client through a relay. Both are used, so that neither is shaken off. */
export const PAGE_APP = `
  import { Client } from 'frond';
  import { websocket } from 'frond/websocket';
  globalThis.connect = (url) => Client.connect({ transport: websocket(url), serverName: 'server' });`;

/** The same with the functions of a server, whose types alone the page has. */
export const TYPED_APP = `
  import { Client } from 'frond';
  import { remote } from 'frond/functions';
  import { websocket } from 'frond/websocket';
  const connect = (url) => Client.connect({ transport: websocket(url), serverName: 'server' });
  globalThis.connect = async (url) => remote(await connect(url), 'server');`;

/** Bytes that the client through a relay may have, compressed. */
export const PAGE_LIMIT = 18 * 1024;

/** Bytes more, of all that it loads when it is first used: jobs, maps and their options, and the cache. */
export const LATER_LIMIT = 8.5 * 1024;

/** Chunks that few pages ever load, by name: each is measured by itself. */
const APART: readonly string[] = ['adoption', 'call-progress', 'canceller', 'elaborate', 'stored-job'];

export interface AppBundle {
  /** Every chunk that a page loads for it: the entry and what that imports, one after another. */
  readonly code: string;
  /** Bytes of it after `gzip -9`. */
  readonly gzipped: number;
  /** The same of what it loads when it first uses more than `eval`. */
  readonly gzippedLater: number;
  /** The same of each chunk of {@link APART}. */
  readonly gzippedApart: Readonly<Record<string, number>>;
}

/**
 * In place of what Vite adds to any application that loads a part of itself later: it looks for styles to load with it, which
 * is the application's business and not in what other packages are measured by.
 */
const noPreloading: Plugin = {
  name: 'no-preloading',
  enforce: 'pre',
  load: (id) => (id === '\0vite/preload-helper.js' ? 'export const __vitePreload = (load) => load();' : null),
};

/** Bundles an application of one module, as Vite does by default but for polyfills, with `frond` as the checkout built it. */
export async function bundleApp(source: string): Promise<AppBundle> {
  const folder = mkdtempSync(join(tmpdir(), 'frond-app-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/frond'), 'dir');
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const input = join(folder, 'app.js');
    writeFileSync(input, source);
    const outcome = await build({
      configFile: false,
      root: folder,
      logLevel: 'warn',
      plugins: [noPreloading],
      build: {
        write: false,
        minify: true,
        target: 'es2022',
        modulePreload: false,
        rolldownOptions: { input },
      },
    });
    const chunks = [outcome].flat().flatMap((part) => ('output' in part ? chunksOf(part.output) : []));
    const now = loaded(chunks);
    const code = codeOf(chunks.filter((chunk) => now.has(chunk)));
    const isApart = ({ name }: Rolldown.OutputChunk) => APART.includes(name);
    const later = codeOf(chunks.filter((chunk) => !now.has(chunk) && !isApart(chunk)));
    const apart = chunks.filter(isApart).map((chunk) => [chunk.name, gzipped(chunk.code)] as const);
    return {
      code,
      gzipped: gzipped(code),
      gzippedLater: gzipped(later),
      gzippedApart: Object.fromEntries(apart),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function chunksOf(output: Rolldown.RolldownOutput['output']): readonly Rolldown.OutputChunk[] {
  return output.flatMap((item) => (item.type === 'chunk' ? [item] : []));
}

function codeOf(chunks: readonly Rolldown.OutputChunk[]): string {
  return chunks.map((chunk) => chunk.code).join('\n');
}

function gzipped(code: string): number {
  return gzipSync(code, { level: 9 }).length;
}

/** The entries, and what they import at once. What they import later is not loaded with the page. */
function loaded(output: readonly Rolldown.OutputChunk[]): ReadonlySet<Rolldown.OutputChunk> {
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const found = new Set<Rolldown.OutputChunk>();
  const find = (chunk: Rolldown.OutputChunk | undefined) => {
    if (chunk === undefined || found.has(chunk)) return;
    found.add(chunk);
    for (const name of chunk.imports) find(chunks.get(name));
  };
  for (const chunk of output) if (chunk.isEntry) find(chunk);
  return found;
}
