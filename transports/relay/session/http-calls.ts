/** Calls over HTTP: `POST /call/server.function`, with the tokens, grants, limits and guards of clients over WebSocket. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { atMost } from '../../../src/async/timers.ts';
import { type OfferedBy, openApiOf } from '../../../src/functions/contract/openapi.ts';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import * as CloseCode from '../../relay-protocol/close-codes.ts';
import type { ConnectionInfo, Identity } from '../auth/identity.ts';
import type { Admission } from '../http/admission.ts';
import { type HttpCall, HttpFailure, payloadsOf, readBody, readCall, tokenOf } from '../http/call-request.ts';
import { CallResponse, writeFailure } from '../http/call-response.ts';
import type { Metrics } from '../http/metrics.ts';
import type { UpgradeHandler } from '../http/upgrade-handler.ts';
import { pathOf } from '../http/upgrade-router.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { HttpClient } from './http-client.ts';
import type { ResolvedLimits } from './limits.ts';
import type { Sessions } from './sessions.ts';

export interface HttpCallsSettings {
  /** Path of the WebSocket. Calls below it are answered as at the root, for proxies that pass on nothing else. */
  readonly path: string;
  readonly limits: ResolvedLimits;
  readonly admission: Admission;
  readonly upgrades: UpgradeHandler;
  readonly sessions: Sessions;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly find: (name: string) => Upstream | undefined;
  /** Names of the servers that there are. */
  readonly names: () => readonly string[];
}

const CALL = '/call/';
const OPENAPI = '/openapi.json';

/** Answers calls over HTTP. */
export class HttpCalls {
  readonly #settings: HttpCallsSettings;
  readonly #prefix: string;
  readonly #clients = new Set<HttpClient>();
  #whenIdle: (() => void) | undefined;

  constructor(settings: HttpCallsSettings) {
    this.#settings = settings;
    this.#prefix = settings.path.replace(/\/$/, '');
  }

