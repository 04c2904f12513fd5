import type { IncomingMessage } from 'node:http';
import type { Logger, LoggingLevel } from '../../src/logging.ts';
import type { Transport } from '../../src/transport.ts';

/** A server that clients of the relay may be let use. */
export interface UpstreamTarget {
  /** Address of its cache, in the upstream transport's terms. The relay asks there for the others. */
  readonly dbAddress?: string | undefined;
  /** Where calls are sent. Left out, the server is asked. */
  readonly pushAddress?: string | undefined;
  /** Where answers are published. Left out, the server is asked. */
  readonly subAddress?: string | undefined;
  /** Where workers pull from. Left out, the server is asked. */
  readonly workerPushAddress?: string | undefined;
  /** Where workers push results to. Left out, the server is asked. */
  readonly workerPullAddress?: string | undefined;
  /**
   * The functions that this server has, as `server.function`; `*` stands for any part of one. A stock pylm server stops for
   * good at a function it does not have, so the relay lets through to it what is listed here and nothing else. A frond
   * server needs no list; with one, what is not in it is refused.
   */
  readonly functions?: readonly string[] | undefined;
}

/** What may be done with the keys of a server's cache; the server's own can always be read as far as connecting needs. */
export type CacheScope = 'none' | 'read' | 'session' | 'all';

/** What an identity may do. Nothing that is not said. */
export interface Grants {
  /** Names of targets, or `*`. */
  readonly servers: readonly string[];
  /** Functions that may be called, as `server.function`; `*` stands for any part of one. Default: none. */
  readonly functions?: readonly string[] | undefined;
  /**
   * `none`, `read` (every key), `session` (keys that begin with the identity's name and a slash, which clients are told
   * and put there by themselves), or `all`. Default `none`.
   */
  readonly cache?: CacheScope | undefined;
  /** Whether it may be a worker of the targets that are Masters or Hubs: it sees and answers other clients' messages. Default false. */
  readonly work?: boolean | undefined;
}

/** Who somebody is. */
export interface RelayIdentity extends Grants {
  /** For logs, and what `session` keys begin with: no slash and no space in it. */
  readonly name: string;
  /** When it ends: the client is asked for a new token then. Milliseconds since 1970, as `Date.now()` gives them. */
  readonly expires?: number | undefined;
}

/** What is known of who wants in. */
export interface ConnectionInfo {
  /** Its network address. */
  readonly address: string;
  /** Its origin; undefined for what is no browser. */
  readonly origin: string | undefined;
}

/**
 * Tells who the bearer of a token is; undefined for nobody. What it throws is logged, and counts as nobody.
 * It is asked again for clients that are connected when {@link onChange} says so, or at `relay.reauthenticate()`; what it
 * throws then changes nothing.
 */
export interface Authenticate {
  /** @param token - undefined when none was given. A token has 8192 characters at most. */
  (
    token: string | undefined,
    visitor: ConnectionInfo,
  ): RelayIdentity | undefined | Promise<RelayIdentity | undefined>;
  /** Calls `listener` each time that answers may have changed. Gives the function that ends this. */
  readonly onChange?: ((listener: () => void) => () => void) | undefined;
}

/** Limits of a relay. Every one is enforced; those that clients must know are announced to them. */
export interface RelayLimits {
  /** Bytes of one PALM frame, either way. Default 4 MiB. */
  readonly maxFrame?: number | undefined;
  /**
   * Bytes that one client may have on their way to each server, over all of its channels: in calls, in results of work, and in
   * requests. A client that sends more is closed. Default 1 MiB.
   */
  readonly window?: number | undefined;
  /**
   * Bytes kept for one client, in both directions: answers that it has not confirmed, messages that are not whole, calls and
   * requests that have not left, channels, and the work that it was given. A client that more is kept for is closed as too slow, and its
   * session is forgotten. Default 16 MiB.
   */
  readonly maxHeld?: number | undefined;
  /**
   * Bytes kept for all clients together, those that are away and strangers included. When there are more, the address and identity that
   * the most is kept for gives first: its client with the most is closed as too slow. Default 256 MiB.
   */
  readonly maxHeldTotal?: number | undefined;
  /** Connections at once, and sessions, connected or away. Default 10 000. */
  readonly maxConnections?: number | undefined;
  /**
   * Connections at once from one network address, and sessions that are away of one identity from there. An IPv6 address counts for its
   * /64 network. Default 100.
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Channels of one client at once. Default 32. */
  readonly maxChannels?: number | undefined;
  /** Requests of one client under way at once. Default 256. */
  readonly maxRequests?: number | undefined;
  /** Milliseconds for the greeting. Default 5 000. */
  readonly greetingTimeout?: number | undefined;
  /** Milliseconds between two pings; a client that is silent for two of them is cut. Default 20 000. */
  readonly heartbeat?: number | undefined;
  /** Milliseconds that a client may be away and go on where it was. Default 60 000. */
  readonly resumeWindow?: number | undefined;
}

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
   * reached at, as long as that is no other name for this machine (see README, "The relay").
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
