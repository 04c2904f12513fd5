import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { harmless } from '../../src/async/harmless.ts';
import { atMost } from '../../src/async/timers.ts';
import { atLevel, consoleLogger, type Logger, sparing } from '../../src/logging.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { invalidCall, messageOf } from '../../src/protocol/errors.ts';
import { randomId } from '../../src/protocol/ids.ts';
import { clientTopics } from '../../src/protocol/topics.ts';
import type { CloseOptions, Connection } from '../../src/transport.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { SUBPROTOCOL, Type } from '../relay-protocol/frames.ts';
import { checkWs, loadWs } from '../relay-protocol/load-ws.ts';
import { MESSAGE_ROOM } from '../relay-protocol/reliable-log.ts';
import { CallGuard } from './auth/call-guard.ts';
import { type ConnectionInfo, type Grants, Identity } from './auth/identity.ts';
import { RequestGuard } from './auth/request-guard.ts';
import { Admission } from './http/admission.ts';
import { Handshakes } from './http/handshakes.ts';
import { Health } from './http/health.ts';
import { Metrics } from './http/metrics.ts';
import { Upgrades } from './http/upgrades.ts';
import type { RelayChanges, RelayOptions } from './options.ts';
import { Expiry } from './session/expiry.ts';
import { type ResolvedLimits, resolveLimits } from './session/limits.ts';
import { MemoryBudget } from './session/memory-budget.ts';
import { Reauthentication } from './session/reauthentication.ts';
import type { ClientSession } from './session/session.ts';
import { Sessions } from './session/sessions.ts';
import { countIntake, Heartbeats, type LineContext, partsOf, ServerSocket } from './session/socket.ts';
import { GarbageCollection } from './upstream/garbage-collection.ts';
import { Upstreams } from './upstream/upstreams.ts';

/** A relay that serves. */
export interface Relay extends AsyncDisposable {
  /** WebSockets that are open. */
  readonly connections: number;
  /**
   * Answers `/healthz` (the relay lives), `/readyz` (it takes clients, and a server answers) and, to those whom the option `metrics`
   * lets, `/metrics`; also below the path of the WebSocket. Gives whether it was one of those; what serves pages answers the others.
   */
  respond(request: IncomingMessage, response: ServerResponse): boolean;
  /**
   * Asks `authenticate` again for every client, connected or away, with the token that it showed, a few at a time. A client
   * that is nobody any more, or another one, is closed with 4401 and its session forgotten. Of one that may do less, what is
   * under way and not granted any more ends. Call it when tokens or grants were taken back; `openTokenFile` does.
   * Resolves when all were asked for. Never rejects.
   */
  reauthenticate(): Promise<void>;
  /**
   * Takes other origins and grants for those without a token, and more servers. No connection is dropped for it, but of those who may not
   * come in any more.
   * @throws PalmError `INVALID_CALL` for what is not acceptable; then nothing has changed.
   */
  reconfigure(changes: RelayChanges): void;
  /**
   * Takes no more connections, lets calls that are under way be answered within `timeout` milliseconds (default 1000), and
   * closes the others. The HTTP server stays its owner's.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Starts a relay on an HTTP server that listens or will. It takes over the upgrades to `path`.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable, or when the package ws is missing.
 * @example
 * const server = createServer((request, response) => relay.respond(request, response) || serveFiles(request, response));
 * const relay = await createRelay({
 *   server,
 *   transport: zeromq(),
 *   servers: { demo: { dbAddress: 'tcp://127.0.0.1:5555' } },
 *   anonymous: { servers: ['demo'], functions: ['demo.*'] },
 * });
 * server.listen(7766, '127.0.0.1');
 */
export async function createRelay(
  options: RelayOptions & { readonly server: HttpServer | HttpsServer },
): Promise<Relay> {
  return createRelayOn(() => loadWs('the relay'), options);
}

const DRAIN_TIMEOUT = 1_000;
/** Milliseconds between two looks at what is under way while draining. */
const DRAIN_LOOK = 20;

/** Everything a relay stands on, opened. */
interface Parts {
  readonly options: RelayOptions & { readonly server: HttpServer | HttpsServer };
  readonly limits: ResolvedLimits;
  readonly logger: Logger;
  readonly connections: readonly [connection: Connection, workConnection: Connection];
  readonly webSocketServer: WebSocketServer;
}

/** What `createRelay` does, on the package ws that `load` gives. */
export async function createRelayOn(
  load: () => Promise<Pick<typeof import('ws'), 'WebSocketServer'>>,
  options: Parts['options'],
): Promise<Relay> {
  const limits = resolveLimits(options.limits);
  const own = options.logger ?? consoleLogger('frond relay');
  const logger = sparing(atLevel(own, options.loggingLevel ?? 'info'));
  const { WebSocketServer } = await load();
  checkWs(new WebSocketServer({ noServer: true }).options);
  const maxPayload = maxPayloadFor(limits);
  const webSocketServer = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    ...partsOf(maxPayload),
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : ([...offered][0] ?? false)),
  });
  const connections = [await options.transport.open(), await options.transport.open()] as const;
  try {
    for (const connection of connections) await connection.identify();
    return new RelayServer({ options, limits, logger, connections, webSocketServer });
  } catch (error) {
    for (const connection of connections) await connection.close({ timeout: 0 });
    throw error;
  }
}

