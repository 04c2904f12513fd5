/** Bounds what strangers hold of an HTTP server of the command: connections count from their first packet on. */
import { readFileSync } from 'node:fs';
import type { Server, ServerOptions } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Turnstile } from '../../../transports/relay/gate.ts';
import type { Logger } from '../../logging.ts';
import { reasonText } from '../../protocol/errors.ts';

/** Connections that may be open at once, whatever they are used for. */
export interface Doors {
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
const LOOK = 1_000;

/** What a server is to be created with. */
export const SERVER_OPTIONS = {
  connectionsCheckingInterval: LOOK,
  headersTimeout: HEADERS_TIMEOUT,
  requestTimeout: REQUEST_TIMEOUT,
} as const satisfies ServerOptions;

/** Milliseconds for the handshake of TLS. */
export const TLS_TIMEOUT = 10_000;

/**
 * Closes connections that are too many as soon as they are accepted, and logs that it does and when none can be accepted
 * for want of descriptors. Nothing of it ends the process.
 */
export function keepDoors(
  server: Server | TlsServer,
  { most, mostEach, isProxy = () => false }: Doors,
  logger: Logger,
): void {
  const turnstile = new Turnstile(Number.POSITIVE_INFINITY, mostEach);
  server.maxConnections = most;
  server.timeout = IDLE_TIMEOUT;
  // Before it listens, errors are those of its address.
  server.once('listening', () =>
    server.on('error', (error) => {
      logger.warning('a connection could not be accepted', { reason: reasonText(error) });
    }),
  );
  server.on('drop', (data) => {
    logger.warning('a connection was closed: too many are open', { address: data?.remoteAddress, most });
  });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (isProxy(address)) return;
    const entered = turnstile.enter(address);
    if (typeof entered === 'function') {
      socket.once('close', entered);
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
export function affordable(servers: number): number {
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
