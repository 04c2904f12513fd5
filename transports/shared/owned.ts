import type { Bytes } from '../../src/protocol/bytes.ts';

/** Makes a frame fit to be kept for long: copies it when it is a small part of a larger buffer, which it would keep alive. */
export function owned(frame: Bytes): Bytes {
  return frame.length * 2 < frame.buffer.byteLength ? frame.slice() : frame;
}
