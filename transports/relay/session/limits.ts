import { checkCount } from '../../../src/checks.ts';

/** Limits of a relay. Every one is enforced; those that clients must know are announced to them. */
export interface RelayLimits {
  /** Bytes of one PALM frame, either way. Default 4 MiB. */
  readonly maxFrame?: number | undefined;
  /**
   * Bytes that one client may have on their way to each server, over all of its channels: in calls, in results of work, and in
   * requests. The relay disconnects a client that sends more. Default 1 MiB.
   */
  readonly window?: number | undefined;
  /**
   * Bytes kept for one client, in both directions: answers that it has not confirmed, messages that are not whole, calls and
   * requests that have not left, channels, and the work that it was given. When there are more, the relay disconnects the client as too
   * slow and forgets its session. Default 16 MiB.
   */
  readonly maxHeld?: number | undefined;
  /**
   * Bytes kept for all clients together, also for those that are away or have not shown a token yet. When there are more, the relay takes
   * the address and identity with the most bytes and disconnects its largest client as too slow. Default 256 MiB.
   */
  readonly maxHeldTotal?: number | undefined;
  /** Connections at once, and sessions, connected or away. Default 10 000. */
  readonly maxConnections?: number | undefined;
  /**
   * Connections at once from one network address, and sessions without a connection of one identity from there. An IPv6 address counts
   * for its /64 network. Default 100.
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Channels of one client at once. Default 32. */
  readonly maxChannels?: number | undefined;
  /** Requests of one client under way at once. Default 256. */
  readonly maxRequests?: number | undefined;
  /** Milliseconds that a client gets to send its greeting. Default 5 000. */
  readonly greetingTimeout?: number | undefined;
  /** Milliseconds between two pings. A client that sends nothing for two of them is disconnected. Default 20 000. */
  readonly heartbeat?: number | undefined;
  /** Milliseconds that the relay keeps the session of a client that has lost its connection. Default 60 000. */
  readonly resumeWindow?: number | undefined;
}

/** All limits, with defaults filled in. */
export type ResolvedLimits = { readonly [K in keyof RelayLimits]-?: number };

const DEFAULTS: ResolvedLimits = {
  maxFrame: 4 * 1_048_576,
  window: 1_048_576,
  maxHeld: 16 * 1_048_576,
  maxHeldTotal: 256 * 1_048_576,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  maxChannels: 32,
  maxRequests: 256,
  greetingTimeout: 5_000,
  heartbeat: 20_000,
  resumeWindow: 60_000,
};

/** Fills in the defaults. @throws PalmError `INVALID_CALL` naming the limit that is not a whole number from 1 on. */
export function resolveLimits(limits: RelayLimits = {}): ResolvedLimits {
  const resolved = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof ResolvedLimits)[]) {
    const value = limits[key];
    if (value === undefined) continue;
    resolved[key] = checkCount(`limits.${key}`, value);
  }
  return resolved;
}
