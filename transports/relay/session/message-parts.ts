/** Bounds what the WebSocket library keeps of an incomplete message. */
import type { Duplex } from 'node:stream';
import { TIMED_PIECE_BYTES } from '../../../src/flow-control.ts';
import type { ServerSocket } from './socket.ts';

/**
 * The least average bytes of a message's fragments, and of the chunks that arrive from the network. Each costs some 150 bytes
 * beside its own. Those of clients are far larger.
 */
const SMALLEST_FRAGMENT = 1_024;
const SMALLEST_CHUNK = 256;

/** Bytes of a fragment's head; bytes of control frames between fragments, and of a chunk that ends in the next message. */
const FRAME_HEAD = 14;
const BESIDE = 2 * 65_536;

/** Options that bound the library, for messages of at most so many bytes. */
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
 * Counts all bytes that arrive, and bounds those of an incomplete message. The library counts only what is in fragments: not the
 * frames between them, such as pongs, and not that a fragment of one byte keeps all 64 KiB that it arrived with. Counts the time
 * that large pieces take, too: the system hands over up to 32 of them in a row.
 */
export function countIntake(stream: Duplex, socket: ServerSocket, maxPayload: number): void {
  const largest = maxPayload + partsOf(maxPayload).maxFragments * FRAME_HEAD + BESIDE;
  let began = 0;
  const begin = ({ length }: Buffer) => {
    if (length >= TIMED_PIECE_BYTES) began = performance.now();
  };
  const count = ({ length }: Buffer) => {
    if (!socket.arrived(length, largest)) {
      stream.off('data', begin).off('data', count);
      stream.pause();
    } else if (length >= TIMED_PIECE_BYTES) socket.hasRead(performance.now() - began);
  };
  // The library reads between the two.
  stream.prependListener('data', begin);
  stream.on('data', count);
}
