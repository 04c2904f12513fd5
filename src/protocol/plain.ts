/**
 * Reading envelopes that strangers wrote, to judge them and pass them on. Protobuf allows much that its readers do not
 * agree on: Python's own reader passes over a tag that is longer than it must be, where C's and ours take the field. So what
 * is passed on is written by our encoder, or is byte for byte what that would write.
 */
import type { EnvelopeCodec } from './envelope.ts';
import * as tags from './fields.ts';
import { NO_BYTES, type PalmMessage } from './message.ts';
import type { Bytes } from './utf8.ts';
import { broken, END_GROUP, START_GROUP, WireReader } from './wire.ts';

/** A message that every reader of protobuf takes for the same one. */
export interface PlainEnvelope {
  /** What it says. Its `unknown` is empty. */
  readonly message: PalmMessage;
  /** The encoding of just that. */
  readonly frame: Bytes;
}

/** The tag of each known field, by its number. */
const TAGS: ReadonlyMap<number, number> = new Map(Object.values(tags).map((tag) => [tag >>> 3, tag]));

/**
 * Reads a stranger's frame strictly. Unknown fields are left out of the frame that it gives.
 * @throws PalmError `PROTOCOL` when it is no envelope, and for what readers do not agree on: a tag, length or number that
 * is longer than it must be, a known field that comes twice or with another wire type, and a group.
 */
export function readPlain(codec: EnvelopeCodec, frame: Bytes): PlainEnvelope {
  const reader = new WireReader(frame);
  const message = codec.read(reader);
  if (!reader.isShortest) throw broken('a tag, length or number is longer than it must be');
  // There is one way to write known fields in order, each once, none at its default.
  if (reader.isTidy && message.unknown.length === 0) return { message, frame };
  checkFields(frame);
  message.unknown = NO_BYTES;
  return { message, frame: codec.encode(message) };
}

/** Looks once more through a frame that could be read. */
function checkFields(frame: Bytes): void {
  const reader = new WireReader(frame);
  const seen = new Set<number>();
  while (reader.at < frame.length) {
    const tag = reader.tag();
    const number = tag >>> 3;
    const type = tag & 7;
    if (type === START_GROUP || type === END_GROUP) throw broken('it holds a group');
    reader.skip(tag);
    const own = TAGS.get(number);
    if (own === undefined) continue;
    if (tag !== own) throw broken(`field ${number} has wire type ${type}`);
    if (seen.has(number)) throw broken(`field ${number} comes twice`);
    seen.add(number);
  }
}
