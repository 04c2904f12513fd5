import type { Bytes } from '../../src/protocol/bytes.ts';

/** Bytes of a block that small frames are copied into. A buffer for each frame costs more than the rest of reading it. */
const BLOCK = 4_096;
/** Larger frames get a buffer of their own, so a small frame keeps at most one block alive. */
const LARGEST_PIECE = 512;

/** Gives frames out of the buffer that a socket has read into to those who take them. */
export interface FrameBytes {
  copy(bytes: Uint8Array, start: number, end: number): Bytes;
  /** Lets go of what was read. */
  rest(): void;
}

const NO_BUFFER = new ArrayBuffer(0);

/**
 * Gives views in place of copies, to readers that keep none. Only of what a socket has read: that buffer is not used again, unlike the one that
 * frames of CURVE are opened in. To ask for the buffer of what was read takes longer than to make a view, so it is asked for once.
 */
export class Views implements FrameBytes {
  #bytes: Uint8Array | undefined;
  #buffer = NO_BUFFER;
  #offset = 0;

  copy(bytes: Uint8Array, start: number, end: number): Bytes {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#buffer = bytes.buffer as ArrayBuffer;
      this.#offset = bytes.byteOffset;
    }
    return new Uint8Array(this.#buffer, this.#offset + start, end - start);
  }

  rest(): void {
    this.#bytes = undefined;
    this.#buffer = NO_BUFFER;
  }
}

/** Copies frames out of the buffer that a socket reads into. */
export class OwnBytes implements FrameBytes {
  #block = NO_BUFFER;
  #at = 0;
  readonly #views = new Views();

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
    // Readers may view the start of a frame as numbers of eight bytes.
    this.#at += (length + 7) & ~7;
    if (length < SHORT) for (let i = 0; i < length; i++) piece[i] = bytes[start + i] as number;
    else piece.set(this.#views.copy(bytes, start, end));
    return piece;
  }

  rest(): void {
    this.#views.rest();
  }
}

/** Most bytes that a loop copies faster than native code does. */
const SHORT = 48;
