import type { IncomingMessage } from 'node:http';
import type { Logger, LoggingLevel } from '../../src/logging.ts';
import type { Transport } from '../../src/transport.ts';
import type { Authenticate, Grants } from './auth/identity.ts';
import type { RelayPeers } from './peers/options.ts';
import type { RelayLimits } from './session/limits.ts';
import type { UpstreamTarget } from './upstream/upstream.ts';

export type { Authenticate, CacheScope, ConnectionInfo, Grants, RelayIdentity } from './auth/identity.ts';
export type { RelayPeers } from './peers/options.ts';
export type { RelayLimits } from './session/limits.ts';
export type { UpstreamTarget } from './upstream/upstream.ts';

/** Options of a relay that may change while it serves. */
export interface RelayChanges {
  /** As in {@link RelayOptions}; left out, pages of the relay's own host. Pages that are connected stay connected. */
  readonly origins?: readonly string[] | undefined;
  /** As in {@link RelayOptions}; left out, clients without a token may do nothing. Applies to connected clients, too. */
  readonly anonymous?: Grants | undefined;
  /** Servers to add. A server that the relay has already stays as it is. */
  readonly servers?: Readonly<Record<string, UpstreamTarget>> | undefined;
}

/** Options of `createRelay`, beside the HTTP server. */
export interface RelayOptions {
  /** How the relay reaches the servers: `zmtp()`, or the `memory()` of a cluster in this process. */
  readonly transport: Transport;
  /** The servers by name, or a function that looks a name up and returns undefined for a name that is not a server's. */
  readonly servers: Readonly<Record<string, UpstreamTarget>> | ((name: string) => UpstreamTarget | undefined);
  /** Tells whose a token is. Left out, only clients without a token can connect ({@link anonymous}). */
  readonly authenticate?: Authenticate | undefined;
  /** What a client without a token may do. Default: nothing. */
  readonly anonymous?: Grants | undefined;
  /**
   * Exact origins of the pages that may connect, as `https://dash.example`. Default: pages of the host that the relay is
   * reached at. Over loopback that host must be `localhost` or an IP address, because any other name may be DNS rebinding.
   */
  readonly origins?: readonly string[] | undefined;
  /**
   * Whether `relay.respond` answers calls over HTTP, `POST /call/server.function`, with the same tokens, grants and limits as over
   * WebSocket, and tells at `GET /openapi.json` what the caller may call. Default false.
   */
  readonly http?: boolean | undefined;
  /**
   * Whether a call whose JSON input the schema of its function does not allow is refused with `INVALID_CALL` and `issues` before it reaches
   * its server. The relay reads the schemas in the `frond_functions` of the servers. The servers check all input in any case. Default false.
   */
  readonly checkInput?: boolean | undefined;
  /**
   * The relays beside this one, behind the same balancer. A client that comes back to another of them than before is passed on to the one
   * that has its session, so it misses nothing. All of them need the same `authenticate`, grants, origins and limits. Default: none.
   */
  readonly peers?: RelayPeers | undefined;
  /** Path of the WebSocket. Default `/`. */
  readonly path?: string | undefined;
  /**
   * The proxies in front of the relay whose `X-Forwarded-For` is trusted: how many there are (`true` is one), or a list of their
   * networks, as `10.0.0.0/8`, `::1`, `loopback` or `private`. The client's address is the last one in the header that is not
   * such a proxy's own. Default: none, and the header is ignored.
   */
  readonly trustProxy?: boolean | number | readonly string[] | undefined;
  /** Gives the client's address, which limits and logs use, in place of {@link trustProxy}. Default: the socket's address. */
  readonly addressOf?:
    | ((headers: Readonly<Record<string, string | string[] | undefined>>, socketAddress: string) => string)
    | undefined;
  /** Whether a request may read `/metrics`, and in `/readyz` which servers answer. Default: none may. An error that it throws is logged and refuses. */
  readonly metrics?: ((request: IncomingMessage) => boolean) | undefined;
  /** What clients may use up at most. */
  readonly limits?: RelayLimits | undefined;
  /** Takes the log. Default: the console. */
  readonly logger?: Logger | undefined;
  /** The lowest level that is logged. Default `info`. */
  readonly loggingLevel?: LoggingLevel | undefined;
}
