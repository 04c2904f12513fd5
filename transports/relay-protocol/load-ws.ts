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
 * Refuses versions of ws before 8.21: they have no bound for a message in fragments of one byte, which can take 490 MiB for each
 * connection. Bun replaces the package by its own code.
 * @param defaults - the default options of its server.
 * @throws PalmError `INVALID_CALL` when the package is too old.
 */
export function checkWs(defaults: ServerOptions | undefined): void {
  if (defaults?.maxFragments !== undefined || process.versions['bun'] !== undefined) return;
  throw invalidCall(
    'the relay needs the package ws from 8.21 on, and an older one is installed: npm install ws@8',
  );
}
