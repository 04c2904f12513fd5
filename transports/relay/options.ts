import type { IncomingMessage } from 'node:http';
import type { Logger, LoggingLevel } from '../../src/logging.ts';
import type { Transport } from '../../src/transport.ts';
import type { Authenticate, Grants } from './auth/identity.ts';
import type { RelayLimits } from './session/limits.ts';
import type { UpstreamTarget } from './upstream/upstream.ts';

export type { Authenticate, CacheScope, ConnectionInfo, Grants, RelayIdentity } from './auth/identity.ts';
export type { RelayLimits } from './session/limits.ts';
export type { UpstreamTarget } from './upstream/upstream.ts';

/** What may change while a relay serves. */
export interface RelayChanges {
  /** As in {@link RelayOptions}; left out, pages of the relay's own host. Those who are connected stay. */
  readonly origins?: readonly string[] | undefined;
  /** As in {@link RelayOptions}; left out, nobody without a token. Counts for those who are connected, too. */
  readonly anonymous?: Grants | undefined;
  /** Servers that join those that there are. One that there is already stays as it is. */
  readonly servers?: Readonly<Record<string, UpstreamTarget>> | undefined;
}

export interface RelayOptions {
  /** How the relay reaches the servers: `zeromq()`, or the `memory()` of a cluster in this process. */
  readonly transport: Transport;
  /** The servers by name, or what looks a name up; undefined for a name there is not. */
  readonly servers: Readonly<Record<string, UpstreamTarget>> | ((name: string) => UpstreamTarget | undefined);
  /** Who bearers of tokens are. Left out, only {@link anonymous} can come in. */
  readonly authenticate?: Authenticate | undefined;
  /** What anybody may do who gives no token. Default: nothing. */
  readonly anonymous?: Grants | undefined;
  /**
   * Origins of pages that may connect, each exact, as `https://dash.example`. Default: pages of the host that the relay is
   * reached at, as long as that is no other name for this machine (see docs/guide/relay.md).
   */
  readonly origins?: readonly string[] | undefined;
  /** Path of the WebSocket. Default `/`. */
  readonly path?: string | undefined;
  /**
   * The proxies before the relay, which are believed what `X-Forwarded-For` says of the visitor's address: how many there are (`true` is
   * one), or a list of the networks that they are in, as `10.0.0.0/8`, `::1`, `loopback` or `private`. The visitor's address is
   * the last one in the header that is not such a proxy's own. Default: none, and the header is not looked at.
   */
  readonly trustProxy?: boolean | number | readonly string[] | undefined;
  /** The address of a visitor, for limits, in place of what {@link trustProxy} says. Default: the socket's. */
  readonly addressOf?:
    | ((headers: Readonly<Record<string, string | string[] | undefined>>, socketAddress: string) => string)
    | undefined;
  /** Who may read `/metrics`, and in `/readyz` which servers answer. Default: nobody. What it throws is logged, and lets nobody. */
  readonly metrics?: ((request: IncomingMessage) => boolean) | undefined;
  readonly limits?: RelayLimits | undefined;
  readonly logger?: Logger | undefined;
  /** Least level that is logged. Default `info`. */
  readonly loggingLevel?: LoggingLevel | undefined;
}
