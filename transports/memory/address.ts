import { invalidCall, show } from '../../src/protocol/errors.ts';

/** An address whose last part the network chooses. */
export const ANY = 'memory://*';

const ADDRESS = /^memory:\/\/\S+$/;

/** @throws PalmError `INVALID_CALL` when it is no `memory://name`. */
export function checkMemoryAddress(address: unknown): void {
  if (typeof address !== 'string' || !ADDRESS.test(address)) {
    throw invalidCall(`the memory transport dials 'memory://name', not ${show(address)}`);
  }
}
