import { checkCount } from '../../../src/checks.ts';
import type { RelayLimits } from '../options.ts';

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
