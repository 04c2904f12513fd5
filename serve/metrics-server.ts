/** Serves the metrics and the readiness of roles over HTTP, for Prometheus and for orchestrators. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_TYPE, type Metric, metricsText } from '../src/metrics.ts';
import { inspectValue, invalidCall, messageOf, PalmError } from '../src/protocol/errors.ts';
import type { CloseOptions } from '../src/transport.ts';

/** What {@link serveMetrics} reads: a role of `frond/cluster`, or anything that tells as much. */
export interface Measured {
  /** Its name, which tells what it lacks from what others lack. */
  readonly name: string;
  /** Its metrics as they are now. */
  metrics(): readonly Metric[];
  /** What keeps it from its work now, each in a few words. Empty when it is ready. */
  readonly missing: readonly string[];
  /** Resolves when it is closed. */
  readonly closed: Promise<unknown>;
}

/** Where {@link serveMetrics} listens. */
export interface MetricsOptions {
  /** Name or address to listen at; `*` for every address of this machine. Default `127.0.0.1`: other machines read it only where you say so. */
  readonly host?: string | undefined;
  /** Port to listen at. Default 0, for a free one. */
  readonly port?: number | undefined;
}

/** What {@link serveMetrics} started. */
export interface MetricsServer extends AsyncDisposable {
  /** Where it is, for this machine: `http://127.0.0.1:9464`. */
  readonly url: string;
  /** Stops listening and breaks its connections. It does so by itself when the roles are closed. */
  close(options?: CloseOptions): Promise<void>;
}

/** Connections that may be open at once. Further ones are closed when they are accepted. */
const CONNECTIONS = 32;

/** Milliseconds for the head of a request, for a whole request, and for silence on a connection. */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 20_000;
const IDLE_TIMEOUT = 30_000;

/**
 * Serves `/metrics` for Prometheus, `/healthz`, which says that the process lives, and `/readyz`, which says whether all roles can do
 * their work: otherwise it is 503 and names what is missing. It asks nobody who they are: listen where only those can connect who may know
 * names, addresses and figures of the roles. It ends with the roles, and does not keep the process alive.
 * @throws PalmError `INVALID_CALL` for something that is not a role, and when it cannot listen there.
 * @example
 * const server = await Server.start({ transport, name: 'greeter', functions });
 * const { url } = await serveMetrics(server, { port: 9464 });
 */
export async function serveMetrics(
  roles: Measured | readonly Measured[],
  options: MetricsOptions = {},
): Promise<MetricsServer> {
  const { host = '127.0.0.1', port = 0 } = options;
  const all = [roles].flat() as readonly Measured[];
  for (const role of all) checkMeasured(role);
  if (all.length === 0) throw invalidCall('serveMetrics needs a role, or a list of them');
  if (typeof host !== 'string' || host === '')
    throw invalidCall(`host must be a name or an address, not ${inspectValue(host)}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalidCall(`port must be a whole number up to 65535, not ${inspectValue(port)}`);
  const server = createServer(
    {
      connectionsCheckingInterval: 1_000,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
    },
    (request, response) => respond(all, request, response),
  );
  server.maxConnections = CONNECTIONS;
  server.timeout = IDLE_TIMEOUT;
  const bound = await listen(server, host, port);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closing;
  };
  void Promise.allSettled(all.map(({ closed }) => closed)).then(close);
  const own = ['*', '0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const url = `http://${own.includes(':') ? `[${own}]` : own}:${bound}`;
  return { url, close, [Symbol.asyncDispose]: close };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host !== '*' && { host }) }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const text = `metrics cannot be served at ${host}:${port}: ${messageOf(error)}`;
    throw new PalmError('INVALID_CALL', text, { cause: error, sent: false });
  }
  // One connection that cannot be accepted, for want of descriptors, must not end the process.
  server.on('error', () => {});
  server.unref();
  return (server.address() as AddressInfo).port;
}

function respond(
  roles: readonly Measured[],
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
) {
  const answer = (status: number, text: string, headers: Readonly<Record<string, string>> = {}) =>
    response
      .writeHead(status, {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        ...headers,
      })
      .end(text);
  if (method !== 'GET' && method !== 'HEAD') {
    // Nobody reads what comes with it.
    answer(405, 'GET or HEAD alone\n', { allow: 'GET, HEAD', connection: 'close' });
    return;
  }
  try {
    switch (url.split('?')[0]) {
      case '/healthz':
        answer(200, 'ok\n');
        break;
      case '/readyz': {
        const missing = linesOf(roles);
        if (missing.length === 0) answer(200, 'ready\n');
        else answer(503, ['not ready', ...missing, ''].join('\n'));
        break;
      }
      case '/metrics':
        answer(200, metricsText(roles.flatMap((role) => role.metrics())), { 'content-type': METRICS_TYPE });
        break;
      default:
        answer(404, 'There are /metrics, /healthz and /readyz.\n');
    }
  } catch (error) {
    answer(500, `${messageOf(error)}\n`);
  }
}

/** What is missing, each with the name of its role where there are several. */
function linesOf(roles: readonly Measured[]): string[] {
  return roles.flatMap(({ name, missing }) =>
    missing.map((own) => (roles.length > 1 ? `${name}: ${own}` : own)),
  );
}

function checkMeasured(role: unknown): void {
  if (role instanceof Promise) {
    role.catch(() => {});
    throw invalidCall('serveMetrics takes roles that have started: await each start');
  }
  const { metrics, missing, closed } = Object(role) as Partial<Measured>;
  if (typeof metrics !== 'function' || !Array.isArray(missing) || typeof closed?.then !== 'function')
    throw invalidCall(`serveMetrics takes roles, such as Server.start gives, not ${inspectValue(role)}`);
}
