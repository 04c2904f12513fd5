/**
 * The codec for PalmMessage. It is protobuf for these fields alone, since every message of every stream passes here.
 */

import { type Bytes, decodeUtf8, encodeUtf8, Slab } from './bytes.ts';
import {
  CACHE,
  CLIENT,
  ERROR,
  ERROR_NAME,
  FEATURES,
  FUNCTION,
  ORDINAL,
  PAYLOAD,
  PIPELINE,
  STAGE,
  STATUS,
} from './envelope-fields.ts';
import { headEnd, isAfterHead, isTidyTail, payloadEnd } from './envelope-head.ts';
import { mustBe } from './errors.ts';
import { EMPTY_MESSAGE, NO_BYTES, type PalmMessage } from './message.ts';
import { int64Length, varintLength, WireReader, writeInt64, writeVarint } from './wire.ts';

/**
 * Encodes and decodes envelopes. Use one codec for each stream of messages: it remembers the strings of the last
 * message, which are mostly those of the next one. That makes it faster, and changes nothing else.
 */
export class EnvelopeCodec {
  readonly #slab = new Slab();
  readonly #pipeline = new RecentText();
  readonly #client = new RecentText();
  readonly #function = new RecentText();
  readonly #cache = new RecentText();
  readonly #error = new RecentText();
  /** The encoded fields 1 to 4 of the message that was encoded last, and the values that they hold. */
  #head: Bytes = NO_BYTES;
  #headOf: Head = { ...EMPTY_MESSAGE };
  /** Where the client is in the head, and its bytes. */
  #clientAt = 0;
  #clientLength = 0;
  /** The encoded fields 1000 to 1003 of a message that has only `features` of them, as most messages do. */
  #tail: Bytes = NO_BYTES;
  #tailFeatures = 0;

  /**
   * The message that a frame holds.
   * @param isOwner - whether the payload gets a buffer of its own, as a payload for a user must. Otherwise it is a view into
   * the frame, which nobody may change.
   * @throws PalmError `PROTOCOL` when the frame is not an envelope: malformed protobuf, a string that is not UTF-8,
   * or a stage beyond ±(2^53 - 1).
   */
  decode(frame: Uint8Array, isOwner = false): PalmMessage {
    const reader = new WireReader(frame);
    // Variables until the end: to store each field in an object takes longer.
    let stage = 0;
    let features = 0;
    let status = 0;
    let ordinal = 0;
    let unknownLength = 0;
    let pipeline = '';
    let client = '';
    let path = '';
    let cache = '';
    let error = '';
    let errorName = '';
    let payload = NO_BYTES;
    let unknown = NO_BYTES;
    while (reader.at < frame.length) {
      const start = reader.at;
      const tag = reader.tag();
      switch (tag) {
        case PIPELINE:
          pipeline = this.#pipeline.read(reader);
          break;
        case CLIENT:
          client = this.#client.read(reader);
          break;
        case STAGE:
          stage = reader.int64();
          break;
        case FUNCTION:
          path = this.#function.read(reader);
          break;
        case CACHE:
          cache = this.#cache.read(reader);
          break;
        case PAYLOAD:
          payload = readBytes(reader, isOwner);
          break;
        case FEATURES:
          features = reader.int64();
          break;
        case STATUS:
          status = reader.int64();
          break;
        case ERROR:
          error = this.#error.read(reader);
          break;
        case ERROR_NAME:
          errorName = this.#error.read(reader);
          break;
        case ORDINAL:
          ordinal = reader.int64();
          break;
        default:
          reader.skip(tag);
          // Encoders write them last, so the room is little more than they need.
          if (unknown === NO_BYTES) unknown = new Uint8Array(frame.length - start);
          unknown.set(frame.subarray(start, reader.at), unknownLength);
          unknownLength += reader.at - start;
      }
    }
    if (unknownLength > 0) unknown = unknown.slice(0, unknownLength);
    // NO_BYTES is shared by everybody.
    if (isOwner && payload === NO_BYTES) payload = new Uint8Array(0);
    return {
      pipeline,
      client,
      stage,
      function: path,
      cache,
      payload,
      features,
      status,
      error,
      errorName,
      ordinal,
      unknown,
    };
  }