/** Bytes that a WebSocket message may have. */
function maxPayloadFor({ maxFrame }: ResolvedLimits): number {
  return maxFrame + MESSAGE_ROOM;
}

class RelayServer implements Relay {
  readonly #logger: Logger;
  readonly #connections: Parts['connections'];
  readonly #webSocketServer: WebSocketServer;
  readonly #handshakes: Handshakes;
  readonly #health: Health;
  readonly #upstreams: Upstreams;
  readonly #sessions: Sessions;
  readonly #admission: Admission;
  readonly #metrics: Metrics;
  readonly #reauthentication: Reauthentication;
  readonly #expiry = new Expiry((line) => line.close(CloseCode.unauthorized, 'the token has expired'));
  readonly #stopListening: (() => void) | undefined;
  readonly #pulse: Heartbeats;
  readonly #lineContext: LineContext;
  readonly #lines = new Set<ServerSocket>();
  readonly #lineOf = new Map<ClientSession, ServerSocket>();
  readonly #takeNoUpgrades: () => void;
  #isDraining = false;
  #closing: Promise<void> | undefined;

  constructor({ options, limits, logger, connections, webSocketServer }: Parts) {
    this.#logger = logger;
    this.#connections = connections;
    this.#webSocketServer = webSocketServer;
    const [connection, workConnection] = connections;
    const relayId = randomId();
    const codec = new EnvelopeCodec();
    const find = (name: string) => this.#upstreams.get(name);
    const calls = new CallGuard(codec, find);
    this.#upstreams = new Upstreams(options.servers, {
      transport: options.transport,
      connection,
      workConnection,
      prefix: clientTopics(relayId).prefix,
      logger,
      changed: () => calls.forget(),
      deliver: (upstream, deliveries) => this.#sessions.deliver(upstream, deliveries),
      collector: new GarbageCollection(),
    });
    this.#upstreams.checkNamed(options.anonymous?.servers);
    const budget = new MemoryBudget(limits.maxHeldTotal);
    this.#metrics = new Metrics({
      connections: () => this.#lines.size,
      sessions: () => this.#sessions.size,
      held: () => budget.total,
    });
    this.#sessions = new Sessions({
      relayId,
      most: limits.maxConnections,
      mostAbsent: limits.maxConnectionsPerAddress,
      resumeWindow: limits.resumeWindow,
      peers: {
        limits,
        calls,
        requests: new RequestGuard(codec),
        find,
        end: (peer, code, reason, isOver) => this.#end(peer, code, reason, isOver),
        budget,
        unsent: (peer) => this.#lineOf.get(peer)?.unsent ?? 0,
        onRefused: (what) => this.#metrics.refusal(what),
        onLostWork: (count) => this.#metrics.lostWork(count),
      },
    });
    this.#handshakes = new Handshakes({
      options,
      limits,
      webSocketServer,
      metrics: this.#metrics,
      logger,
      isDraining: () => this.#isDraining,
      open: (webSocket, visitor, socket) => this.#open(webSocket, visitor, socket),
    });
    this.#admission = new Admission(options, logger);
    this.#lineContext = {
      limits,
      metrics: this.#metrics,
      admission: this.#admission,
      sessions: this.#sessions,
      budget,
      attached: (line, peer) => this.#attached(line, peer),
      admitted: (line, peer, token) => this.#admitted(line, peer, token),
      ended: (line, code, reason) => this.#ended(line, code, reason),
      logger,
    };
    this.#reauthentication = new Reauthentication({
      admission: this.#admission,
      sessions: this.#sessions,
      logger,
      timeout: limits.greetingTimeout,
      revoked: (peer) => this.#end(peer, CloseCode.unauthorized, 'the token is not valid any more', true),
      identified: (peer, identity) => this.#identified(peer, identity),
    });
    const path = options.path ?? '/';
    this.#health = new Health({
      path,
      upstreams: this.#upstreams,
      metrics: this.#metrics,
      mayRead: options.metrics,
      isDraining: () => this.#isDraining,
      logger,
    });
    // First what may throw: of a relay that cannot start nothing is left.
    this.#stopListening = options.authenticate?.onChange?.(() => this.reauthenticate());
    try {
      this.#takeNoUpgrades = Upgrades.of(options.server).add(path, {
        take: (request, socket, head) => this.#handshakes.take(request, socket, head),
        logger,
        patience: limits.greetingTimeout,
      });
    } catch (error) {
      this.#stopChanges();
      throw error;
    }
    this.#pulse = new Heartbeats(limits.heartbeat, () => this.#lines);
    logger.info('relaying', { path });
  }

  get connections(): number {
    return this.#lines.size;
  }

  respond(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#health.respond(request, response);
  }

  reauthenticate(): Promise<void> {
    return this.#reauthentication.again();
  }

  reconfigure({ origins, anonymous, servers }: RelayChanges): void {
    const identity = anonymous && identityOf(anonymous);
    this.#upstreams.checkNamed(anonymous?.servers, servers);
    if (servers !== undefined) this.#upstreams.join(servers);
    this.#handshakes.origins = origins;
    this.#admission.anonymous = identity;
    this.reauthenticate();
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.timeout ?? DRAIN_TIMEOUT);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeout: number): Promise<void> {
    this.#isDraining = true;
    await atMost(timeout, this.#drained());
    this.#pulse.stop();
    this.#stopChanges();
    const closed = [...this.#lines].map((line) => line.close(CloseCode.goingAway, 'the relay is going down'));
    await atMost(CLOSING_TIMEOUT, Promise.all(closed));
    for (const line of this.#lines) line.terminate();
    for (const peer of [...this.#sessions]) this.#sessions.forget(peer);
    await this.#upstreams.close();
    for (const connection of this.#connections) await connection.close({ timeout: 0 });
    this.#webSocketServer.close();
    // Until now it has said that it ends; without it whoever dials would be told that there is nothing here.
    this.#takeNoUpgrades();
    this.#logger.info('relay closed');
  }

  #stopChanges(): void {
    harmless(
      () => this.#stopListening?.(),
      (error) => this.#logger.error('the function that ends onChange failed', { reason: messageOf(error) }),
    );
  }

  /** Clients that have nothing under way are let go as soon as they have. */
  async #drained(): Promise<void> {
    const asked = new Set<ServerSocket>();
    while (this.#lines.size > 0) {
      for (const line of [...this.#lines]) {
        const { peer } = line;
        const isIdle = peer?.isIdle !== false;
        if (isIdle && (peer?.ledger.held ?? 0) === 0) {
          line.close(CloseCode.goingAway, 'the relay is going down');
        } else if (!isIdle) asked.delete(line);
        else if (!asked.has(line)) {
          // Its answer confirms what the client has, which would take it a while to say by itself.
          asked.add(line);
          peer?.ledger.tell([Type.ping]);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK));
    }
  }

  #open(webSocket: WebSocket, visitor: ConnectionInfo, socket: Duplex): void {
    const line = new ServerSocket(webSocket, visitor, this.#lineContext);
    this.#lines.add(line);
    countIntake(socket, line, maxPayloadFor(this.#lineContext.limits));
  }

  #attached(line: ServerSocket, peer: ClientSession): void {
    this.#lineOf.get(peer)?.close(CloseCode.replaced, 'another connection took the session over');
    this.#lineOf.set(peer, line);
  }

  #admitted(line: ServerSocket, peer: ClientSession, token: string | undefined): void {
    this.#reauthentication.admitted(peer, token, line.visitor);
    this.#expiry.watch(line);
  }

  /** What the client may do has changed while it is connected, or away. */
  #identified(peer: ClientSession, identity: Identity): void {
    peer.identified(identity);
    const line = this.#lineOf.get(peer);
    if (line !== undefined) this.#expiry.watch(line);
  }

  #ended(line: ServerSocket, code: number, reason: string): void {
    this.#lines.delete(line);
    this.#expiry.forget(line);
    this.#metrics.close(code);
    const { peer, visitor } = line;
    this.#logger.info('connection ended', {
      address: visitor.address,
      client: peer?.id,
      identity: peer?.identity.name,
      code,
      reason,
    });
    if (peer === undefined || this.#lineOf.get(peer) !== line) return;
    this.#lineOf.delete(peer);
    // Those that say good-bye do not come back: a client that is done, and a page that is left.
    if (code === CloseCode.normal || code === CloseCode.goingAway) this.#sessions.forget(peer);
    else this.#sessions.leave(peer);
  }

  #end(peer: ClientSession, code: number, reason: string, isOver: boolean): void {
    this.#lineOf.get(peer)?.close(code, reason);
    if (isOver) this.#sessions.forget(peer);
  }
}

const CLOSING_TIMEOUT = 250;

function identityOf(grants: Grants): Identity {
  try {
    return Identity.anonymous(grants);
  } catch (error) {
    throw invalidCall(`anonymous cannot be read: ${messageOf(error)}`);
  }
}
