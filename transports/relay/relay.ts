import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { WebSocketServer } from 'ws';
import { harmless } from '../../src/async/harmless.ts';
import { ReadTurns } from '../../src/async/read-turns.ts';
import { atMost } from '../../src/async/timers.ts';
import { RELAY_READ_TURN } from '../../src/flow-control.ts';
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
import { type Grants, Identity } from './auth/identity.ts';
import { InputGuard } from './auth/input-guard.ts';
import { RequestGuard } from './auth/request-guard.ts';
import { Admission } from './http/admission.ts';
import { Health } from './http/health.ts';
import { Metrics } from './http/metrics.ts';
import type { Refusal } from './http/refusals.ts';
import { GOING_DOWN, type OpenedUpgrade, UpgradeHandler } from './http/upgrade-handler.ts';
import { UpgradeRouter } from './http/upgrade-router.ts';
import type { RelayChanges, RelayOptions } from './options.ts';
import { Peers } from './peers/peers.ts';
import { Heartbeats } from './session/heartbeats.ts';
import { HttpCalls } from './session/http-calls.ts';
import { type ResolvedLimits, resolveLimits } from './session/limits.ts';
import { MemoryBudget } from './session/memory-budget.ts';
import { countIntake, partsOf } from './session/message-parts.ts';
import { Reauthentication } from './session/reauthentication.ts';
import { Sessions } from './session/sessions.ts';
import { type Arrival, ServerSocket, type SocketContext } from './session/socket.ts';
import { GarbageCollection } from './upstream/garbage-collection.ts';
import { Upstreams } from './upstream/upstreams.ts';

