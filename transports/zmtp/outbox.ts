import { LONG } from './frame-reader.ts';

/** Bytes of the first block of a burst, and of each block that follows. */
const FIRST_BLOCK = 4_096;
const LARGEST_BLOCK = 65_536;
/** Larger frames are written without a copy. */
export const LARGEST_COPY = 8_192;
const LONGEST_HEAD = 9;

/** Frames for one peer, as bytes to write: few pieces, however many frames there are. */
export class Outbox {
  #pieces: Uint8Array[] = [];
  #block: Buffer = NO_BLOCK;
  #start = 0;
  #at = 0;
  #bytes = 0;
  #isWide = false;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a frame. A large one must not change until it is written. */
  add(flags: number, frame: Uint8Array): void {
    const { length } = frame;
    const copied = length <= LARGEST_COPY ? length : 0;
    if (this.#at + LONGEST_HEAD + copied > this.#block.length) this.#openBlock(LONGEST_HEAD + copied);
    const block = this.#block;
    let at = this.#at;
    if (length < 256) {
      block[at] = flags;
      block[at + 1] = length;
      at += 2;
    } else {
      block[at] = flags | LONG;
      block.writeUInt32BE(Math.floor(length / 0x1_0000_0000), at + 1);
      block.writeUInt32BE(length % 0x1_0000_0000, at + 5);
      at += LONGEST_HEAD;
    }
    this.#bytes += at - this.#at + length;
    if (copied === length) {
      if (length < SHORT) for (let i = 0; i < length; i++) block[at + i] = frame[i] as number;
      else block.set(frame, at);
      this.#at = at + length;
    } else {
      this.#at = at;
      this.#closePiece();
      this.#pieces.push(frame);
    }
  }

  /** Adds bytes that need no head: complete frames, or the greeting. */
  addRaw(bytes: Uint8Array): void {
    this.#closePiece();
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Takes out the pieces, to be written in this order. */
  take(): readonly Uint8Array[] {
    this.#closePiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    this.#isWide = false;
    return pieces;
  }

  /** Releases an unused block. */
  rest(): void {
    if (this.#bytes > 0) return;
    this.#block = NO_BLOCK;
    this.#start = 0;
    this.#at = 0;
  }

  #openBlock(needed: number): void {
    this.#closePiece();
    this.#block = Buffer.allocUnsafeSlow(Math.max(this.#isWide ? LARGEST_BLOCK : FIRST_BLOCK, needed));
    this.#isWide = true;
    this.#start = 0;
    this.#at = 0;
  }

  #closePiece(): void {
    if (this.#at > this.#start) this.#pieces.push(this.#block.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}

const NO_BLOCK = Buffer.alloc(0);
/** Most bytes that a loop copies faster than native code does. */
const SHORT = 48;