  /**
   * The frame that holds a message. Its fields are in order of their numbers, as Python's protobuf writes them.
   * @throws PalmError `INVALID_CALL` when a string holds half of a surrogate pair, or a number is not a safe integer.
   */
  encode(message: PalmMessage): Bytes {
    const { payload, unknown, ordinal } = message;
    checkInteger('ordinal', ordinal);
    const head = this.#encodeHead(message);
    const cache = message.cache === '' ? NO_BYTES : encodeUtf8(message.cache);
    const tail = this.#encodeTail(message);
    const room = bytesLength(CACHE, cache) + bytesLength(PAYLOAD, payload);
    const frame = this.#slab.take(
      head.length + room + tail.length + integerLength(ORDINAL, ordinal) + unknown.length,
    );
    frame.set(head);
    let at = writeBytes(frame, head.length, CACHE, cache);
    at = writeBytes(frame, at, PAYLOAD, payload);
    // For so few bytes a loop takes less time than `set`.
    for (const byte of tail) frame[at++] = byte;
    at = writeInteger(frame, at, ORDINAL, ordinal);
    if (unknown.length > 0) frame.set(unknown, at);
    return frame;
  }

  #encodeTail(message: PalmMessage): Bytes {
    const { features, status, error, errorName } = message;
    const isPlain = status === 0 && error === '' && errorName === '';
    if (isPlain && features === this.#tailFeatures) return this.#tail;
    const tail = encodeTail(message);
    if (isPlain) {
      this.#tailFeatures = features;
      this.#tail = tail;
    }
    return tail;
  }

  #encodeHead(message: Head): Bytes {
    const last = this.#headOf;
    const { pipeline, client, stage, function: path } = message;
    const isLike = path === last.function && pipeline === last.pipeline && stage === last.stage;
    if (isLike && (client === last.client || this.#replaceClient(client))) return this.#head;
    checkInteger('stage', stage);
    const pipelineBytes = encodeUtf8(pipeline);
    const clientBytes = encodeUtf8(client);
    const pathBytes = encodeUtf8(path);
    const head = new Uint8Array(
      bytesLength(PIPELINE, pipelineBytes) +
        bytesLength(CLIENT, clientBytes) +
        integerLength(STAGE, stage) +
        bytesLength(FUNCTION, pathBytes),
    );
    let at = writeBytes(head, 0, PIPELINE, pipelineBytes);
    at = writeBytes(head, at, CLIENT, clientBytes);
    this.#clientLength = clientBytes.length;
    this.#clientAt = at - clientBytes.length;
    at = writeInteger(head, at, STAGE, stage);
    writeBytes(head, at, FUNCTION, pathBytes);
    this.#head = head;
    this.#headOf = { pipeline, client, stage, function: path };
    return head;
  }

  /** Ids and topics are mostly of one length: such a client replaces the last one in the head. */
  #replaceClient(client: string): boolean {
    const bytes = encodeUtf8(client);
    if (bytes.length !== this.#clientLength) return false;
    this.#head.set(bytes, this.#clientAt);
    this.#headOf.client = client;
    return true;
  }
}

/**
 * The frame of a message whose `cache` is empty, with `cache` filled in where encoders write it. Made in `slab`.
 * @param cache - its UTF-8.
 */
export function withCache(frame: Uint8Array, cache: Uint8Array, slab: Slab): Bytes {
  const { length } = frame;
  const end = headEnd(frame);
  const at = isAfterHead(frame, end) ? end : length;
  const size = bytesLength(CACHE, cache);
  const filled = slab.take(length + size);
  filled.set(frame);
  if (at < length) filled.copyWithin(at + size, at, length);
  writeBytes(filled, at, CACHE, cache);
  return filled;
}

/** Bytes that are copied in less time than it takes to make a view of some of them. */
const SMALL = 512;

/**
 * The frame with another payload. Made in `slab`.
 * @returns undefined when the frame's fields are in an unusual order: then it must be decoded.
 */
export function withPayload(frame: Uint8Array, payload: Uint8Array, slab: Slab): Bytes | undefined {
  const { length } = frame;
  const start = headEnd(frame);
  const end = payloadEnd(frame, start);
  // Nor is it tidy where the head or the payload is not.
  if (!isTidyTail(frame, end)) return undefined;
  const tail = start + bytesLength(PAYLOAD, payload);
  const filled = slab.take(tail + length - end);
  // A small one whole where it fits: for its parts views would have to be made.
  if (length <= SMALL && length <= filled.length) {
    filled.set(frame);
    if (tail !== end) filled.copyWithin(tail, end, length);
  } else {
    filled.set(frame.subarray(0, start));
    filled.set(frame.subarray(end), tail);
  }
  writeBytes(filled, start, PAYLOAD, payload);
  return filled;
}

