import { PalmError } from '../../src/protocol/errors.ts';

/** The package ws. @throws PalmError `INVALID_CALL` naming the command that installs it. */
export async function loadWs(): Promise<typeof import('ws')> {
  try {
    return await import('ws');
  } catch (cause) {
    const text = 'the relay needs the package ws, which is not installed: npm install ws';
    throw new PalmError('INVALID_CALL', text, { cause, sent: false });
  }
}
