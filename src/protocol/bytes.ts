import { inspectValue, invalidCall, PalmError } from './errors.ts';

/** A view of bytes over an ordinary buffer, as `Blob`, `fetch` and `WebSocket.send` take it. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF is part of the text; dropping it would change a key or an id in transit.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Up to this length a loop over ASCII is faster than a call into TextEncoder or TextDecoder. */
const SHORT = 48;

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The UTF-8 bytes of a string.
 * @throws PalmError `INVALID_CALL` when the string holds half of a surrogate pair, which UTF-8 cannot hold.
 */
export function encodeUtf8(text: string): Bytes {
  const { length } = text;
  if (length <= SHORT) {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) break;
      bytes[at] = unit;
    }
    if (at === length) return bytes;
  }
  if (LONE_SURROGATE.test(text)) throw invalidCall(`${inspectValue(text)} holds half of a surrogate pair`);
  return encoder.encode(text);
}

/**
 * The string in UTF-8 bytes, from offset `start` up to `end`.
 * @throws PalmError `PROTOCOL` when the bytes are not valid UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (end - start <= SHORT) {
    let text = '';
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte > 0x7f) break;
      text += String.fromCharCode(byte);
    }
    if (at === end) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new PalmError('PROTOCOL', 'a string is not valid UTF-8', { cause });
  }
}

/**
 * Whether so many bytes are the same from an offset of each on. Both have as many: a read past the end would make all reads of the loop
 * slow. Compared in fours, which takes two thirds of the time.
 */
export function isAlike(
  one: Uint8Array,
  at: number,
  other: Uint8Array,
  own: number,
  length: number,
): boolean {
  let same = 0;
  while (
    same < length - 3 &&
    one[at + same] === other[own + same] &&
    one[at + same + 1] === other[own + same + 1] &&
    one[at + same + 2] === other[own + same + 2] &&
    one[at + same + 3] === other[own + same + 3]
  )
    same += 4;
  while (same < length && one[at + same] === other[own + same]) same++;
  return same === length;
}

/** Bytes of a slab. */
const SLAB_SIZE = 16_384;
/** Bytes of the largest piece of a slab. A larger piece gets a buffer of its own: it would waste the rest of a slab, and keep it alive. */
const LARGEST_PIECE = 1_024;

/**
 * Hands out small pieces of larger buffers: a buffer for each small frame would cost more than the rest of its
 * encoding. No piece is handed out twice.
 */
export class Slab {
  #buffer = new ArrayBuffer(0);
  #at = 0;

  /** `length` bytes, all 0, that nobody else has. */
  take(length: number): Bytes {
    if (length > LARGEST_PIECE) return new Uint8Array(length);
    if (this.#at + length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(SLAB_SIZE);
      this.#at = 0;
    }
    const piece = new Uint8Array(this.#buffer, this.#at, length);
    this.#at += length;
    return piece;
  }
}
