/** Frames that are too large for one message travel in pieces, so that other frames can overtake them. */
import { PIECE_STREAMS } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { type Frame, type Piece, Type } from './frames.ts';
import { broken, Packer } from './msgpack.ts';

/** Frames that must stay in order. */
interface Flow {
  readonly stream: number;
  /** The first one is being sent. */
  readonly frames: Bytes[];
  /** Bytes of the first one that have left. */
  at: number;
}

/** Frames that wait to be sent in pieces: those of one flow in order, those of different flows in turn. */
export class Outgoing {
  readonly #flows = new Map<unknown, Flow>();
  #next = 0;
  /** Frames that have left in part. */
  #begun = 0;
  /** Frames that wait, and their bytes. */
  size = 0;
  bytes = 0;

  /** @param flow - key of the flow in which the frame must stay in order. */
  add(flow: unknown, frame: Bytes): void {
    const before = this.#flows.get(flow);
    if (before !== undefined) before.frames.push(frame);
    else this.#flows.set(flow, { stream: this.#next++, frames: [frame], at: 0 });
    this.size++;
    this.bytes += frame.length;
  }

  /** The next piece, with at most so many bytes. */
  next(size: number): Piece | undefined {
    for (const [key, flow] of this.#flows) {
      const { frames, at, stream } = flow;
      const frame = frames[0] as Bytes;
      const end = Math.min(at + size, frame.length);
      const isLast = end === frame.length;
      if (at === 0 && !isLast && this.#begun >= PIECE_STREAMS) continue;
      this.#flows.delete(key);
      this.bytes -= end - at;
      this.#begun += Number(at === 0) - Number(isLast);
      flow.at = end;
      if (isLast) {
        frames.shift();
        flow.at = 0;
        this.size--;
      }
      // The others have their turn first.
      if (frames.length > 0) this.#flows.set(key, flow);
      return [Type.piece, stream, isLast, frame.subarray(at, end)];
    }
    return undefined;
  }
}

/** Joins frames that come in pieces. */
export class Incoming<F extends Frame> {
  readonly #read: (bytes: Bytes) => F;
  readonly #limit: number;
  readonly #streams = new Map<number, Packer>();
  /** Bytes of incomplete frames. */
  bytes = 0;

  /** @param limit - the most bytes of a frame. */
  constructor(read: (bytes: Bytes) => F, limit: number) {
    this.#read = read;
    this.#limit = limit;
  }

  /**
   * The frames of a message. Frames that it completes take the place of their last pieces.
   * @throws PalmError `PROTOCOL` for pieces that no well-behaved peer sends.
   */
  whole(frames: readonly F[]): readonly F[] {
    if (!frames.some(isPiece)) return frames;
    return frames.flatMap((frame) => (isPiece(frame) ? this.#take(frame) : [frame]));
  }

  #take([, stream, isLast, bytes]: Piece): F[] {
    const packer = this.#streams.get(stream) ?? new Packer();
    this.#streams.set(stream, packer);
    if (this.#streams.size > PIECE_STREAMS + 1 || packer.length + bytes.length > this.#limit) {
      throw broken('more pieces came than may be');
    }
    packer.append(bytes);
    this.bytes += bytes.length;
    if (!isLast) return [];
    this.#streams.delete(stream);
    this.bytes -= packer.length;
    return [this.#read(packer.take())];
  }
}

function isPiece(frame: Frame): frame is Piece {
  return frame[0] === Type.piece;
}
