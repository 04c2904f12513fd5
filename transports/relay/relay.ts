import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { CloseOptions } from '../../src/transport.ts';
import type { RelayChanges, RelayOptions } from './options.ts';
import { createRelayOn } from './serving.ts';
import { loadWs } from '../relay-protocol/load-ws.ts';

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
  return createRelayOn(loadWs, options);
}
