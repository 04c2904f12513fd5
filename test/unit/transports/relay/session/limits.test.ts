import { describe, expect, it } from 'vitest';
import { type RelayLimits, resolveLimits } from '../../../../../transports/relay/session/limits.ts';

const DEFAULTS = {
  maxFrame: 4_194_304,
  window: 1_048_576,
  maxHeld: 16_777_216,
  maxHeldTotal: 268_435_456,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  maxChannels: 32,
  maxRequests: 256,
  greetingTimeout: 5_000,
  heartbeat: 20_000,
  resumeWindow: 60_000,
};

describe('the limits of a relay', () => {
  it('are those that the documentation names, where none are given', () => {
    expect(resolveLimits()).toEqual(DEFAULTS);
    expect(resolveLimits({ window: undefined })).toEqual(DEFAULTS);
  });

  it.each(Object.keys(DEFAULTS) as (keyof RelayLimits)[])('have %s as it is given', (name) => {
    expect(resolveLimits({ [name]: 1 })).toEqual({ ...DEFAULTS, [name]: 1 });
    for (const value of [0, -1, 1.5, Number.POSITIVE_INFINITY, '5', null])
      expect(() => resolveLimits({ [name]: value } as RelayLimits)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringMatching(`^limits.${name} must be a whole number from 1 on, not `),
        }),
      );
  });
});