/** A running relay. */
export interface Relay extends AsyncDisposable {
  /** How many WebSockets are open. */
  readonly connections: number;
  /**
   * Answers `/healthz` (the relay runs), `/readyz` (it takes clients, and a server answers) and, for requests that the option
   * `metrics` allows, `/metrics`; with the option `http`, `/call/…` and `/openapi.json`; all of them also below the path of the WebSocket.
   * @returns false for other requests, which the caller must answer.
   */
  respond(request: IncomingMessage, response: ServerResponse): boolean;
  /**
   * Calls `authenticate` again for every client, connected or away, with the token that it showed, 64 at a time. A client whose token
   * is not valid any more, or belongs to another identity, is closed with 4401, and its session forgotten. When a client may do less,
   * what it has under way and may not do any more ends. Call this after tokens or grants were revoked; `openTokenFile` does so itself.
   * Resolves when all clients were checked. Never rejects.
   */
  reauthenticate(): Promise<void>;
  /**
   * Replaces the origins and the grants of clients without a token, and adds servers. Only clients that may not connect any more are
   * disconnected.
   * @throws PalmError `INVALID_CALL` for a change that is not acceptable; then nothing has changed.
   */
  reconfigure(changes: RelayChanges): void;
  /**
   * Refuses new clients, waits up to `timeout` milliseconds (default 1000) for answers to calls under way, and closes all connections.
   * With {@link RelayOptions.peers} clients that are cut meanwhile may come back, here or to another relay. The HTTP server stays open.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Starts a relay on an HTTP server, which may listen already or later. The relay handles its upgrades to `path`.
 * @throws PalmError `INVALID_CALL` for an option that is not acceptable, or when the package ws is missing.
 * @example
 * const server = createServer((request, response) => relay.respond(request, response) || serveFiles(request, response));
 * const relay = await createRelay({
 *   server,
 *   transport: zmtp(),
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
/** Milliseconds between two checks of what is under way while the relay drains. */
const DRAIN_LOOK = 20;

/** What a relay is assembled from. */
interface Parts {
  readonly options: RelayOptions & { readonly server: HttpServer | HttpsServer };
  readonly limits: ResolvedLimits;
  readonly logger: Logger;
  readonly connections: readonly [connection: Connection, workConnection: Connection];
  readonly webSocketServer: WebSocketServer;
  readonly peers: Peers | undefined;
  readonly onPeer: (socket: Duplex) => void;
}

/** What the relay needs of the package ws. */
export type Ws = Pick<typeof import('ws'), 'WebSocket' | 'WebSocketServer'>;

/**
 * As {@link createRelay}, with the package ws that `load` gives.
 * @param onPeer - called for the TCP socket of another relay that has proved itself: it counts as that of the client it is for.
 */
export async function createRelayOn(
  load: () => Promise<Ws>,
  options: Parts['options'],
  onPeer: Parts['onPeer'] = () => {},
): Promise<Relay> {
  const limits = resolveLimits(options.limits);
  const own = options.logger ?? consoleLogger('frond relay');
  const logger = sparing(atLevel(own, options.loggingLevel ?? 'info'));
  const { WebSocket, WebSocketServer } = await load();
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
  // A redirect would lead to a URL that nobody has listed.
  const bounds = { perMessageDeflate: false, followRedirects: false, maxPayload, ...partsOf(maxPayload) };
  const peers =
    options.peers &&
    new Peers(options.peers, (url, protocol, given) => new WebSocket(url, protocol, { ...bounds, ...given }));
  const opened: Connection[] = [];
  const open = async () => {
    const connection = await options.transport.open();
    opened.push(connection);
    return connection;
  };
  try {
    const connections = [await open(), await open()] as const;
    for (const connection of connections) await connection.identify();
    return new RelayServer({ options, limits, logger, connections, webSocketServer, peers, onPeer });
  } catch (error) {
    for (const connection of opened) await connection.close({ timeout: 0 });
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
  readonly #upgradeHandler: UpgradeHandler;
  readonly #health: Health;
  /** Undefined where calls over HTTP are not allowed. */
  readonly #httpCalls: HttpCalls | undefined;
  readonly #upstreams: Upstreams;
  readonly #sessions: Sessions;
  readonly #admission: Admission;
  readonly #metrics: Metrics;
  readonly #reauthentication: Reauthentication;
  readonly #stopListening: (() => void) | undefined;
  readonly #heartbeats: Heartbeats;
  readonly #sockets = new Set<ServerSocket>();
  readonly #stopUpgrades: () => void;
  readonly #peers: Peers | undefined;
  #isDraining = false;
  /** Whether nobody is waited for any more. */
  #isOver = false;
  #closing: Promise<void> | undefined;

  constructor({ options, limits, logger, connections, webSocketServer, peers, onPeer }: Parts) {
    this.#logger = logger;
    this.#connections = connections;
    this.#webSocketServer = webSocketServer;
    this.#peers = peers;
    const [connection, workConnection] = connections;
    const relayId = randomId();
    // Another relay finds there what servers have answered, and what clients have sent is kept once.
    const isAdoptable = peers !== undefined && connection.store !== undefined;
    const codec = new EnvelopeCodec();
    const find = (name: string) => this.#upstreams.get(name);
    const inputs = options.checkInput === true ? new InputGuard(codec) : undefined;
    const calls = new CallGuard(codec, find, inputs);
    this.#upstreams = new Upstreams(options.servers, {
      transport: options.transport,
      connection,
      workConnection,
      prefix: clientTopics(relayId).prefix,
      logger,
      changed: () => calls.forget(),
      deliver: (upstream, deliveries) => this.#sessions.deliver(upstream, deliveries),
      garbageCollection: new GarbageCollection(),
    });
    this.#upstreams.checkNamed(options.anonymous?.servers);
    const budget = new MemoryBudget(limits.maxHeldTotal);
    this.#metrics = new Metrics({
      connections: () => this.#sockets.size,
      sessions: () => this.#sessions.size,
      passedOn: () => peers?.size ?? 0,
      held: () => budget.total,
    });
    this.#sessions = new Sessions({
      relayId,
      most: limits.maxConnections,
      mostAbsent: limits.maxConnectionsPerAddress,
      nameSession: (client) => peers?.nameSession(isAdoptable ? client : undefined) ?? randomId(),
      resumeWindow: limits.resumeWindow,
      sessions: {
        limits,
        calls,
        requests: new RequestGuard(codec, find),
        find,
        budget,
        isAdoptable,
        onRefused: (what) => this.#metrics.refusal(what),
        onLostWork: (count) => this.#metrics.lostWork(count),
      },
    });
    this.#admission = new Admission(options, logger);
    const socketContext: SocketContext = {
      limits,
      metrics: this.#metrics,
      admission: this.#admission,
      sessions: this.#sessions,
      budget,
      logger,
      turns: new ReadTurns(RELAY_READ_TURN),
      sockets: this.#sockets,
      peers,
      isDraining: () => this.#isDraining,
    };
    this.#upgradeHandler = new UpgradeHandler({
      options,
      limits,
      webSocketServer,
      metrics: this.#metrics,
      logger,
      isDraining: () => this.#isDraining,
      closed: () => this.#refusal(),
      open: (opened) => {
        const { webSocket, info, socket } = opened;
        const arrival = peers && arrivalOf(opened, peers, onPeer);
        const own = new ServerSocket(webSocket, info, socketContext, arrival);
        countIntake(socket, own, maxPayloadFor(limits));
      },
    });
    this.#reauthentication = new Reauthentication({
      admission: this.#admission,
      sessions: this.#sessions,
      logger,
      timeout: limits.greetingTimeout,
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
    if (options.http === true) {
      this.#httpCalls = new HttpCalls({
        path,
        limits,
        admission: this.#admission,
        upgrades: this.#upgradeHandler,
        sessions: this.#sessions,
        metrics: this.#metrics,
        logger,
        find,
        names: () => this.#upstreams.names,
      });
    }
    // Both may throw, and a relay that does not start must leave nothing behind.
    this.#stopListening = options.authenticate?.onChange?.(() => this.reauthenticate());
    try {
      this.#stopUpgrades = UpgradeRouter.of(options.server).add(path, {
        handle: (request, socket, head) => this.#upgradeHandler.handle(request, socket, head),
        logger,
        timeout: limits.greetingTimeout,
      });
    } catch (error) {
      this.#stopChanges();
      throw error;
    }
    this.#heartbeats = new Heartbeats(limits.heartbeat, () => this.#sockets);
    logger.info('relaying', { path });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  respond(request: IncomingMessage, response: ServerResponse): boolean {
    return this.#health.respond(request, response) || this.#httpCalls?.respond(request, response) === true;
  }

  reauthenticate(): Promise<void> {
    return this.#reauthentication.again();
  }

  reconfigure({ origins, anonymous, servers }: RelayChanges): void {
    const identity = anonymous && identityOf(anonymous);
    this.#upstreams.checkNamed(anonymous?.servers, servers);
    if (servers !== undefined) this.#upstreams.join(servers);
    this.#upgradeHandler.origins = origins;
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

  /** With other relays, only the greeting of a client shows whether it may come back: its session may be one of theirs. */
  #refusal(): Refusal | undefined {
    if (!this.#isDraining) return undefined;
    if (this.#peers === undefined) return GOING_DOWN;
    return this.#isOver ? { ...GOING_DOWN, code: CloseCode.elsewhere } : undefined;
  }

  async #close(timeout: number): Promise<void> {
    this.#isDraining = true;
    await atMost(timeout, Promise.all([this.#drained(), this.#httpCalls?.idle()]));
    this.#isOver = true;
    this.#httpCalls?.close();
    this.#heartbeats.stop();
    this.#stopChanges();
    const closed = [...this.#sockets].map((socket) => {
      // Sessions of other relays go on without this one. Without other relays those that have none here are closed already.
      const isElsewhere = socket.session === undefined || this.#sessions.isAdoptable;
      return socket.close(isElsewhere ? CloseCode.elsewhere : CloseCode.goingAway, GOING_DOWN.reason);
    });
    await atMost(CLOSING_TIMEOUT, Promise.all(closed));
    for (const socket of this.#sockets) socket.terminate();
    this.#peers?.close();
    for (const session of [...this.#sessions]) this.#sessions.forget(session, true);
    await this.#upstreams.close();
    for (const connection of this.#connections) await connection.close({ timeout: 0 });
    this.#webSocketServer.close();
    // Not earlier: clients that dial meanwhile are told that the relay is going down, not that there is none.
    this.#stopUpgrades();
    this.#logger.info('relay closed');
  }

  #stopChanges(): void {
    harmless(
      () => this.#stopListening?.(),
      (error) => this.#logger.error('the function that ends onChange failed', { reason: messageOf(error) }),
    );
  }

  /**
   * Closes each connection once its client has nothing under way. Resolves when no client is waited for any more. Other relays pass clients
   * on that were cut, so those are waited for, too.
   */
  async #drained(): Promise<void> {
    /** Pings that idle clients had answered when they were sent another, by socket: what was sent on one that is cut is lost. */
    const asked = new WeakMap<ServerSocket, number>();
    for (;;) {
      let isAwaited = this.#peers !== undefined && this.#isAnybodyCut();
      for (const socket of [...this.#sockets]) {
        if (this.#peers !== undefined && socket.session === undefined) continue;
        isAwaited = true;
        if (!this.#hasDone(socket, asked)) continue;
        const { session } = socket;
        const { isAdoptable } = this.#sessions;
        socket.close(isAdoptable ? CloseCode.elsewhere : CloseCode.goingAway, GOING_DOWN.reason);
        // Another relay that asks for it adopts it then.
        if (isAdoptable && session !== undefined) this.#sessions.forget(session, true);
      }
      if (!isAwaited) return;
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK));
    }
  }

  /**
   * Whether a client has nothing under way. It is asked by a ping: the pong confirms what it has received, and comes behind all that it
   * has sent.
   */
  #hasDone(socket: ServerSocket, asked: WeakMap<ServerSocket, number>): boolean {
    const { session } = socket;
    if (session === undefined) return true;
    if (!session.isIdle) {
      asked.delete(socket);
      return false;
    }
    const before = asked.get(socket);
    if (before === session.pongs) return false;
    if (before !== undefined && session.log.held === 0) return true;
    asked.set(socket, session.pongs);
    session.log.tell([Type.ping]);
    return false;
  }

  #isAnybodyCut(): boolean {
    for (const session of this.#sessions) {
      const { absence } = session;
      if (absence !== undefined && (absence < CUT || !session.isIdle || session.log.held > 0)) return true;
    }
    return false;
  }
}

/** Milliseconds in which a client that was cut comes back, unless it is gone. What it has sent last may not have come. */
const CUT = 2_000;
const CLOSING_TIMEOUT = 250;

function arrivalOf(
  { socket, request, enterFor }: OpenedUpgrade,
  peers: Peers,
  onPeer: Parts['onPeer'],
): Arrival {
  return {
    entrance: peers.entrance(request),
    host: request.headers.host ?? '',
    via: request.socket.remoteAddress ?? '',
    enterFor: ({ address, origin, host, via }) => {
      const page = origin === '' ? undefined : origin;
      const refusal = enterFor({
        headers: { origin: page, host },
        info: { address, origin: page },
        socketAddress: via,
      });
      if (refusal === undefined) onPeer(socket);
      return refusal;
    },
  };
}

function identityOf(grants: Grants): Identity {
  try {
    return Identity.anonymous(grants);
  } catch (error) {
    throw invalidCall(`the option anonymous is not acceptable: ${messageOf(error)}`);
  }
}
