import type { Bytes } from '../../src/protocol/bytes.ts';

/** Bytes of a block that small frames are copied into: a buffer for each costs more than all the rest of reading it. */
const BLOCK = 4_096;
/** Larger frames get a buffer of their own. So a small frame that is kept keeps no more than {@link BLOCK}. */
const LARGEST_PIECE = 512;

/** Copies frames out of what a socket reads into. */
export class OwnBytes {
  #block = new ArrayBuffer(0);
  #at = 0;

  copy(bytes: Uint8Array, start: number, end: number): Bytes {
    const length = end - start;
    if (length > LARGEST_PIECE) {
      const { byteOffset } = bytes;
      return new Uint8Array((bytes.buffer as ArrayBuffer).slice(byteOffset + start, byteOffset + end));
    }
    if (this.#at + length > BLOCK || this.#block.byteLength === 0) {
      this.#block = new ArrayBuffer(BLOCK);
      this.#at = 0;
    }
    const piece = new Uint8Array(this.#block, this.#at, length);
    // Numbers of eight bytes may begin where a frame does.
    this.#at += (length + 7) & ~7;
    if (length < SHORT) for (let i = 0; i < length; i++) piece[i] = bytes[start + i] as number;
    else piece.set(new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, length));
    return piece;
  }
}

/** Bytes up to which a loop is faster than the call into native code. */
const SHORT = 48;
