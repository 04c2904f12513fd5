import type { ServerOptions } from 'ws';
import { invalidCall } from '../../src/protocol/errors.ts';
import { didNotLoad } from '../shared/peer-package.ts';

/**
 * Loads the package ws, which users install beside frond.
 * @param user - what needs it, for the error.
 * @throws PalmError `INVALID_CALL` with the command that installs the package, or the reason why it cannot be loaded.
 */
export async function loadWs(user: string): Promise<typeof import('ws')> {
  try {
    return await import('ws');
  } catch (cause) {
    throw didNotLoad(user, 'ws', cause);
  }
}

/**
 * Before 8.21, ws keeps a message that comes in fragments of one byte with all that each of them costs, 490 MiB for a
 * connection, and has no option to bound it. Bun has its own in the place of the package.
 * @param defaults - the options of a server that was given none.
 * @throws PalmError `INVALID_CALL` for a package that is too old.
 */
export function checkWs(defaults: ServerOptions | undefined): void {
  if (defaults?.maxFragments !== undefined || process.versions['bun'] !== undefined) return;
  throw invalidCall(
    'the relay needs the package ws from 8.21 on, and an older one is installed: npm install ws@8',
  );
}
