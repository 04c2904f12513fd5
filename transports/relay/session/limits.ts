import { checkCount } from '../../../src/checks.ts';

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

/** Every limit settled. */
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

/** @throws PalmError `INVALID_CALL` naming the limit that is none. */
export function resolveLimits(limits: RelayLimits = {}): ResolvedLimits {
  const settled = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof ResolvedLimits)[]) {
    const value = limits[key];
    if (value === undefined) continue;
    settled[key] = checkCount(`limits.${key}`, value);
  }
  return settled;
}
