/**
 * The head of a frame, read without decoding the frame: the fields before the payload, in the order in which every protobuf
 * encoder writes them. A frame in another order has a shorter head, or none, and must be decoded instead.
 */
import { decodeUtf8 } from './bytes.ts';
import { single } from './feature.ts';
import { BYTES, VARINT } from './wire.ts';

const CLIENT = (2 << 3) | BYTES;
const STAGE = (3 << 3) | VARINT;
const CACHE = (5 << 3) | BYTES;
const PAYLOAD = (6 << 3) | BYTES;
/** Tags of fields 1000 to 1007 have two bytes. These are the first bytes; the second is the same for all. */
const FEATURES = 0xc0;
const STATUS = 0xc8;
const ERROR = 0xd2;
const ERROR_NAME = 0xda;
const ORDINAL = 0xe0;
const PRIORITY = 0xe8;
const PROGRESS = 0xf2;
const METADATA = 0xfa;
const FROND_TAG_END = 0x3e;

/** The offset after fields 1 to `last`, as far as they come first and in order. */
export function headEnd(frame: Uint8Array, last: 4 | 5 = 5): number {
  const end = last === 5 ? CACHE : CACHE - 8;
  let before = 0;
  let at = 0;
  for (let tag = frame[0]; tag !== undefined && tag > before && tag <= end; tag = frame[at]) {
    const next = fieldEnd(frame, at, tag);
    if (next < 0) return at;
    before = tag;
    at = next;
  }
  return at;
}

/** The offset after the payload that begins at `start`; `start` when there is none, below 0 when it is malformed. */
export function payloadEnd(frame: Uint8Array, start: number): number {
  return frame[start] === PAYLOAD ? fieldEnd(frame, start, PAYLOAD) : start;
}

/** Whether a head may end at `start`: a payload, one of frond's fields, or the end of the frame follows. */
export function isAfterHead(frame: Uint8Array, start: number): boolean {
  const tag = frame[start];
  if (tag === undefined || tag === PAYLOAD) return true;
  return isFrondTag(tag) && frame[start + 1] === FROND_TAG_END;
}

/**
 * Whether only frond's own fields follow the payload, from `start` on, in order and in their shortest form. Then all
 * protobuf readers read the same.
 */
export function isTidyTail(frame: Uint8Array, start: number): boolean {
  let before = 0;
  for (let at = start; at < frame.length; ) {
    const tag = frame[at] as number;
    if (!isFrondTag(tag) || tag <= before || frame[at + 1] !== FROND_TAG_END) return false;
    const isText = tag === ERROR || tag === ERROR_NAME || tag === PROGRESS || tag === METADATA;
    const next = isText ? bytesEnd(frame, at + 2) : varintEnd(frame, at + 2);
    if (next < 0) return false;
    before = tag;
    at = next;
  }
  return true;
}

/** The offset after the features that stand at `tail`, the first of frond's fields; `tail` when there are none, below 0 when they are malformed. */
export function featuresEnd(frame: Uint8Array, tail: number): number {
  return numberEnd(frame, tail, FEATURES);
}

/** The same for the ordinal at `at`. */
export function ordinalEnd(frame: Uint8Array, at: number): number {
  return numberEnd(frame, at, ORDINAL);
}

function numberEnd(frame: Uint8Array, at: number, tag: number): number {
  return frame[at] === tag && frame[at + 1] === FROND_TAG_END ? varintEnd(frame, at + 2) : at;
}

/** The status among the fields from `tail` on; 0 where there is none, or it is not one byte. It is the first of frond's fields, or the second. */
export function statusIn(frame: Uint8Array, tail: number): number {
  const at = featuresEnd(frame, tail);
  const status = frame[at] === STATUS && frame[at + 1] === FROND_TAG_END ? frame[at + 2] : undefined;
  return status !== undefined && status < 0x80 ? status : 0;
}

