import { Packr } from 'msgpackr';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';

const packr = new Packr({ useRecords: false });

/** What msgpackr, which knows nothing of frond, makes of a value. */
export function theirs(value: unknown): Bytes {
  return new Uint8Array(packr.pack(value));
}

/** Does what `act` does, whose failure must be that of broken bytes. Gives whether it failed. */
export function isRefused(act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (!(error instanceof PalmError) || error.code !== 'PROTOCOL') throw error;
    return true;
  }
}
