/** Serves the playground: files, and headers that let a page do nothing but what it is for. */
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sirv from 'sirv';

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

/** Where the build puts the page. */
export function playgroundFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('frond/package.json')), 'dist/playground');
}

/** Answers everything: with a file of `folder`, or with 404. */
export function serveSite(folder: string): RequestListener {
  const serve = sirv(folder, {
    // Looks at each request what is there: with a list made at the start, a file that a build takes away would end the process.
    dev: true,
    etag: true,
    setHeaders: (response, path) => {
      // The build has a hash in their names.
      const isHashed = path.startsWith('/assets/');
      response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  return (request, response) => {
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    // No page asks for parts of a file, and sirv throws at parts that end before they begin.
    delete request.headers.range;
    serve(request, response, () => {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
      response.end('There is nothing here. The playground is at /\n');
    });
  };
}
