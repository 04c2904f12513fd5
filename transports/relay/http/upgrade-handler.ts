import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { ConnectionInfo } from '../auth/identity.ts';
import { ConnectionQuota, checkOrigin, type UpgradeRequest } from './admission.ts';
import type { Metrics } from './metrics.ts';
import { Proxies, type RequestHeaders, type TrustProxy } from './proxies.ts';
import { type Refusal, Refusals } from './refusals.ts';

export interface UpgradeHandlerSettings {
  readonly options: {
    readonly origins?: readonly string[] | undefined;
    readonly trustProxy?: TrustProxy | undefined;
    readonly addressOf?: ((headers: RequestHeaders, socketAddress: string) => string) | undefined;
  };
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number };
  readonly webSocketServer: WebSocketServer;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
  /** A WebSocket is open on this socket. */
  readonly open: (webSocket: WebSocket, info: ConnectionInfo, socket: Duplex) => void;
}

/** Characters of a visitor's address. IPv6 has 45 at most, and a zone. */
const LONGEST_ADDRESS = 128;

/** Makes WebSockets of upgrades to the path of a relay, or refuses to. */
export class UpgradeHandler {
  readonly #settings: UpgradeHandlerSettings;
  readonly #quota: ConnectionQuota;
  readonly #refusals = new Refusals();
  readonly #proxies: Proxies;
  /** Whether it was said that a proxy is not believed. */
  #hasWarned = false;
  /** Of pages that may connect; undefined for pages of the relay's own host. */
  origins: readonly string[] | undefined;

  constructor(settings: UpgradeHandlerSettings) {
    this.#settings = settings;
    this.origins = settings.options.origins;
    this.#proxies = new Proxies(settings.options.trustProxy ?? false);
    const { maxConnections, maxConnectionsPerAddress } = settings.limits;
    this.#quota = new ConnectionQuota(maxConnections, maxConnectionsPerAddress);
  }

  /** The socket has a listener for errors. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { webSocketServer, metrics, logger, open } = this.#settings;
    const socketAddress = request.socket.remoteAddress ?? '';
    const { headers } = request;
    let address = socketAddress;
    let entered: (() => void) | Refusal | undefined;
    try {
      address = this.#addressOf(headers, socketAddress);
    } catch (error) {
      entered = { status: 500, reason: 'the address cannot be told' };
      logger.error('addressOf failed', { address, reason: messageOf(error) });
    }
    const info: ConnectionInfo = { address, origin: headers.origin };
    entered ??= this.#enter({ headers, info, socketAddress });
    if (typeof entered !== 'function') {
      metrics.handshake(entered.status);
      logger.warning('handshake refused', { address, origin: info.origin, ...entered });
      this.#refusals.refuse(request, socket, entered);
      return;
    }
    socket.on('close', entered);
    try {
      webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
        metrics.handshake(101);
        open(webSocket, info, socket);
      });
    } catch (error) {
      // Another listener of the HTTP server has made a WebSocket of it.
      logger.error('an upgrade to the path of the relay was taken by others', { reason: messageOf(error) });
    }
  }

  /** It may be what a client says, of any length, and is kept as long as the connection. */
  #addressOf(headers: IncomingHttpHeaders, socketAddress: string): string {
    const { addressOf } = this.#settings.options;
    if (addressOf !== undefined)
      return String(addressOf(headers, socketAddress) ?? socketAddress).slice(0, LONGEST_ADDRESS);
    if (this.#proxies.areNone) this.#warnOfProxy(headers, socketAddress);
    return this.#proxies.addressOf(headers, socketAddress);
  }

  #warnOfProxy(headers: IncomingHttpHeaders, proxy: string): void {
    if (this.#hasWarned || headers['x-forwarded-for'] === undefined) return;
    this.#hasWarned = true;
    const { maxConnectionsPerAddress } = this.#settings.limits;
    this.#settings.logger.warning(
      'X-Forwarded-For came and is not believed, so all who come through a proxy count as one address; if there is one, say so with trustProxy',
      { proxy, maxConnectionsPerAddress },
    );
  }

  #enter(upgrade: UpgradeRequest): (() => void) | Refusal {
    if (this.#settings.isDraining())
      return { status: 503, code: CloseCode.goingAway, reason: 'the relay is going down' };
    return checkOrigin(upgrade, this.origins) ?? this.#quota.enter(upgrade.info.address);
  }
}
