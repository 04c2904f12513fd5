/** Joins frames to messages, and reads subscriptions. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { latin1 } from './commands.ts';
import { MORE } from './frame-reader.ts';
import type { Link, LinkRole } from './link.ts';
import type { ZmtpSettings } from './options.ts';
import { Violation } from './violation.ts';

/**
 * Gathers the parts of a message, and gives them when the message is complete. The caller owns the parts and their array.
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
  const hasMore = (flags & MORE) !== 0;
  if (hasMore || parts.length > 0) checkMessage(link, settings, end - start);
  const part = isOwn ? (bytes as Bytes) : own.copy(bytes, start, end);
  if (hasMore) {
    parts.push(part);
    return undefined;
  }
  link.partBytes = 0;
  return parts.length === 0 ? [part] : [...parts.splice(0), part];
}

/** Counts a part that comes. One that is too many, or too large, is not kept. */
function checkMessage(link: Link, { maxMessageSize, maxMessageParts }: ZmtpSettings, bytes: number): void {
  const size = link.partBytes + bytes;
  if (maxMessageSize !== -1 && size > maxMessageSize) {
    throw new Violation(`it sent a message of more than ${maxMessageSize} bytes`, 'TOO_LARGE');
  }
  if (link.parts.length >= maxMessageParts) {
    throw new Violation(`it sent a message of more than ${maxMessageParts} parts`, 'TOO_LARGE');
  }
  link.partBytes = size;
}

/** Reads a subscription that is a message, as in ZMTP 3.0: the byte 1 begins a subscription and 0 ends one. */
export function readSubscription(
  bytes: Uint8Array,
  start: number,
  end: number,
): { topic: Uint8Array; isOn: boolean } | undefined {
  const kind = start < end ? bytes[start] : undefined;
  if (kind !== 0 && kind !== 1) return undefined;
  return { topic: bytes.subarray(start + 1, end), isOn: kind === 1 };
}

/** Makes the key of a map from a topic: one character for each byte. */
export function topicKey(topic: Uint8Array): string {
  return latin1(topic);
}

const NOT_ASCII = /[\u0080-\u00ff]/;

/** The topic that a key was made from, as text. */
export function topicOfKey(key: string): string {
  return NOT_ASCII.test(key) ? Buffer.from(key, 'latin1').toString() : key;
}
