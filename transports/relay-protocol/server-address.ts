import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';

/** An address behind a relay, parsed. */
export interface RelayedAddress {
  /** Name of the server, as the relay knows it. */
  readonly server: string;
  /** Whether workers push results there, rather than clients calls. */
  readonly isForResults: boolean;
}

/** Follows the server's name in the address that workers push their results to. */
export const RESULTS = '/results';

const NAME = /^[^\s.:/\\\p{Cc}\p{Surrogate}]+$/u;

/** Whether a server behind a relay can have this name. */
export function isRelayedName(name: string): boolean {
  return NAME.test(name);
}

/** @throws PalmError `INVALID_CALL` when it is not a server's name: other addresses cannot be reached through a relay. */
export function parseRelayedAddress(address: unknown): RelayedAddress {
  if (typeof address === 'string') {
    const isForResults = address.endsWith(RESULTS);
    const server = isForResults ? address.slice(0, -RESULTS.length) : address;
    if (isRelayedName(server)) return { server, isForResults };
  }
  throw invalidCall(`behind a relay an address is a server's name, and not ${inspectValue(address)}`);
}
