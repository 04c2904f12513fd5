/**
 * The part of MessagePack that frames between client and relay need: unsigned integers, texts, bytes, lists, true, false
 * and nil (github.com/msgpack/msgpack, spec.md). The reader takes what it expects and nothing else: there are no maps, no
 * extensions, and no nesting that was not asked for, so nothing that comes can be deep or surprising.
 */
import { PalmError } from '../../src/protocol/errors.ts';
import { type Bytes, decodeUtf8 } from '../../src/protocol/utf8.ts';

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const BIN8 = 0xc4;
const BIN16 = 0xc5;
const BIN32 = 0xc6;
const UINT8 = 0xcc;
const UINT16 = 0xcd;
const UINT32 = 0xce;
const UINT64 = 0xcf;
const STR8 = 0xd9;
const STR16 = 0xda;
const STR32 = 0xdb;
const ARRAY16 = 0xdc;
const ARRAY32 = 0xdd;

const SMALLEST_BUFFER = 1_024;
const LARGEST_KEPT = 262_144;

/** Writes values one after another into a buffer that grows. */
export class Packer {
  /** Nothing until something is written: most sessions are idle most of the time. */
  #bytes: Bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #encoder = new TextEncoder();

  get length(): number {
    return this.#length;
  }

  /** What was written, as bytes of their own. The packer begins anew. */
  take(): Bytes {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    // A large message must not hold its memory for ever.
    if (this.#bytes.length > LARGEST_KEPT) this.#resize(0);
    return taken;
  }

  nil(): void {
    this.#head(NIL, 0, 0);
  }

  bool(value: boolean): void {
    this.#head(value ? TRUE : FALSE, 0, 0);
  }

  /** @param value - a safe integer from 0 on. */
  uint(value: number): void {
    if (value < 0x80) this.#head(value, 0, 0);
    else this.#sized(UINT8, UINT16, UINT32, value);
  }

  /** The same in nine bytes whatever it is. */
  uint64(value: number): void {
    this.#head(UINT64, 8, value);
  }

  list(count: number): void {
    if (count < 0x10) this.#head(0x90 | count, 0, 0);
    else if (count < 0x10000) this.#head(ARRAY16, 2, count);
    else this.#head(ARRAY32, 4, count);
  }

  /** The head of a list that is counted later: {@link setCount}. */
  openList(): void {
    this.#head(ARRAY32, 4, 0);
  }

  /** Says how many items the list has whose head was opened at `offset`. */
  setCount(offset: number, count: number): void {
    this.#view.setUint32(offset + 1, count);
  }

  text(value: string): void {
    // Three bytes for each UTF-16 unit is the most that UTF-8 takes. The head asks for nine itself, and what already stands
    // behind it must not be left behind then.
    this.#room(9 + value.length * 3);
    const start = this.#length;
    let head = textHead(value.length);
    let { written } = this.#encoder.encodeInto(value, this.#bytes.subarray(start + head));
    if (textHead(written) !== head) {
      head = textHead(written);
      written = this.#encoder.encodeInto(value, this.#bytes.subarray(start + head)).written;
    }
    if (written < 0x20) this.#head(0xa0 | written, 0, 0);
    else this.#sized(STR8, STR16, STR32, written);
    this.#length = start + head + written;
  }

  bin(value: Uint8Array): void {
    this.#room(5 + value.length);
    this.#sized(BIN8, BIN16, BIN32, value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  #sized(one: number, two: number, four: number, value: number): void {
    if (value < 0x100) this.#head(one, 1, value);
    else if (value < 0x10000) this.#head(two, 2, value);
    else if (value <= 0xffffffff) this.#head(four, 4, value);
    else this.#head(UINT64, 8, value);
  }

  #head(type: number, width: number, value: number): void {
    this.#room(9);
    this.#bytes[this.#length++] = type;
    if (width === 1) this.#view.setUint8(this.#length, value);
    else if (width === 2) this.#view.setUint16(this.#length, value);
    else if (width === 4) this.#view.setUint32(this.#length, value);
    else if (width === 8) {
      this.#view.setUint32(this.#length, Math.floor(value / 2 ** 32));
      this.#view.setUint32(this.#length + 4, value % 2 ** 32);
    }
    this.#length += width;
  }

  #room(size: number): void {
    const wanted = this.#length + size;
    if (wanted > this.#bytes.length) this.#resize(Math.max(wanted, 2 * this.#bytes.length, SMALLEST_BUFFER));
  }

  #resize(size: number): void {
    const before = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(size);
    this.#bytes.set(before);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/** Bytes that the head of a text takes. */
function textHead(length: number): number {
  if (length < 0x20) return 1;
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

/** Reads values one after another. @throws PalmError `PROTOCOL` when something else is there. */
export class Unpacker {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #at = 0;
  #itemsLeft: number;

  /** @param mostItems - that lists of any number of {@link items} may have together. */
  constructor(bytes: Bytes, mostItems = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes;
    this.#itemsLeft = mostItems;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Whether nil is next; then it is taken. */
  nil(): boolean {
    const isNil = this.#bytes[this.#at] === NIL;
    if (isNil) this.#at++;
    return isNil;
  }

  bool(): boolean {
    const type = this.#type();
    if (type !== TRUE && type !== FALSE) throw unexpected('true or false', type);
    return type === TRUE;
  }

  uint(): number {
    const type = this.#type();
    if (type < 0x80) return type;
    const width = type >= UINT8 && type <= UINT64 ? 1 << (type - UINT8) : 0;
    if (width === 0) throw unexpected('a number', type);
    return this.#number(width);
  }

  /** The items of a list, counted. As many bytes must follow at least. */
  list(): number {
    const type = this.#type();
    const count =
      type >> 4 === 9
        ? type & 0xf
        : type === ARRAY16
          ? this.#number(2)
          : type === ARRAY32
            ? this.#number(4)
            : -1;
    if (count < 0) throw unexpected('a list', type);
    if (count > this.#bytes.length - this.#at) throw broken('a list is longer than the message');
    return count;
  }

  /** The same for a list of any number of items. */
  items(): number {
    const count = this.list();
    this.#itemsLeft -= count;
    if (this.#itemsLeft < 0) throw broken('it has more items than a message of its size');
    return count;
  }

  text(): string {
    const type = this.#type();
    const length =
      type >> 5 === 5 ? type & 0x1f : type >= STR8 && type <= STR32 ? this.#number(1 << (type - STR8)) : -1;
    if (length < 0) throw unexpected('a text', type);
    const start = this.#advance(length);
    return decodeUtf8(this.#bytes, start, this.#at);
  }

  /** A view of the bytes, not a copy. */
  bin(): Bytes {
    const type = this.#type();
    if (type < BIN8 || type > BIN32) throw unexpected('bytes', type);
    const length = this.#number(1 << (type - BIN8));
    const start = this.#advance(length);
    return this.#bytes.subarray(start, this.#at);
  }

  #type(): number {
    const type = this.#bytes[this.#at];
    if (type === undefined) throw broken('it ends too early');
    this.#at++;
    return type;
  }

  #number(width: number): number {
    const at = this.#advance(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at);
    if (width === 4) return this.#view.getUint32(at);
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw broken('a number is beyond 2^53 - 1');
    return value;
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw broken('it ends too early');
    this.#at = start + length;
    return start;
  }
}

function unexpected(wanted: string, type: number): PalmError {
  return broken(`${wanted} should stand where 0x${type.toString(16)} is`);
}

function broken(what: string): PalmError {
  return new PalmError('PROTOCOL', `a message between client and relay is broken: ${what}`);
}
