import { PalmError, reasonText } from '../../src/protocol/errors.ts';
import { CloseCode } from '../relay-protocol/close-codes.ts';

/** How a connection ends whose client did what no well-behaved one does. */
export function closeFor(error: unknown): { readonly code: number; readonly reason: string } {
  const reason = reasonText(error);
  if (!(error instanceof PalmError)) return { code: CloseCode.relayFailed, reason: 'the relay failed' };
  if (error.code === 'FORBIDDEN') return { code: CloseCode.forbidden, reason };
  if (error.code === 'TOO_LARGE') return { code: CloseCode.tooBig, reason };
  return { code: CloseCode.badFrame, reason };
}
