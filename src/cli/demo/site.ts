/** Serves the playground: files, and headers that let a page do nothing but what it is for. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { lookup } from 'mrmime';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types',
].join('; ');

/** A file as it is served. */
interface Page {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** Where the build puts the page. */
export function playgroundFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('frond/package.json')), 'dist/playground');
}

/**
 * Answers everything: with a file of `folder`, or with 404. The files are read at once and kept: so no client can have a file
 * opened, which one that resets would leave open, and which fails when there are no descriptors left.
 */
export function serveSite(folder: string): RequestListener {
  const pages = readPages(folder);
  return (request, response) => {
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const [path = ''] = (request.url ?? '').split('?', 1);
    const page = pages.get(path);
    if (page === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('There is nothing here. The playground is at /\n');
    } else if (request.headers['if-none-match'] === page.headers['etag']) {
      response.writeHead(304, page.headers).end();
    } else {
      response.writeHead(200, { ...page.headers, 'content-length': page.content.length });
      response.end(request.method === 'HEAD' ? undefined : page.content);
    }
  };
}

/** The files of a folder by the paths of their URLs, of which none needs an escape. Empty for a page that was not built. */
function readPages(folder: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  for (const name of namesIn(folder)) {
    const path = `/${name.split(sep).join('/')}`;
    const page = pageOf(path, readFileSync(join(folder, name)));
    pages.set(path, page);
    if (path === '/index.html') pages.set('/', page);
  }
  return pages;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function pageOf(path: string, content: Buffer): Page {
  const type = lookup(path) ?? 'application/octet-stream';
  // The build has a hash in their names.
  const isHashed = path.startsWith('/assets/');
  return {
    content,
    headers: {
      'content-type': type === 'text/html' ? `${type};charset=utf-8` : type,
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag: `"${createHash('sha256').update(content).digest('base64url')}"`,
    },
  };
}