type Head = Pick<PalmMessage, 'pipeline' | 'client' | 'stage' | 'function'>;

/** Bytes of the longest string worth remembering: ids, names and short pipelines, not keys of any size. */
const LONGEST_RECENT = 128;
/** Of new strings in a row the first is remembered, and then one in as many: when each is new, remembering is wasted work. */
const TRUST = 8;

/** Reads a string field. When the bytes are those of the last one, it returns the same string. */
class RecentText {
  #bytes: Uint8Array = NO_BYTES;
  #text = '';
  #misses = 0;

  read(reader: WireReader): string {
    const end = reader.lengthEnd();
    const { bytes, at: start } = reader;
    reader.at = end;
    const length = end - start;
    const recent = this.#bytes;
    // A read past the end would make all reads of this loop slow.
    const most = Math.min(length, recent.length);
    let same = 0;
    // In fours, which takes two thirds of the time.
    while (
      same < most - 3 &&
      bytes[start + same] === recent[same] &&
      bytes[start + same + 1] === recent[same + 1] &&
      bytes[start + same + 2] === recent[same + 2] &&
      bytes[start + same + 3] === recent[same + 3]
    )
      same += 4;
    while (same < most && bytes[start + same] === recent[same]) same++;
    if (same === length && same === recent.length) {
      this.#misses = 0;
      return this.#text;
    }
    // Topics of one client differ only in their end. A string that is as long as its bytes is ASCII.
    if (this.#text.length !== recent.length) same = 0;
    const text = this.#text.slice(0, same) + decodeUtf8(bytes, start + same, end);
    if (length <= LONGEST_RECENT && this.#misses++ % TRUST === 0) {
      this.#bytes = bytes.slice(start, end);
      this.#text = text;
    }
    return text;
  }
}

function readBytes(reader: WireReader, isOwner: boolean): Bytes {
  const end = reader.lengthEnd();
  const { bytes, at } = reader;
  reader.at = end;
  // Not through a view, which alone takes as long as copying a small payload. A Node Buffer's own slice is a view.
  if (isOwner) return Uint8Array.prototype.slice.call(bytes, at, end);
  if (bytes.constructor === Uint8Array) return bytes.subarray(at, end) as Bytes;
  // The constructor takes longer, but a view of a Node Buffer must not be a Buffer.
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, end - at);
}

/** Fields 1000 to 1003. */
function encodeTail(message: PalmMessage): Bytes {
  const { features, status, error, errorName } = message;
  checkInteger('features', features);
  checkInteger('status', status);
  const errorBytes = encodeUtf8(error);
  const nameBytes = encodeUtf8(errorName);
  const tail = new Uint8Array(
    integerLength(FEATURES, features) +
      integerLength(STATUS, status) +
      bytesLength(ERROR, errorBytes) +
      bytesLength(ERROR_NAME, nameBytes),
  );
  let at = writeInteger(tail, 0, FEATURES, features);
  at = writeInteger(tail, at, STATUS, status);
  at = writeBytes(tail, at, ERROR, errorBytes);
  writeBytes(tail, at, ERROR_NAME, nameBytes);
  return tail;
}

function checkInteger(field: string, value: number): void {
  if (!Number.isSafeInteger(value)) throw mustBe(field, 'a safe integer', value);
}

function bytesLength(tag: number, value: Uint8Array): number {
  return value.length === 0 ? 0 : varintLength(tag) + varintLength(value.length) + value.length;
}

function integerLength(tag: number, value: number): number {
  return value === 0 ? 0 : varintLength(tag) + int64Length(value);
}

function writeBytes(frame: Uint8Array, at: number, tag: number, value: Uint8Array): number {
  if (value.length === 0) return at;
  const start = writeVarint(frame, writeVarint(frame, at, tag), value.length);
  frame.set(value, start);
  return start + value.length;
}

function writeInteger(frame: Uint8Array, at: number, tag: number, value: number): number {
  return value === 0 ? at : writeInt64(frame, writeVarint(frame, at, tag), value);
}
