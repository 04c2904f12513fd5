/** What a relay answers to orchestrators and to Prometheus. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../../src/logging.ts';
import { messageOf } from '../../../src/protocol/errors.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { Metrics } from './metrics.ts';
import { pathOf } from './upgrade-router.ts';

export interface HealthSettings {
  /** Path of the WebSocket. Requests below it are answered as at the root, for proxies that pass on nothing else. */
  readonly path: string;
  readonly upstreams: Upstreams;
  readonly metrics: Metrics;
  /** Whether the request may read metrics and names of servers. */
  readonly mayRead: ((request: IncomingMessage) => boolean) | undefined;
  readonly isDraining: () => boolean;
  readonly logger: Logger;
}

/** Answers `/healthz`, `/readyz` and `/metrics`. */
export class Health {
  readonly #settings: HealthSettings;
  readonly #prefix: string;

  constructor(settings: HealthSettings) {
    this.#settings = settings;
    this.#prefix = settings.path.replace(/\/$/, '');
  }

  /** @returns false for other requests, and for metrics that the request may not read. */
  respond(request: IncomingMessage, response: ServerResponse): boolean {
    const whole = pathOf(request);
    const isBelow = this.#prefix !== '' && whole.startsWith(`${this.#prefix}/`);
    const path = isBelow ? whole.slice(this.#prefix.length) : whole;
    if (path === '/healthz') {
      answer(response, 200, 'ok\n');
      return true;
    }
    if (path === '/readyz') {
      void this.#tellReady(request, response);
      return true;
    }
    if (path !== '/metrics' || !this.#mayRead(request)) return false;
    const { metrics } = this.#settings;
    response.writeHead(200, { 'content-type': metrics.contentType }).end(metrics.text());
    return true;
  }

  /** One server that answers is enough: its clients need the relay. */
  async #tellReady(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { upstreams, isDraining } = this.#settings;
    if (isDraining()) return answer(response, 503, 'draining\n');
    const servers = await upstreams.answering();
    const isReady = servers.length === 0 || servers.some(({ answers }) => answers);
    const lines = this.#mayRead(request)
      ? servers.map(({ name, answers }) => `${name}: ${answers ? 'answers' : 'does not answer'}\n`)
      : [];
    answer(response, isReady ? 200 : 503, `${isReady ? 'ready' : 'no server answers'}\n${lines.join('')}`);
  }

  /** A rule that throws grants nothing. */
  #mayRead(request: IncomingMessage): boolean {
    const { mayRead, logger } = this.#settings;
    try {
      return mayRead?.(request) === true;
    } catch (error) {
      logger.error('the rule for metrics failed', { reason: messageOf(error) });
      return false;
    }
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(text);
}
