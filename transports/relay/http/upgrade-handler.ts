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
  /** The refusal of upgrades now; undefined where they may go on. */
  readonly closed: () => Refusal | undefined;
  /** A WebSocket is open. */
  readonly open: (opened: OpenedUpgrade) => void;
}

/** An upgrade that was made a WebSocket. */
export interface OpenedUpgrade {
  readonly webSocket: WebSocket;
  readonly info: ConnectionInfo;
  readonly socket: Duplex;
  readonly request: IncomingMessage;
  /**
   * Counts the connection for another client from now on, which the relay that it comes from has named.
   * @returns the refusal where that client may not connect.
   */
  readonly enterFor: (client: UpgradeRequest) => Refusal | undefined;
}

/** Whether a request may go on, and who it is from. */
export type Admittance =
  | {
      readonly info: ConnectionInfo;
      readonly refusal: undefined;
      /** Frees its place among the connections. */
      readonly leave: () => void;
    }
  | { readonly info: ConnectionInfo; readonly refusal: Refusal };

/** The most characters of a client's address. IPv6 addresses have 45, and a zone. */
const LONGEST_ADDRESS = 128;

/** Makes WebSockets of upgrades to the path of a relay, or refuses them. */
export class UpgradeHandler {
  readonly #settings: UpgradeHandlerSettings;
  readonly #quota: ConnectionQuota;
  readonly #refusals = new Refusals();
  readonly #proxies: Proxies;
  /** Whether the log says already that a proxy is not trusted. */
  #hasWarned = false;
  /** Origins of pages that may connect; undefined for pages of the relay's own host. */
  origins: readonly string[] | undefined;

  constructor(settings: UpgradeHandlerSettings) {
    this.#settings = settings;
    this.origins = settings.options.origins;
    this.#proxies = new Proxies(settings.options.trustProxy ?? false);
    const { maxConnections, maxConnectionsPerAddress } = settings.limits;
    this.#quota = new ConnectionQuota(maxConnections, maxConnectionsPerAddress);
  }

  /** @param socket - must have a listener for errors. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { webSocketServer, metrics, logger, open } = this.#settings;
    const admitted = this.#admit(request, this.#settings.closed());
    const { info, refusal } = admitted;
    if (refusal !== undefined) {
      metrics.handshake(refusal.status);
      logger.warning('handshake refused', { ...info, ...refusal });
      this.#refusals.refuse(request, socket, refusal);
      return;
    }
    let { leave } = admitted;
    socket.on('close', () => leave());
    const enterFor = (client: UpgradeRequest) => {
      leave();
      const entered = this.#enter(client, undefined);
      if (typeof entered !== 'function') return entered;
      leave = entered;
      // It has ended meanwhile, and nothing else would free the place.
      if (socket.destroyed) entered();
      return undefined;
    };
    try {
      webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
        metrics.handshake(101);
        open({ webSocket, info, socket, request, enterFor });
      });
    } catch (error) {
      // Another listener of the HTTP server has made a WebSocket of it already.
      logger.error('another listener of the HTTP server took an upgrade to the path of the relay', {
        reason: messageOf(error),
      });
    }
  }

  /** Takes a place among the connections for a request, when its origin may connect and there is room. */
  admit(request: IncomingMessage): Admittance {
    return this.#admit(request, this.#settings.isDraining() ? GOING_DOWN : undefined);
  }

  #admit({ headers, socket }: IncomingMessage, closed: Refusal | undefined): Admittance {
    const socketAddress = socket.remoteAddress ?? '';
    const { origin } = headers;
    let address = socketAddress;
    try {
      address = this.#addressOf(headers, socketAddress);
    } catch (error) {
      this.#settings.logger.error('addressOf failed', { address, reason: messageOf(error) });
      const refusal = { status: 500, reason: 'the relay cannot determine the address' };
      return { info: { address, origin }, refusal };
    }
    const info = { address, origin };
    const entered = this.#enter({ headers, info, socketAddress }, closed);
    return typeof entered === 'function'
      ? { info, refusal: undefined, leave: entered }
      : { info, refusal: entered };
  }

  /** The client may have chosen it, and the relay keeps it as long as the connection: so its length is bounded. */
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
      'a request has X-Forwarded-For, which is not trusted, so all clients behind the proxy count as one address: set trustProxy if there is a proxy',
      { proxy, maxConnectionsPerAddress },
    );
  }

  #enter(upgrade: UpgradeRequest, closed: Refusal | undefined): (() => void) | Refusal {
    return closed ?? checkOrigin(upgrade, this.origins) ?? this.#quota.enter(upgrade.info.address);
  }
}

/** The refusal of all that comes while a relay drains. */
export const GOING_DOWN: Refusal = {
  status: 503,
  code: CloseCode.goingAway,
  reason: 'the relay is going down',
};
