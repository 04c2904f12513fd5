/** The web site of these tests: pages under a strict policy, the built bundles, and a control WebSocket to each page. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { type WebSocket, WebSocketServer } from 'ws';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(root, 'dist/browser');

export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self' ws://127.0.0.1:*",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** Scripts of test/browser/page that pages are made of. */
export type PageScript = 'remote' | 'tour' | 'naughty';

export interface Site extends AsyncDisposable {
  readonly origin: string;
  /** Address of a page that runs the script. */
  page(script: PageScript): string;
  /** The control WebSocket of the page that connects next. */
  nextControl(): Promise<WebSocket>;
}

/** What page scripts import of frond, and what serves it: types come from the sources, code from the built bundle. */
const BUNDLES: Readonly<Record<string, string>> = {
  '/src/index.ts': '/dist/index.js',
  '/transports/websocket/index.ts': '/dist/websocket.js',
};

async function bundlePages(scripts: readonly PageScript[]): Promise<Map<string, string>> {
  const outcome = await build({
    configFile: false,
    root,
    logLevel: 'warn',
    plugins: [
      {
        name: 'frond-as-built',
        enforce: 'pre',
        async resolveId(source, importer) {
          const resolved = await this.resolve(source, importer, { skipSelf: true });
          const bundle = BUNDLES[`/${resolved?.id.slice(root.length)}`];
          return bundle === undefined ? null : { id: bundle, external: true };
        },
      },
    ],
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: {
        input: Object.fromEntries(scripts.map((name) => [name, join(root, `test/browser/page/${name}.ts`)])),
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  });
  const files = new Map<string, string>();
  for (const { output } of [outcome].flat() as readonly { output: readonly unknown[] }[]) {
    for (const chunk of output as readonly { type: string; fileName: string; code?: string }[]) {
      if (chunk.code !== undefined) files.set(`/page/${chunk.fileName}`, chunk.code);
    }
  }
  return files;
}

export async function startSite(scripts: readonly PageScript[]): Promise<Site> {
  const files = await bundlePages(scripts);
  const server = createServer((request, response) => {
    void answer(request, response, files).catch(() => response.writeHead(404).end());
  });
  const controls = new WebSocketServer({ server, path: '/control', perMessageDeflate: false });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    page: (script) => `${origin}/${script}`,
    nextControl: () => new Promise((resolve) => controls.once('connection', resolve)),
    async [Symbol.asyncDispose]() {
      for (const socket of controls.clients) socket.terminate();
      controls.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const path = normalize(new URL(request.url ?? '/', 'http://host').pathname);
  response.setHeader('content-security-policy', POLICY);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  const script = files.get(path);
  if (script !== undefined || path.startsWith('/dist/')) {
    const text = script ?? (await readFile(join(dist, path.slice('/dist'.length))));
    response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(text);
    return;
  }
  if (!files.has(`/page${path}.js`)) throw new Error(`nothing at ${path}`);
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><html lang="en"><title>frond</title><script type="module" src="/page${path}.js"></script></html>`,
  );
}
