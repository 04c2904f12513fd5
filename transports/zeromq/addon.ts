import { createRequire } from 'node:module';
import { PalmError } from '../../src/protocol/errors.ts';
import { didNotLoad } from '../shared/peer-package.ts';

/** The package `zeromq`, an optional peer dependency. */
export type Addon = typeof import('zeromq');

/**
 * Loads the native sockets.
 * @throws PalmError `INVALID_CALL` when the package is not installed or cannot be loaded, and on Bun, where loading it aborts the process.
 */
export function loadAddon(): Addon {
  if ('Bun' in globalThis) {
    throw new PalmError(
      'INVALID_CALL',
      "the native 'zeromq' addon aborts the process in Bun (oven-sh/bun#19549); use Node",
    );
  }
  try {
    // Half as long as `import('zeromq')`, which first reads the package to see what it exports.
    return createRequire(import.meta.url)('zeromq');
  } catch (cause) {
    throw didNotLoad('frond/zeromq', 'zeromq', cause);
  }
}
