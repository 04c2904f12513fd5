/** Bounds what the WebSocket library keeps of a message before it is whole. */
import type { Duplex } from 'node:stream';
import type { Line } from './session/socket.ts';

/**
 * Bytes that a fragment of a message has on average at least, and a piece of one as it comes from the network. Each costs
 * some 150 bytes beside its own; clients send none that are nearly as small.
 */
const SMALLEST_FRAGMENT = 1_024;
const SMALLEST_CHUNK = 256;

/** Bytes around a fragment, and beside a message: frames between its fragments, and what comes together with it. */
const FRAME_HEAD = 14;
const BESIDE = 2 * 65_536;

/** What the library is to keep to, for messages of so many bytes at most. */
export function partsOf(maxPayload: number): {
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
} {
  return {
    maxFragments: Math.ceil(maxPayload / SMALLEST_FRAGMENT),
    maxBufferedChunks: Math.ceil(maxPayload / SMALLEST_CHUNK),
  };
}

/**
 * Tells the line of all bytes that come, and of how many it may have without a whole message. The library counts what is in
 * fragments alone: not the frames between them, such as pongs, and not that a fragment of one byte keeps all 64 KiB that it
 * came with.
 */
export function countIntake(socket: Duplex, line: Line, maxPayload: number): void {
  const largest = maxPayload + partsOf(maxPayload).maxFragments * FRAME_HEAD + BESIDE;
  const count = (chunk: Buffer) => {
    if (line.arrived(chunk.length, largest)) return;
    socket.off('data', count);
    socket.pause();
  };
  socket.on('data', count);
}
