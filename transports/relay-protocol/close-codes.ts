/** How a WebSocket between a client and a relay ends: the close codes of both sides (docs/protocol/relay.md). */
import type { PalmErrorCode } from '../../src/protocol/errors.ts';

// One by one, so that bundlers put the number in their place.

/** The client is done. */
export const normal = 1000;
/** The relay is going down. */
export const goingAway = 1001;
/** A message or frame is over the announced limit. */
export const tooBig = 1009;
/** The relay failed. */
export const relayFailed = 1011;
/** What came is no frame, or not in order. */
export const badFrame = 4400;
/** The token is missing, wrong or expired. */
export const unauthorized = 4401;
/** A topic, client id or address that is not the client's. */
export const forbidden = 4403;
/** No common version. */
export const unsupportedVersion = 4406;
/** No greeting came, or nothing any more. */
export const silent = 4408;
/** Another socket took the session over. */
export const replaced = 4409;
/** Results lie unread, more than the relay holds for one client. */
export const slowConsumer = 4413;
/** Over a limit of connections. */
export const tooMany = 4429;

/** What a client says of an end after which it does not dial again. Ends that are not here are followed by the next attempt. */
const FINAL: Readonly<Record<number, PalmErrorCode>> = {
  [tooBig]: 'TOO_LARGE',
  [badFrame]: 'PROTOCOL',
  [unauthorized]: 'FORBIDDEN',
  [forbidden]: 'FORBIDDEN',
  [unsupportedVersion]: 'PROTOCOL',
  [replaced]: 'DISCONNECTED',
};

/** The code of the error that a close code is for good, or undefined when the relay is to be dialled again. */
export function finalError(code: number): PalmErrorCode | undefined {
  return FINAL[code];
}

/** Ends with which the relay forgets the session, so that nobody needs to come back to hear of it. */
const OVER: readonly number[] = [goingAway, relayFailed, slowConsumer];

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
