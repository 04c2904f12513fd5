/**
 * Reads envelopes that strangers wrote, so that a relay can judge them and pass them on. Protobuf readers disagree on unusual
 * bytes: Python's own reader skips a tag that is longer than necessary, while the C reader and ours take the field. So what is
 * passed on is written by our encoder, or is byte for byte what our encoder would write.
 */

import type { Bytes } from './bytes.ts';
import type { EnvelopeCodec } from './envelope.ts';
import * as tags from './envelope-fields.ts';
import { NO_BYTES, type PalmMessage } from './message.ts';
import { joined, metadataField } from './metadata.ts';
import { BYTES, broken, END_GROUP, START_GROUP, VARINT, varintLength, WireReader } from './wire.ts';

/** A message that all protobuf readers read alike. */
export interface PlainEnvelope {
  /** The decoded message. Its `unknown` is empty, or holds the priority, how it asks for progress, and the metadata. */
  readonly message: PalmMessage;
  /** Its encoding. */
  readonly frame: Bytes;
}

/**
 * Reads a stranger's frame strictly. Unknown fields are left out of the returned frame.
 * @param keepsMetadata - whether metadata, priority and the field that asks for progress stay, which the caller must judge: they may be malformed.
 * @throws PalmError `PROTOCOL` when the frame is not an envelope, and for what readers disagree on: a tag, length or number that
 * is longer than necessary, a known field that comes twice or with another wire type, and a group.
 */
export function readPlain(codec: EnvelopeCodec, frame: Bytes, keepsMetadata = false): PlainEnvelope {
  const message = codec.decode(frame);
  if (isTidy(frame) && (keepsMetadata || message.unknown.length === 0)) return { message, frame };
  message.unknown = keepsMetadata ? callFields(message.unknown) : NO_BYTES;
  return { message, frame: codec.encode(message) };
}

/** Of unknown fields those that a call may have, as they are there: its priority, how it asks for progress, and its metadata. */
function callFields(unknown: Bytes): Bytes {
  const { PRIORITY, PROGRESS, METADATA } = tags;
  return joined(...[PRIORITY, PROGRESS, METADATA].map((tag) => metadataField(unknown, tag)));
}

/** The known fields by tag: the bit of each in a set of them. */
const BITS: ReadonlyMap<number, number> = new Map(Object.values(tags).map((tag, i) => [tag, 1 << i]));
const NUMBERS: ReadonlySet<number> = new Set(Object.values(tags).map((tag) => tag >>> 3));

/**
 * Whether a readable frame holds only known fields, in order, and none at its default. There is one way to write such a frame.
 * @throws PalmError `PROTOCOL` for what readers disagree on.
 */
function isTidy(frame: Bytes): boolean {
  const reader = new WireReader(frame);
  let isTidy = true;
  let before = 0;
  let seen = 0;
  while (reader.at < frame.length) {
    const start = reader.at;
    const tag = reader.tag();
    if (reader.at - start !== varintLength(tag)) throw tooLong('tag');
    const bit = BITS.get(tag);
    if (bit === undefined) {
      if (NUMBERS.has(tag >>> 3)) throw broken(`field ${tag >>> 3} has wire type ${tag & 7}`);
      isTidy = false;
    } else {
      if ((seen & bit) !== 0) throw broken(`field ${tag >>> 3} comes twice`);
      seen |= bit;
    }
    // A value at its default is one byte: 0.
    if (tag <= before || frame[reader.at] === 0) isTidy = false;
    before = tag;
    skipField(reader, tag);
  }
  return isTidy;
}

function skipField(reader: WireReader, tag: number): void {
  const start = reader.at;
  const type = tag & 7;
  if (type === START_GROUP || type === END_GROUP) throw broken('it holds a group');
  if (type === BYTES) {
    const end = reader.lengthEnd();
    if (reader.at - start !== varintLength(end - reader.at)) throw tooLong('length');
    reader.at = end;
    return;
  }
  reader.skip(tag);
  if (type !== VARINT) return;
  const size = reader.at - start;
  const last = reader.bytes[reader.at - 1] as number;
  // Ten bytes hold 70 bits: the last byte holds one of the 64.
  if (size > 1 && (last === 0 || (size === 10 && last > 1))) throw tooLong('number');
}

function tooLong(what: string) {
  return broken(`a ${what} is longer than necessary`);
}
