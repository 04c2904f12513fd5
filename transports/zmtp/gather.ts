/** What messages are made of. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { latin1 } from './commands.ts';
import { MORE } from './frame-reader.ts';
import type { Link, LinkRole } from './link.ts';
import type { ZmtpSettings } from './options.ts';
import { Violation } from './violation.ts';

/**
 * Gathers the parts of a message. Gives them when it is complete: the caller's own, also the array.
 * @throws Violation when it is too large, or has too many parts.
 */
export function gatherMessage(
  link: Link,
  { settings, own }: LinkRole,
  flags: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isOwn: boolean,
): Bytes[] | undefined {
  const { parts } = link;
  parts.push(isOwn ? (bytes as Bytes) : own.copy(bytes, start, end));
  if ((flags & MORE) === 0) {
    if (parts.length > 1) checkMessage(link, settings, end - start);
    link.partBytes = 0;
    return parts.splice(0);
  }
  checkMessage(link, settings, end - start);
  return undefined;
}

function checkMessage(link: Link, { maxMessageSize, maxMessageParts }: ZmtpSettings, bytes: number): void {
  link.partBytes += bytes;
  if (maxMessageSize !== -1 && link.partBytes > maxMessageSize) {
    throw new Violation(`it sent a message of more than ${maxMessageSize} bytes`, 'TOO_LARGE');
  }
  if (link.parts.length > maxMessageParts) {
    throw new Violation(`it sent a message of more than ${maxMessageParts} parts`, 'TOO_LARGE');
  }
}

/** Of a subscription as a message of ZMTP 3.0: 1 begins it and 0 ends it. */
export function readSubscription(bytes: Uint8Array, start: number, end: number) {
  const [kind] = bytes.subarray(start, end);
  if (kind !== 0 && kind !== 1) return undefined;
  return { topic: bytes.subarray(start + 1, end), isOn: kind === 1 };
}

/** A topic as the key of a map: each of its bytes a character. */
export function topicKey(topic: Uint8Array): string {
  return latin1(topic);
}
