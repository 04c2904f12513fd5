/**
 * The part of the protobuf wire format that an envelope needs: varints, tags, and skipping fields of any other kind.
 * Source: protobuf.dev, "Encoding".
 */
import { PalmError } from './errors.ts';

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

/** Bytes of a number of 64 bits at most. */
const LONGEST_VARINT = 10;

/** Nested groups at most: as many as Google's own parsers accept. */
const DEEPEST_GROUP = 100;

/** The error for a frame that is not an envelope. */
export function broken(what: string): PalmError {
  return new PalmError('PROTOCOL', `a frame is not a PALM envelope: ${what}`);
}

/** Reads protobuf primitives from a frame, front to back. Reading past the end throws `PROTOCOL`. */
export class WireReader {
  // Declared alone: the constructor sets both, and initializers would be more code in a page.
  declare readonly bytes: Uint8Array;
  declare at: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** A field's number and wire type, packed as on the wire: `number << 3 | type`. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw broken('a field has number 0');
    return tag;
  }

  /** A varint that must fit 32 bits: a tag or a length. */
  uint32(): number {
    const { bytes } = this;
    // Past the end there is undefined, which is not less.
    const first = bytes[this.at++] as number;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    // Multiplied, not shifted: the fifth byte goes past 32 bits.
    for (let scale = 128; scale <= 2 ** 28; scale *= 128) {
      const byte = bytes[this.at++];
      if (byte === undefined) throw broken('it ends too early');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 0xffffffff) break;
        return value;
      }
    }
    throw broken('a number is too large');
  }

  /**
   * A signed 64-bit varint as a number.
   * @throws {@link PalmError} `PROTOCOL` when a double cannot hold it exactly: a rounded stage would be another stage.
   */
  int64(): number {
    const { bytes, at: start } = this;
    if ((bytes[start] as number) < 0x80 || (bytes[start + 1] as number) < 0x80) return this.uint32();
    this.#skipVarint();
    if (this.at - start <= 4) {
      this.at = start;
      return this.uint32();
    }
    let value = 0n;
    for (let i = this.at - 1; i >= start; i--) value = (value << 7n) | BigInt((bytes[i] as number) & 0x7f);
    const signed = Number(BigInt.asIntN(64, value));
    if (!Number.isSafeInteger(signed)) throw broken('a number is too large');
    return signed;
  }

  /** Reads a length. Returns the offset at which that many bytes end, and stays in front of them. */
  lengthEnd(): number {
    return this.#end(this.uint32());
  }

  /** Skips the value of a field whose tag was just read, `depth` groups deep. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.#skipVarint();
        return;
      case FIXED64:
        this.at = this.#end(8);
        return;
      case BYTES:
        this.at = this.lengthEnd();
        return;
      case START_GROUP:
        this.#skipGroup(tag, depth + 1);
        return;
      case FIXED32:
        this.at = this.#end(4);
        return;
      default:
        throw broken(`a field has wire type ${tag & 7}`);
    }
  }

  #skipVarint(): void {
    for (let i = 0; i < LONGEST_VARINT; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw broken('it ends too early');
      if (byte < 0x80) return;
    }
    throw broken('a number is too long');
  }

  #skipGroup(tag: number, depth: number): void {
    if (depth > DEEPEST_GROUP) throw broken('groups are nested too deeply');
    for (let inner = this.tag(); inner !== tag - START_GROUP + END_GROUP; inner = this.tag()) {
      if ((inner & 7) === END_GROUP) throw broken('a group ends that did not begin');
      this.skip(inner, depth);
    }
  }

  /** The offset at which the next `length` bytes end. */
  #end(length: number): number {
    const end = this.at + length;
    if (end > this.bytes.length) throw broken('it ends too early');
    return end;
  }
}

/** The bytes that `value`, a non-negative safe integer, takes as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a non-negative safe integer as a varint. Returns the offset after it. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) into[next++] = (rest % 128) | 0x80;
  for (; rest >= 0x80; rest >>>= 7) into[next++] = (rest & 0x7f) | 0x80;
  into[next++] = rest;
  return next;
}

/** The bytes that a signed safe integer takes as an int64 varint: 10 when it is negative. */
export function int64Length(value: number): number {
  return value < 0 ? 10 : varintLength(value);
}

/** Writes a signed safe integer as an int64 varint (two's complement). Returns the offset after it. */
export function writeInt64(into: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeVarint(into, at, value);
  let rest = BigInt.asUintN(64, BigInt(value));
  let next = at;
  for (; rest > 0x7fn; rest >>= 7n) into[next++] = Number(rest & 0x7fn) | 0x80;
  into[next++] = Number(rest);
  return next;
}
