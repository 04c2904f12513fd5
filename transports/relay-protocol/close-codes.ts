/** The close codes of a WebSocket between a client and a relay, for both sides (docs/protocol/relay.md). */
import type { PalmErrorCode } from '../../src/protocol/errors.ts';

// Single exports, so that bundlers inline the numbers.

/** The client is done. */
export const normal = 1000;
/** The relay is going down. */
export const goingAway = 1001;
/** A message or frame is larger than the announced limit. */
export const tooBig = 1009;
/** The relay goes down, and the session is another one's: the client goes on with it through another relay. */
export const elsewhere = 1012;
/** The relay failed. */
export const relayFailed = 1011;
/** A frame is malformed, or out of order. */
export const badFrame = 4400;
/** The token is missing, wrong or expired. */
export const unauthorized = 4401;
/** A topic, client id or address does not belong to the client. */
export const forbidden = 4403;
/** Between relays: the one that owns a session has forgotten it. */
export const unknownSession = 4404;
/** The two sides have no common version. */
export const unsupportedVersion = 4406;
/** No greeting came, or the other side has gone silent. */
export const silent = 4408;
/** Another socket took the session over. */
export const replaced = 4409;
/** The client does not read its results, and they are more than the relay keeps for one client. */
export const slowConsumer = 4413;
/** There are too many connections. */
export const tooMany = 4429;

/** Error codes for close codes after which a client does not dial again. After all others it does. */
const FINAL: Readonly<Record<number, PalmErrorCode>> = {
  [tooBig]: 'TOO_LARGE',
  [badFrame]: 'PROTOCOL',
  [unauthorized]: 'FORBIDDEN',
  [forbidden]: 'FORBIDDEN',
  [unsupportedVersion]: 'PROTOCOL',
  [replaced]: 'DISCONNECTED',
};

/** The error code for a close code after which a client does not dial again; undefined when it does. */
export function finalError(code: number): PalmErrorCode | undefined {
  return FINAL[code];
}

/** Close codes with which the relay forgets the session, so that a client need not come back to learn of it. */
const OVER: readonly number[] = [goingAway, relayFailed, slowConsumer];

export function endsSession(code: number): boolean {
  return OVER.includes(code);
}

/** Cuts a close reason to what WebSocket allows: 123 bytes of UTF-8 (RFC 6455, 5.5). */
export function closeReason(text: string): string {
  const encoder = new TextEncoder();
  let reason = text.slice(0, 123);
  while (encoder.encode(reason).length > 123) reason = reason.slice(0, -1);
  return reason;
}
