/** Reads frames of ZMTP 3 in place. Source: rfc.zeromq.org/spec/23. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { CONTROL_SIZE } from './commands.ts';
import { Violation } from './violation.ts';

export const MORE = 1;
export const LONG = 2;
export const COMMAND = 4;
const RESERVED = 0xff & ~(MORE | LONG | COMMAND);

/** Bytes of the longer form of flags and length. */
const LONGEST_HEAD = 9;

/** Bytes to allocate when a large frame is announced. More are allocated only after these have arrived. */
const FIRST_ROOM = 1_048_576;

/** Takes frames. The bytes are reused after the call, unless `isOwn` says that they belong to the taker. */
export interface FrameTaker {
  frame(flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void;
}

/** Cuts a stream of bytes into frames. It holds at most one incomplete frame. */
export class FrameReader {
  readonly #taker: FrameTaker;
  #largest: number;
  /** Stops before the next frame. The rest of the piece waits for {@link run}. */
  isPaused = false;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  readonly #head = new Uint8Array(LONGEST_HEAD);
  #headLength = 0;
  /** A frame that arrives in pieces: its bytes so far, and how many of them have arrived. */
  #body: Bytes | undefined;
  #filled = 0;
  #length = 0;
  #flags = 0;

  /** @param largest - most bytes of a frame of a message; -1 sets no limit. */
  constructor(taker: FrameTaker, largest: number) {
    this.#taker = taker;
    this.#largest = limitOf(largest);
  }

  /** Takes frames of up to so many bytes from now on; -1 sets no limit. */
  takeUpTo(largest: number): void {
    this.#largest = limitOf(largest);
  }

  /** Whether a frame is incomplete, or waits to be read. */
  get isAmid(): boolean {
    return this.#at < this.#chunk.length || this.#headLength > 0 || this.#body !== undefined;
  }

  /**
   * Takes a piece and passes on the frames that end in it.
   * @throws Violation when it holds what is not a frame, or one that is too large.
   */
  read(chunk: Uint8Array): void {
    this.#chunk = this.#at < this.#chunk.length ? joinRest(this.#chunk, this.#at, chunk) : chunk;
    this.#at = 0;
    this.run();
  }

  /** Continues with the rest of the piece. */
  run(): void {
    while (this.#at < this.#chunk.length && !this.isPaused) {
      if (this.#body !== undefined) this.#fill(this.#body);
      else if (this.#headLength > 0) this.#readBrokenHead();
      else this.#readWhole();
    }
    if (this.#at >= this.#chunk.length) {
      this.#chunk = NOTHING;
      this.#at = 0;
    }
  }

  /** Reads the frames that lie complete in the piece. */
  #readWhole(): void {
    const chunk = this.#chunk;
    const { length } = chunk;
    let at = this.#at;
    while (at < length && !this.isPaused) {
      const flags = chunk[at] as number;
      let start = at + 2;
      let size = 0;
      if ((flags & LONG) === 0) {
        if (start > length) break;
        size = chunk[at + 1] as number;
      } else {
        start = at + LONGEST_HEAD;
        if (start > length) break;
        size = longSize(chunk, at + 1);
      }
      this.#check(flags, size);
      const end = start + size;
      if (end > length) {
        this.#begin(flags, size);
        at = start;
        break;
      }
      this.#at = end;
      this.#taker.frame(flags, chunk, start, end, false);
      at = end;
    }
    this.#at = at;
    if (at < length && this.#body === undefined && !this.isPaused) this.#keepHead();
  }

  /** Keeps the rest of the piece, which is the beginning of a head. */
  #keepHead(): void {
    const rest = this.#chunk.subarray(this.#at);
    this.#head.set(rest);
    this.#headLength = rest.length;
    this.#at = this.#chunk.length;
  }

  #readBrokenHead(): void {
    const needed = ((this.#head[0] ?? 0) & LONG) === 0 ? 2 : LONGEST_HEAD;
    while (this.#headLength < needed && this.#at < this.#chunk.length) {
      this.#head[this.#headLength++] = this.#chunk[this.#at++] as number;
    }
    if (this.#headLength < needed) return;
    const flags = this.#head[0] ?? 0;
    const size = needed === 2 ? (this.#head[1] ?? 0) : longSize(this.#head, 1);
    this.#headLength = 0;
    this.#check(flags, size);
    if (this.#chunk.length - this.#at >= size) {
      const start = this.#at;
      this.#at += size;
      this.#taker.frame(flags, this.#chunk, start, this.#at, false);
    } else {
      this.#begin(flags, size);
    }
  }

  #check(flags: number, size: number): void {
    if ((flags & RESERVED) !== 0) throw new Violation('it sent bytes that are not a frame of ZMTP 3');
    if ((flags & COMMAND) !== 0) {
      if ((flags & MORE) !== 0) throw new Violation('it sent a command of several parts');
      if (size > CONTROL_SIZE) throw new Violation(`it sent a command of ${size} bytes`, 'TOO_LARGE');
    } else if (size > this.#largest) {
      throw new Violation(`it sent a frame of ${size} bytes, and ${this.#largest} is the limit`, 'TOO_LARGE');
    }
  }

  #begin(flags: number, size: number): void {
    this.#flags = flags;
    this.#length = size;
    this.#body = new Uint8Array(Math.min(size, FIRST_ROOM));
    this.#filled = 0;
  }

  #fill(body: Bytes): void {
    let room = body;
    if (this.#filled === room.length) {
      room = new Uint8Array(Math.min(this.#length, 2 * room.length));
      room.set(body);
      this.#body = room;
    }
    const end = Math.min(this.#chunk.length, this.#at + room.length - this.#filled);
    room.set(this.#chunk.subarray(this.#at, end), this.#filled);
    this.#filled += end - this.#at;
    this.#at = end;
    if (this.#filled < this.#length) return;
    this.#body = undefined;
    this.#taker.frame(this.#flags, room, 0, this.#length, true);
  }
}

/** Reads a length of 8 bytes. Above 2^53 it is not exact, but over any limit. */
function longSize(bytes: Uint8Array, at: number): number {
  let size = 0;
  for (let i = at; i < at + 8; i++) size = size * 0x100 + (bytes[i] as number);
  return size;
}

function limitOf(largest: number): number {
  return largest === -1 ? Number.MAX_SAFE_INTEGER : largest;
}

function joinRest(chunk: Uint8Array, at: number, next: Uint8Array): Uint8Array {
  const joined = new Uint8Array(chunk.length - at + next.length);
  joined.set(chunk.subarray(at));
  joined.set(next, chunk.length - at);
  return joined;
}

const NOTHING = new Uint8Array(0);
