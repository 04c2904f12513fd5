/**
 * The part of MessagePack that frames between client and relay need: unsigned integers, strings, bytes, lists, true, false
 * and nil (github.com/msgpack/msgpack, spec.md). The reader accepts only the type that it expects next: there are no maps, no
 * extensions and no unexpected nesting.
 */

import { type Bytes, decodeUtf8 } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { NO_BYTES } from '../../src/protocol/message.ts';

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
/** The first type of each kind: its length or value is the next byte. The types after it have two, four and eight bytes. */
const BIN8 = 0xc4;
const UINT8 = 0xcc;
const STR8 = 0xd9;
/** Lists have no type with one byte. */
const ARRAY16 = 0xdc;

/** The most bytes of a number with its type. */
const NUMBER = 9;

const encoder = new TextEncoder();

/** Writes values one after another into a buffer that grows. */
export class Packer {
  /** Empty until something is written: most sessions are idle most of the time. */
  #bytes = NO_BYTES;
  #length = 0;
  #usual = 64;

  get length(): number {
    return this.#length;
  }

  /** Returns what was written, in a buffer of its own, and begins anew. */
  take(): Bytes {
    const taken = this.#bytes.subarray(0, this.#length);
    // An idle packer holds no memory. The next message is probably as long as this one.
    this.#usual = this.#length + NUMBER;
    this.#length = 0;
    this.#bytes = NO_BYTES;
    // Copied only where the unused rest of the buffer is worth it.
    return taken.length * 4 > taken.buffer.byteLength * 3 ? taken : taken.slice();
  }

  /** Returns a copy of what was written from `start` on, and goes on at `end`. */
  takeBack(start: number, end: number): Bytes {
    const taken = this.#bytes.slice(start, this.#length);
    this.#length = end;
    return taken;
  }

  nil(): void {
    this.#number(NIL, 0, 0);
  }

  bool(value: boolean): void {
    this.#number(value ? TRUE : FALSE, 0, 0);
  }

  /** @param value - a safe integer from 0 on. */
  uint(value: number): void {
    if (value < 0x80) this.#number(value, 0, 0);
    else this.#sized(UINT8, value);
  }

  list(count: number): void {
    if (count < 0x10) this.#number(0x90 | count, 0, 0);
    else if (count < 0x10000) this.#number(ARRAY16, 2, count);
    else this.#number(ARRAY16 + 1, 4, count);
  }

  /** Sets four bytes that were written. */
  setUint32(offset: number, value: number): void {
    new DataView(this.#bytes.buffer).setUint32(offset, value);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    const { length } = bytes;
    if (length < 0x20) this.#number(0xa0 | length, 0, 0);
    else this.#sized(STR8, length);
    this.append(bytes);
  }

  bin(value: Uint8Array): void {
    this.#sized(BIN8, value.length);
    this.append(value);
  }

  /** Writes bytes as they are. */
  append(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Writes a number in the fewest bytes, after the type for that many bytes. */
  #sized(first: number, value: number): void {
    const power = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 2 ** 32 ? 2 : 3;
    this.#number(first + power, 1 << power, value);
  }

  #number(type: number, width: number, value: number): void {
    this.#room(NUMBER);
    this.#bytes[this.#length++] = type;
    for (let at = width - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 0x100)) {
      this.#bytes[this.#length + at] = rest % 0x100;
    }
    this.#length += width;
  }

  #room(size: number): void {
    const wanted = this.#length + size;
    const before = this.#bytes;
    if (wanted <= before.length) return;
    this.#bytes = new Uint8Array(Math.max(wanted, 2 * before.length, this.#usual));
    this.#bytes.set(before);
  }
}

/** Reads values one after another. Each method throws PalmError `PROTOCOL` when the next value is of another type. */
export class Unpacker {
  readonly #bytes: Bytes;
  #at = 0;
  #itemsLeft: number;

  /** @param mostItems - the most items of all lists read by {@link items} together. */
  constructor(bytes: Bytes, mostItems: number = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes;
    this.#itemsLeft = mostItems;
  }

  /** @throws PalmError `PROTOCOL` when bytes are left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw broken('it goes on after its end');
  }

  /** Whether the next value is nil. If so, reads it. */
  nil(): boolean {
    const isNil = this.#bytes[this.#at] === NIL;
    if (isNil) this.#at++;
    return isNil;
  }

  bool(): boolean {
    const type = this.#byte();
    if (type !== TRUE && type !== FALSE) throw unexpected(type);
    return type === TRUE;
  }

  uint(): number {
    const type = this.#byte();
    return type < 0x80 ? type : this.#sized(type, UINT8, 4);
  }

  /** The number of items of a list. At least as many bytes must follow. */
  list(): number {
    const type = this.#byte();
    // The type before `ARRAY16` is not a list with one byte, but a string with four.
    const first = type === ARRAY16 - 1 ? ARRAY16 : ARRAY16 - 1;
    const count = type >> 4 === 9 ? type & 0xf : this.#sized(type, first, 3);
    if (count > this.#bytes.length - this.#at) throw broken('it ends too early');
    return count;
  }

  /** As {@link list}, for a list whose items count towards `mostItems`. */
  items(): number {
    const count = this.list();
    this.#itemsLeft -= count;
    if (this.#itemsLeft < 0) throw broken('it has too many items');
    return count;
  }

  text(): string {
    const type = this.#byte();
    const start = this.#advance(type >> 5 === 5 ? type & 0x1f : this.#sized(type, STR8, 3));
    return decodeUtf8(this.#bytes, start, this.#at);
  }

  /** Bytes, as a view of the message, not a copy. */
  bin(): Bytes {
    const start = this.#advance(this.#sized(this.#byte(), BIN8, 3));
    return this.#bytes.subarray(start, this.#at);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw broken('it ends too early');
    return byte;
  }

  /** The number after a type, which must be one of `kinds` types from `first` on. */
  #sized(type: number, first: number, kinds: number): number {
    const power = type - first;
    if (power < 0 || power >= kinds) throw unexpected(type);
    let value = 0;
    for (let left = 1 << power; left > 0; left--) value = value * 0x100 + this.#byte();
    if (!Number.isSafeInteger(value)) throw broken('a number is too large');
    return value;
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw broken('it ends too early');
    this.#at = start + length;
    return start;
  }
}

function unexpected(type: number): PalmError {
  return broken(`0x${type.toString(16)} is of another type`);
}

/** The error for a malformed message. */
export function broken(what: string): PalmError {
  return new PalmError('PROTOCOL', `a message between client and relay is broken: ${what}`);
}
