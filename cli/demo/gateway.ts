/** The web server of the demo: the playground, and a relay to the cluster for clients with the token in the link. */

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { lookup } from 'mrmime';
import { atLevel, sparing } from '../../src/logging.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import type { Transport } from '../../src/transport.ts';
import { readTokens } from '../../transports/relay/auth/tokens.ts';
import type { Relay } from '../../transports/relay/index.ts';
import { createRelayOn } from '../../transports/relay/relay.ts';
import type { CommandContext } from '../command.ts';
import { CommandError } from '../errors.ts';
import { isMissing } from '../input.ts';
import type { Environment } from '../io.ts';
import {
  affordableConnections,
  createHttpServer,
  limitConnections,
  listen,
  urlOf,
} from '../relay/listening.ts';
import { stderrLogger } from '../terminal/screen.ts';
import { loadWs } from '../ws.ts';

/** The running playground and relay. */
export interface Gateway {
  /** URL that opens the playground and connects it. */
  readonly link: string;
  /** URL of the relay. */
  readonly relay: string;
  readonly token: string;
  /** Names of the servers behind the relay. */
  readonly servers: readonly string[];
  /** Closes it, after waiting up to `timeout` milliseconds for the answers of calls under way. */
  close(timeout: number): Promise<void>;
}

const PATH = '/relay';

/** Milliseconds between heartbeats: on one machine they cost nothing, and the page notices soon when the demo ends. */
const HEARTBEAT = 5_000;

/** Connections that may be open at the same time: the demo is for one machine. */
const MOST_CONNECTIONS = 256;
/** A server of the demo runs in this process and needs as many descriptors as two servers elsewhere. */
const DESCRIPTORS_OF_ROLE = 2;

/**
 * Serves the playground and the relay.
 * @param servers - db_addresses by name; pages connect to the first.
 * @throws CommandError `USAGE` when the port is in use.
 */
export async function openGateway(
  { options, screen }: CommandContext,
  transport: Transport,
  servers: Readonly<Record<string, string>>,
): Promise<Gateway> {
  const place = { host: '127.0.0.1', port: options.number('port') ?? 0 };
  const site = serveSite(playgroundFolder());
  let relay: Relay | undefined;
  const logger = stderrLogger(screen, options.flag('json'), 'relay');
  const loggingLevel = options.flag('verbose') ? 'info' : 'error';
  const http = await createHttpServer(undefined, (request, response) => {
    if (relay?.respond(request, response) !== true) site(request, response);
  });
  const most = Math.min(
    MOST_CONNECTIONS,
    affordableConnections(Object.keys(servers).length * DESCRIPTORS_OF_ROLE),
  );
  limitConnections(http, { most, mostEach: most }, sparing(atLevel(logger, loggingLevel)));
  const port = await listen(http, place).catch((error) => {
    throw portTaken(error, place.port);
  });
  const token = randomBytes(16).toString('hex');
  try {
    relay = await createRelayOn(loadWs, {
      server: http,
      path: PATH,
      transport,
      servers: Object.fromEntries(Object.entries(servers).map(([name, dbAddress]) => [name, { dbAddress }])),
      authenticate: tokensFor(token).authenticate,
      limits: { heartbeat: HEARTBEAT },
      logger,
      loggingLevel,
    });
  } catch (error) {
    http.close();
    throw error;
  }
  const running = relay;
  const url = urlOf('ws', place, port, PATH);
  return {
    link: linkTo(`http://127.0.0.1:${port}/`, url, token, Object.keys(servers)),
    relay: url,
    token,
    servers: Object.keys(servers),
    async close(timeout) {
      await running.close({ timeout });
      http.close();
      http.closeAllConnections();
    },
  };
}

/** The error to throw when listening failed: if the port is in use, one that names the option. */
function portTaken(error: unknown, port: number): unknown {
  const isTaken = /EADDRINUSE/.test(messageOf(error));
  if (!isTaken) return error;
  const hint = 'give another --port, or leave the option out to get a free port';
  return new CommandError('USAGE', `--port ${port} is in use by another program`, hint, error);
}

/** A single token that may do everything with the demo. */
function tokensFor(token: string) {
  const grants = { servers: ['*'], functions: ['*'], cache: 'all', work: true };
  return readTokens({ tokens: [{ name: 'playground', token, ...grants }] });
}

/** A link whose fragment, which browsers send to no server, tells the page where to connect and what to call first. */
function linkTo(page: string, relay: string, token: string, names: readonly string[]): string {
  const [server = ''] = names;
  // None of these values needs escaping in a fragment.
  return `${page}#relay=${relay}&token=${token}&server=${server}&servers=${names.join(',')}&fn=${server}.frequent`;
}

// Serves the files of the playground, under a strict content security policy.

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

/** A file, ready to be served. */
interface Page {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** The folder that the build puts the playground in. */
export function playgroundFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('frond/package.json')), 'dist/playground');
}

/**
 * Answers every request, with a file of `folder` or with 404. The files are read once and kept in memory, so that requests
 * need no descriptors.
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
      response.end('Nothing is served here. The playground is at /\n');
    } else if (request.headers['if-none-match'] === page.headers['etag']) {
      response.writeHead(304, page.headers).end();
    } else {
      response.writeHead(200, { ...page.headers, 'content-length': page.content.length });
      response.end(request.method === 'HEAD' ? undefined : page.content);
    }
  };
}

/** The files of a folder by the paths of their URLs. Empty when the playground was not built. */
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
    if (isMissing(error)) return [];
    throw error;
  }
}

function pageOf(path: string, content: Buffer): Page {
  const type = lookup(path) ?? 'application/octet-stream';
  // The build puts a hash into their names.
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

/** Commands that open a URL in the user's browser, by platform. */
const OPENERS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Tries to open a page in the user's browser. A failure is ignored: the link is printed anyway. */
export function openInBrowser(url: string, env: Environment): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { env, stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