  /** @returns false for a request that is not a call, which the caller must answer. */
  respond(request: IncomingMessage, response: ServerResponse): boolean {
    const whole = pathOf(request);
    const isBelow = this.#prefix !== '' && whole.startsWith(`${this.#prefix}/`);
    const path = isBelow ? whole.slice(this.#prefix.length) : whole;
    if (!path.startsWith(CALL) && path !== OPENAPI) return false;
    // A caller that goes while it is written to is no fault of this process.
    response.on('error', () => {});
    const answering =
      path === OPENAPI
        ? this.#describe(request, response, isBelow ? this.#prefix : undefined)
        : this.#answer(request, response, path.slice(CALL.length));
    answering.catch((error) => this.#refuse(request, response, error));
    return true;
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    if (this.#clients.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Ends all calls. */
  close(): void {
    const failure = new HttpFailure(503, 'CLOSED', 'the relay is going down');
    for (const client of this.#clients) client.giveUp(failure);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const info = this.#admit(request, response, PREFLIGHT);
    if (info === undefined) return;
    const call = readCall(request, path);
    await this.#run(request, response, call, info);
  }

  /** Tells what the caller may call, as OpenAPI. */
  async #describe(
    request: IncomingMessage,
    response: ServerResponse,
    url: string | undefined,
  ): Promise<void> {
    const info = this.#admit(request, response, { ...PREFLIGHT, 'access-control-allow-methods': 'GET' });
    if (info === undefined) return;
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new HttpFailure(405, 'INVALID_CALL', 'the description of the functions is read with GET');
    const identity = await this.#identify(tokenOf(request.headers.authorization), info);
    const servers = this.#settings.names().filter((name) => identity.mayUse(name));
    const offered = await Promise.all(servers.map((name) => this.#offeredBy(name, identity)));
    const document = openApiOf('frond', offered, url);
    const body = Buffer.from(JSON.stringify(document));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    // Node leaves the body out of an answer to HEAD.
    response.end(body);
  }

  /** The functions of a server that a client may call. */
  async #offeredBy(server: string, identity: Identity): Promise<OfferedBy> {
    const upstream = this.#settings.find(server);
    const offers = (await upstream?.offers()) ?? [];
    const functions = offers.filter(({ name }) => {
      const stage = `${upstream?.palmName}.${name}`;
      return identity.mayCall(stage) && upstream?.functions?.match(stage) !== false;
    });
    return { server, functions };
  }

  /**
   * Lets a request in, unless it is a page's question, which is answered.
   * @throws HttpFailure when it may not come in.
   */
  #admit(
    request: IncomingMessage,
    response: ServerResponse,
    preflight: Readonly<Record<string, string>>,
  ): ConnectionInfo | undefined {
    const { upgrades, metrics } = this.#settings;
    response.on('close', () => metrics.httpCall(response.headersSent ? response.statusCode : 499));
    const admitted = upgrades.admit(request);
    const { info, refusal } = admitted;
    if (refusal !== undefined) {
      const { status, reason } = refusal;
      throw new HttpFailure(status, status === 403 ? 'FORBIDDEN' : 'CLOSED', reason);
    }
    // Node ends a response for every request, also when its connection breaks.
    response.on('close', admitted.leave);
    allowOrigin(request, response);
    if (request.method === 'OPTIONS') {
      response.writeHead(204, preflight).end();
      return undefined;
    }
    return info;
  }

  /** @throws HttpFailure for a token that is not valid. */
  async #identify(token: string | undefined, info: ConnectionInfo): Promise<Identity> {
    const { admission, limits } = this.#settings;
    let identity: Identity | undefined;
    let isAnswered = false;
    const identifying = admission.identify(token, info).then((known) => {
      identity = known;
      isAnswered = true;
    });
    await atMost(limits.greetingTimeout, identifying);
    if (!isAnswered) throw new HttpFailure(503, 'TIMEOUT', 'the token could not be checked in time');
    if (identity !== undefined) return identity;
    const text = token === undefined ? 'a token is needed' : 'the token is wrong or has expired';
    throw new HttpFailure(401, 'FORBIDDEN', text);
  }

  async #run(
    request: IncomingMessage,
    response: ServerResponse,
    call: HttpCall,
    info: ConnectionInfo,
  ): Promise<void> {
    const { sessions, limits, find } = this.#settings;
    const known = await this.#identify(call.token, info);
    const servers = call.stages.map((stage) => stage.slice(0, stage.indexOf('.')));
    const [first = '', last = first] = [servers[0], servers.at(-1)];
    const refused = servers.find((server) => !known.mayUse(server) || find(server) === undefined);
    if (refused !== undefined) throw new HttpFailure(403, 'FORBIDDEN', known.serverRefusal(refused));
    if (response.destroyed) return;
    const session = sessions.begin(known, info.address);
    const callResponse = new CallResponse(response, call);
    let client: HttpClient | undefined;
    const reading = new AbortController();
    // Until the body is there the session has this as its socket: its limits hold for the body, too.
    const waiting = {
      unsent: 0,
      send: () => {},
      close: (code: number, reason: string) => {
        if (code === CloseCode.replaced) return;
        const failure = new HttpFailure(429, 'TOO_LARGE', reason);
        this.#note('warning', request, failure.status, reason);
        callResponse.fail(failure);
        reading.abort();
      },
    };
    const leave = () => {
      if (client === undefined) sessions.disconnected(session, waiting, false);
      else {
        this.#clients.delete(client);
        sessions.disconnected(session, client, false);
      }
      if (this.#clients.size === 0) this.#whenIdle?.();
    };
    sessions.connect(session, waiting, known);
    session.admitted({ token: call.token, info });
    try {
      const arriving = (bytes: number) => session.arriving(bytes);
      const body = await readBody(request, limits.maxFrame, arriving, reading.signal);
      const payloads = payloadsOf(body, call.kind);
      await find(first)?.known();
      if (callResponse.isOver || response.destroyed) return leave();
      const path = this.#pathOf(call);
      client = new HttpClient({
        call,
        path,
        first,
        last,
        payloads,
        session,
        response: callResponse,
        limits,
        onEnd: leave,
      });
      this.#clients.add(client);
      // A call may take its time, longer than an idle connection has.
      response.setTimeout(0);
      session.arriving(0);
      sessions.connect(session, client, session.identity);
      const own = client;
      response.on('close', () => own.giveUp(new HttpFailure(499, 'DISCONNECTED', 'the caller is gone')));
      client.begin();
    } catch (error) {
      if (client !== undefined && error instanceof HttpFailure) return client.giveUp(error);
      leave();
      // Its session has ended meanwhile, and the caller was told why.
      if (!reading.signal.aborted) throw error;
    }
  }

  /** The function path. A call says the name that the relay has of a server, and the server its own. */
  #pathOf({ stages }: HttpCall): string {
    return stages
      .map((stage) => {
        const at = stage.indexOf('.');
        return `${this.#settings.find(stage.slice(0, at))?.palmName}${stage.slice(at)}`;
      })
      .join(' ');
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const isKnown = error instanceof HttpFailure;
    const failure = isKnown ? error : new HttpFailure(500, 'PROTOCOL', 'the relay failed');
    this.#note(isKnown ? 'warning' : 'error', request, failure.status, messageOf(error));
    if (response.headersSent || response.destroyed) response.destroy();
    else writeFailure(response, failure);
  }

  #note(level: 'warning' | 'error', request: IncomingMessage, status: number, reason: string): void {
    const address = request.socket.remoteAddress;
    this.#settings.logger[level]('call over HTTP refused', { address, status, reason });
  }
}

/** Headers of the answer to a page's question whether it may call. */
const PREFLIGHT = {
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'authorization, content-type, accept, frond-timeout, frond-priority',
  'access-control-max-age': '600',
  'content-length': '0',
} as const;

/** Lets the page of an origin that may connect read the answer. It gets no cookies: a call is of who its token says. */
function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('vary', 'origin');
  if (origin !== undefined) response.setHeader('access-control-allow-origin', origin);
}
