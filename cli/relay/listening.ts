/** Where a relay listens. */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../src/logging.ts';
import { messageOf, PalmError } from '../../src/protocol/errors.ts';
import { ConnectionQuota } from '../../transports/relay/http/admission.ts';
import { CommandError } from '../errors.ts';
import type { HostPort } from '../host-port.ts';
import { unreadable } from '../input.ts';
import { quoted } from '../terminal/text.ts';

/** Paths of PEM files. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Whether other machines can reach the address. */
export function isPublic({ host }: HostPort): boolean {
  return host === undefined || !/^(localhost|127\.[\d.]+|::1)$/i.test(host);
}

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws CommandError `INPUT` when a file cannot be read, or the two are not a certificate and its key. */
export async function readKeyPair(tls: Tls): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readKey(tls.cert), readKey(tls.key)]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const text = `${quoted(tls.cert)} and ${quoted(tls.key)} are not a certificate and its key: ${messageOf(error)}`;
    throw new CommandError('INPUT', text, undefined, error);
  }
  return { cert, key };
}

/** A server, with TLS when `tls` is given. @throws CommandError `INPUT` as {@link readKeyPair}. */
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
 * @throws PalmError `INVALID_CALL` when it cannot listen there, for example because the port is in use.
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

/** The URL for clients on the same machine. */
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

// Bounds what clients can hold of an HTTP server of the command: a connection counts from its first packet.

/** Connections that may be open at the same time, whatever they are used for. */
export interface ConnectionLimits {
  readonly most: number;
  /** From one address. */
  readonly mostEach: number;
  /** Whether an address is that of a proxy, which connects for many clients. Default: never. */
  readonly isProxy?: (address: string) => boolean;
}

/** Connections besides WebSockets: for pages, metrics, and handshakes that are refused with a reason. */
export const OTHER_CONNECTIONS = 32;

/**
 * Milliseconds for the head of a request, for a whole request, for silence on a connection that is not a WebSocket, and
 * between two checks of the first two. Node's defaults are 60 s and more, and any client could hold a descriptor that long.
 */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 20_000;
const IDLE_TIMEOUT = 30_000;
const CHECK_INTERVAL = 1_000;

/** Options for every HTTP server of the command. */
export const SERVER_OPTIONS = {
  connectionsCheckingInterval: CHECK_INTERVAL,
  headersTimeout: HEADERS_TIMEOUT,
  requestTimeout: REQUEST_TIMEOUT,
} as const satisfies ServerOptions;

/** Milliseconds for the TLS handshake. */
export const TLS_TIMEOUT = 10_000;

/**
 * Closes connections above the limits as soon as they are accepted, and logs that. It also logs when a connection cannot be
 * accepted for want of descriptors, which would end the process otherwise.
 * @returns `leave`, which counts a connection for its address no more.
 */
export function limitConnections(
  server: Server | TlsServer,
  { most, mostEach, isProxy = () => false }: ConnectionLimits,
  logger: Logger,
): { readonly leave: (socket: Duplex) => void } {
  const places = new WeakMap<Duplex, () => void>();
  const quota = new ConnectionQuota(Number.POSITIVE_INFINITY, mostEach);
  server.maxConnections = most;
  server.timeout = IDLE_TIMEOUT;
  // An error before that is about the address, and is for listen().
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
      places.set(socket, leave);
      return;
    }
    socket.destroy();
    logger.warning('a connection was closed: too many are open from its address', {
      address,
      most: mostEach,
    });
  });
  return { leave: (socket) => places.get(socket)?.() };
}

/** Descriptors that a relay gets for itself, and for each server behind it: twice what it needs. */
const OWN_DESCRIPTORS = 48;
const DESCRIPTORS_EACH = 32;

/** How many connections there are descriptors for beside `servers` servers; Infinity where the limit is not known. */
export function affordableConnections(servers: number): number {
  return Math.max(1, mostDescriptors() - OWN_DESCRIPTORS - DESCRIPTORS_EACH * servers);
}

/** How many files this process may have open. Node raises the limit to the maximum when it starts. */
function mostDescriptors(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    if (limit !== undefined) return Number(limit);
  } catch {
    // Not Linux.
  }
  return Number.POSITIVE_INFINITY;
}
