import type { Bytes } from './bytes.ts';

const SLAB_SIZE = 16_384;
/** Larger pieces get a buffer of their own: they would waste the rest of a slab and keep it alive for long. */
const LARGEST_PIECE = 1_024;

/**
 * Hands out small pieces of larger buffers, because a buffer for each small frame costs more than the rest of
 * encoding it. A piece is never handed out twice.
 */
export class Slab {
  #buffer = new ArrayBuffer(0);
  #at = 0;

  /** `length` zeroed bytes that nobody else has. */
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