/**
 * Whether a message of a frond client may pass others of its call, because it is the only one or has a number, without decoding the frame;
 * false where its fields are in an unusual order.
 */
export function mayPass(frame: Uint8Array): boolean {
  const at = payloadEnd(frame, headEnd(frame));
  if (at < 0 || frame[at] !== FEATURES || frame[at + 1] !== FROND_TAG_END) return false;
  const next = varintEnd(frame, at + 2);
  if (next < 0) return false;
  return (
    ((frame[at + 2] as number) & single) !== 0 ||
    (frame[next] === ORDINAL && frame[next + 1] === FROND_TAG_END)
  );
}

/** Highest priority of a call, and without its sign the lowest. */
export const MOST_PRIORITY = 9;

/** The priority that a field's number stands for. */
export function priorityIn(value: number): number {
  if (!(value > 0 && value <= 2 * MOST_PRIORITY)) return 0;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** The priority of a message that a client sent, without decoding the frame; 0 where it has none, or its fields are in an unusual order. */
export function priorityOf(frame: Uint8Array): number {
  let at = payloadEnd(frame, headEnd(frame));
  if (at < 0) return 0;
  at = ordinalEnd(frame, featuresEnd(frame, at));
  const value = frame[at] === PRIORITY && frame[at + 1] === FROND_TAG_END ? frame[at + 2] : undefined;
  return value === undefined ? 0 : priorityIn(value);
}

/** Whether a byte begins the tag of one of frond's fields. */
function isFrondTag(tag: number): boolean {
  return (
    tag === FEATURES ||
    tag === STATUS ||
    tag === ERROR ||
    tag === ERROR_NAME ||
    tag === ORDINAL ||
    tag === PRIORITY ||
    tag === PROGRESS ||
    tag === METADATA
  );
}

/** Where the string of `client` is in a frame; an empty range when the head has none. */
export function clientRange(frame: Uint8Array): readonly [start: number, end: number] {
  let at = 0;
  if (frame[0] === CLIENT - 8) at = fieldEnd(frame, 0, CLIENT - 8);
  if (at < 0 || frame[at] !== CLIENT) return NOWHERE;
  const end = fieldEnd(frame, at, CLIENT);
  if (end < 0) return NOWHERE;
  // The length takes one byte up to 127, as ids do.
  let start = at + 2;
  while (((frame[start - 1] as number) & 0x80) !== 0) start++;
  return [start, end];
}

const NOWHERE = [0, 0] as const;

/** The `client` of a frame, read without decoding the frame; undefined where the head has none, or it is not UTF-8. */
export function clientIn(frame: Uint8Array): string | undefined {
  const [start, end] = clientRange(frame);
  try {
    return end === 0 ? undefined : decodeUtf8(frame, start, end);
  } catch {
    return undefined;
  }
}

/** The offset after the field whose tag is the one byte at `at`; below 0 when it is cut off or not in its shortest form. */
function fieldEnd(frame: Uint8Array, at: number, tag: number): number {
  if (tag === STAGE) return varintEnd(frame, at + 1);
  return (tag & 7) === BYTES ? bytesEnd(frame, at + 1) : -1;
}

function bytesEnd(frame: Uint8Array, at: number): number {
  let next = at;
  let byte = frame[next++];
  if (byte === undefined) return -1;
  let length = byte & 0x7f;
  // Up to 28 bits: a frame with more is decoded instead.
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = frame[next++];
    if (byte === undefined || byte === 0 || shift > 21) return -1;
    length |= (byte & 0x7f) << shift;
  }
  return next + length <= frame.length ? next + length : -1;
}

function varintEnd(frame: Uint8Array, start: number): number {
  for (let at = start; at < start + 10; at++) {
    const byte = frame[at];
    if (byte === undefined) return -1;
    if (byte < 0x80) return byte === 0 && at > start ? -1 : at + 1;
  }
  return -1;
}
