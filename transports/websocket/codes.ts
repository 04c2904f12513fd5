/** How a WebSocket between a client and a relay ends: the close codes of both sides (PROTOCOL.md, "Through a relay"). */
import type { PalmErrorCode } from '../../src/protocol/errors.ts';

export const CloseCode = {
  /** The client is done. */
  normal: 1000,
  /** The relay is going down. */
  goingAway: 1001,
  /** A message or frame is over the announced limit. */
  tooBig: 1009,
  /** The relay failed. */
  relayFailed: 1011,
  /** What came is no frame, or not in order. */
  badFrame: 4400,
  /** The token is missing, wrong or expired. */
  unauthorized: 4401,
  /** A topic, client id or address that is not the client's. */
  forbidden: 4403,
  /** No common version. */
  unsupportedVersion: 4406,
  /** No greeting came, or nothing any more. */
  silent: 4408,
  /** Another socket took the session over. */
  replaced: 4409,
  /** Results lie unread, more than the relay holds for one client. */
  slowConsumer: 4413,
  /** Over a limit of connections. */
  tooMany: 4429,
} as const;

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

/** A close reason as WebSocket takes it: 123 bytes of UTF-8 at most (RFC 6455, 5.5). */
export function closeReason(text: string): string {
  const encoder = new TextEncoder();
  let reason = text.slice(0, 123);
  while (encoder.encode(reason).length > 123) reason = reason.slice(0, -1);
  return reason;
}
