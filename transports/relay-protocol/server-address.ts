import { inspectValue, invalidCall } from '../../src/protocol/errors.ts';

/** What is at an address behind a relay. */
export interface RelayedAddress {
  /** Name of the server, as the relay has it. */
  readonly server: string;
  /** Whether results of workers go there, and not calls. */
  readonly isForResults: boolean;
}

/** Stands behind the server's name in the address that workers push their results to. */
export const RESULTS = '/results';

const NAME = /^[^\s.:/\\\p{Cc}\p{Surrogate}]+$/u;

/** Whether a server behind a relay can be called so. */
export function isRelayedName(name: string): boolean {
  return NAME.test(name);
}

/** @throws PalmError `INVALID_CALL` when it is no server's name: a relay gives no way to any other address. */
export function parseRelayedAddress(address: unknown): RelayedAddress {
  if (typeof address === 'string') {
    const isForResults = address.endsWith(RESULTS);
    const server = isForResults ? address.slice(0, -RESULTS.length) : address;
    if (isRelayedName(server)) return { server, isForResults };
  }
  throw invalidCall(`behind a relay an address is a server's name, and not ${inspectValue(address)}`);
}
