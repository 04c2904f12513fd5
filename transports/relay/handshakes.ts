import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../../src/logging.ts';
import { reasonText } from '../../src/protocol/errors.ts';
import { checkOrigin, type Knock, type Refusal, refuse, Turnstile } from './gate.ts';
import { countIntake } from './intake.ts';
import type { Line } from './line.ts';
import type { Metrics } from './metrics.ts';
import type { RelayOptions, Visitor } from './options.ts';
import type { Limits } from './settings.ts';

export interface HandshakesSettings {
  readonly options: Pick<RelayOptions, 'addressOf' | 'origins'>;
  readonly limits: Limits;
  readonly webSocketServer: WebSocketServer;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
  /** A WebSocket is open. */
  readonly open: (webSocket: WebSocket, visitor: Visitor) => Line;
}

/** Characters of a visitor's address. IPv6 has 45 at most, and a zone. */
const LONGEST_ADDRESS = 128;

/** Makes WebSockets of upgrades to the path of a relay, or refuses to. */
export class Handshakes {
  readonly #settings: HandshakesSettings;
  readonly #turnstile: Turnstile;
  /** Of pages that may connect; undefined for pages of the relay's own host. */
  origins: readonly string[] | undefined;

  constructor(settings: HandshakesSettings) {
    this.#settings = settings;
    this.origins = settings.options.origins;
    const { maxConnections, maxConnectionsPerAddress } = settings.limits;
    this.#turnstile = new Turnstile(maxConnections, maxConnectionsPerAddress);
  }

  /** The socket has a listener for errors. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { webSocketServer, metrics, logger, open, options } = this.#settings;
    const socketAddress = request.socket.remoteAddress ?? '';
    const { headers } = request;
    let address = socketAddress;
    let entered: (() => void) | Refusal | undefined;
    try {
      // It may be what a client says, of any length, and is kept as long as the connection.
      address = String(options.addressOf?.(headers, socketAddress) ?? socketAddress).slice(
        0,
        LONGEST_ADDRESS,
      );
    } catch (error) {
      entered = { status: 500, reason: 'the address cannot be told' };
      logger.error('addressOf failed', { address, reason: reasonText(error) });
    }
    const visitor: Visitor = { address, origin: headers.origin };
    entered ??= this.#enter({ headers, visitor, socketAddress });
    if (typeof entered !== 'function') {
      metrics.handshake(entered.status);
      logger.warning('handshake refused', { address, origin: visitor.origin, ...entered });
      refuse(socket, entered);
      return;
    }
    socket.on('close', entered);
    try {
      webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
        metrics.handshake(101);
        const { maxPayload = Number.POSITIVE_INFINITY } = webSocketServer.options;
        countIntake(socket, open(webSocket, visitor), maxPayload);
      });
    } catch (error) {
      // Another listener of the HTTP server has made a WebSocket of it.
      logger.error('an upgrade to the path of the relay was taken by others', { reason: reasonText(error) });
    }
  }

  #enter(knock: Knock): (() => void) | Refusal {
    if (this.#settings.isDraining()) return { status: 503, reason: 'the relay is going down' };
    return checkOrigin(knock, this.origins) ?? this.#turnstile.enter(knock.visitor.address);
  }
}
