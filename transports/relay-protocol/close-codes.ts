/** How a WebSocket between a client and a relay ends: the close codes of both sides (PROTOCOL.md, "Through a relay"). */
import type { PalmErrorCode } from '../../src/protocol/errors.ts';
import * as CloseCode from '../websocket/close-codes.ts';

export * as CloseCode from '../websocket/close-codes.ts';

/** What a client says of an end after which it does not dial again. Ends that are not here are followed by the next attempt. */
const FINAL: Readonly<Record<number, PalmErrorCode>> = {
  [CloseCode.tooBig]: 'TOO_LARGE',
  [CloseCode.badFrame]: 'PROTOCOL',
  [CloseCode.unauthorized]: 'FORBIDDEN',
  [CloseCode.forbidden]: 'FORBIDDEN',
  [CloseCode.unsupportedVersion]: 'PROTOCOL',
  [CloseCode.replaced]: 'DISCONNECTED',
};

/** The code of the error that a close code is for good, or undefined when the relay is to be dialled again. */
export function finalError(code: number): PalmErrorCode | undefined {
  return FINAL[code];
}

/** Ends with which the relay forgets the session, so that nobody needs to come back to hear of it. */
const OVER: readonly number[] = [CloseCode.goingAway, CloseCode.relayFailed, CloseCode.slowConsumer];

export function endsSession(code: number): boolean {
  return OVER.includes(code);
}

/** A close reason as WebSocket takes it: 123 bytes of UTF-8 at most (RFC 6455, 5.5). */
export function closeReason(text: string): string {
  const encoder = new TextEncoder();
  let reason = text.slice(0, 123);
  while (encoder.encode(reason).length > 123) reason = reason.slice(0, -1);
  return reason;
}
