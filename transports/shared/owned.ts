import type { Bytes } from '../../src/protocol/bytes.ts';

/** A frame that is kept for long: a copy where it is a small part of a larger buffer, which it would keep alive. */
export function owned(frame: Bytes): Bytes {
  return frame.length * 2 < frame.buffer.byteLength ? frame.slice() : frame;
}
