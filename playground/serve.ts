/** Serves the built page on loopback as `frond demo` does, for its tests and its pictures. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { playgroundFolder, serveSite } from '../cli/demo/gateway.ts';

const PLACE = '/some/where/';

export interface ServedPage extends AsyncDisposable {
  readonly origin: string;
  /** Address of the page, which is not at the root: it must work at any path. */
  readonly url: string;
  /** Paths that were asked for, in their order. */
  readonly asked: readonly string[];
}

export async function servePlayground(): Promise<ServedPage> {
  const asked: string[] = [];
  const serve = serveSite(playgroundFolder());
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host');
    asked.push(pathname);
    if (pathname.startsWith(PLACE)) request.url = pathname.slice(PLACE.length - 1);
    serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: `${origin}${PLACE}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
