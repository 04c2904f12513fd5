/** Where a relay listens. */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../src/logging.ts';
import { inspectValue, messageOf, PalmError } from '../../src/protocol/errors.ts';
import { ConnectionQuota } from '../../transports/relay/http/admission.ts';
import { CommandError } from '../errors.ts';
import { unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';

/** A place to listen at. */
export interface HostPort {
  /** Undefined for every address of the machine. */
  readonly host: string | undefined;
  /** 0 for a free one. */
  readonly port: number;
}

/** Paths of PEM files. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/**
 * The place that a text such as `127.0.0.1:7766`, `[::1]:7766` or `*:7766` names.
 * @throws CommandError `USAGE`.
 */
export function parseHostPort(text: string, option = '--listen'): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5}|\*)$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === '*' ? 0 : Number(port);
  if (host === undefined || !(number <= 65_535)) {
    throw new CommandError(
      'USAGE',
      `${option} must be host:port, such as 127.0.0.1:7766, not ${inspectValue(text)}`,
    );
  }
  return { host: host === '*' ? undefined : host, port: number };
}

/** Whether others than this machine's own processes can reach it. */
export function isPublic({ host }: HostPort): boolean {
  return host === undefined || !/^(localhost|127\.[\d.]+|::1)$/i.test(host);
}

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws CommandError `INPUT` for keys that are none, or not of one pair. */
export async function readKeyPair(tls: Tls): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readKey(tls.cert), readKey(tls.key)]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const text = `${quoted(tls.cert)} and ${quoted(tls.key)} are no pair for TLS: ${messageOf(error)}`;
    throw new CommandError('INPUT', text, undefined, error);
  }
  return { cert, key };
}

/** A server that speaks TLS when there are keys. @throws CommandError `INPUT` for keys that are none. */
export async function createHttpServer(
  tls: Tls | undefined,
  answer: RequestListener,
): Promise<Server | TlsServer> {
  if (tls === undefined) return createServer(SERVER_OPTIONS, answer);
  const pair = await readKeyPair(tls);
  return createTlsServer({ ...SERVER_OPTIONS, handshakeTimeout: TLS_TIMEOUT, ...pair }, answer);
}

/**
 * Resolves with the port once the server listens.
 * @throws PalmError `INVALID_CALL` when it cannot, as when the port is taken.
 */
export async function listen(server: Server | TlsServer, { host, port }: HostPort): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host !== undefined && { host }) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const text = `cannot listen at ${host ?? '*'}:${port}: ${messageOf(error)}`;
    throw new PalmError('INVALID_CALL', text, { cause: error, sent: false });
  }
  return (server.address() as AddressInfo).port;
}

/** The URL for who is on the same machine. */
export function urlOf(scheme: 'ws' | 'wss' | 'http', { host }: HostPort, port: number, path: string): string {
  const own = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${scheme}://${own.includes(':') ? `[${own}]` : own}:${port}${path}`;
}

async function readKey(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(quoted(path), error);
  }
}

// Bounds what strangers hold of an HTTP server of the command: connections count from their first packet on.

/** Connections that may be open at once, whatever they are used for. */
export interface ConnectionLimits {
  readonly most: number;
  /** From one address. */
  readonly mostEach: number;
  /** Whether an address is a proxy's, from which all come who are behind it. Default: none is. */
  readonly isProxy?: (address: string) => boolean;
}

/** Connections beside those that become WebSockets: for pages, figures, and handshakes that are refused with a reason. */
export const OTHER_CONNECTIONS = 32;

/**
 * Milliseconds for the head of a request, for all of it, without anything on a connection that is no WebSocket, and between
 * two looks at the first two. Node's own are 60 s and more: a stranger would hold each descriptor for so long.
 */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 20_000;
const IDLE_TIMEOUT = 30_000;
const CHECK_INTERVAL = 1_000;

/** What a server is to be created with. */
export const SERVER_OPTIONS = {
  connectionsCheckingInterval: CHECK_INTERVAL,
  headersTimeout: HEADERS_TIMEOUT,
  requestTimeout: REQUEST_TIMEOUT,
} as const satisfies ServerOptions;

/** Milliseconds for the handshake of TLS. */
export const TLS_TIMEOUT = 10_000;

/**
 * Closes connections that are too many as soon as they are accepted, and logs that it does and when none can be accepted
 * for want of descriptors. Nothing of it ends the process.
 */
export function limitConnections(
  server: Server | TlsServer,
  { most, mostEach, isProxy = () => false }: ConnectionLimits,
  logger: Logger,
): void {
  const quota = new ConnectionQuota(Number.POSITIVE_INFINITY, mostEach);
  server.maxConnections = most;
  server.timeout = IDLE_TIMEOUT;
  // Before it listens, errors are those of its address.
  server.once('listening', () =>
    server.on('error', (error) => {
      logger.warning('a connection could not be accepted', { reason: messageOf(error) });
    }),
  );
  server.on('drop', (data) => {
    logger.warning('a connection was closed: too many are open', { address: data?.remoteAddress, most });
  });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isProxy(address)) return;
    const leave = quota.enter(address);
    if (typeof leave === 'function') {
      socket.once('close', leave);
      return;
    }
    socket.destroy();
    logger.warning('a connection was closed: too many are open from its address', {
      address,
      most: mostEach,
    });
  });
}

/** Descriptors that a relay needs for itself, and for each server behind it: of both it has half to spare. */
const OWN_DESCRIPTORS = 48;
const DESCRIPTORS_EACH = 32;

/** Connections that there are descriptors for, when `servers` servers are behind the relay; Infinity where nobody can tell. */
export function affordableConnections(servers: number): number {
  return Math.max(1, mostDescriptors() - OWN_DESCRIPTORS - DESCRIPTORS_EACH * servers);
}

/** Files that this process may have open. Node sets the limit as high as it may go when it starts. */
function mostDescriptors(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (limit !== undefined) return Number(limit);
  } catch {
    // Not Linux.
  }
  return Number.POSITIVE_INFINITY;
}
