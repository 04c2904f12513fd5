import type { BatchQueue } from '../../src/async/batch-queue.ts';
import { READ_RUN, READ_RUN_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { WakeUpModeration } from '../shared/wake-up-moderation.ts';
import { MUST_POLL, untilUsable } from './sockets.ts';

interface Receiving {
  readonly closed: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  receive(): Promise<Uint8Array[]>;
}

/** How far a socket has been read. */
export class ReadProgress {
  /** Messages read. */
  messages = 0;
  /** Whether the reader waits a moment for more messages. */
  isWaiting = false;

  /** Resolves once everything that the socket held is read and passed on. */
  async caughtUp(): Promise<void> {
    for (let seen = -1; seen !== this.messages || this.isWaiting; ) {
      seen = this.messages;
      for (let turn = 0; turn < TURNS_OF_A_HAND_OVER; turn++) await new Promise(setImmediate);
    }
  }
}

/** Most turns of the event loop between reading a message and passing it on. */
const TURNS_OF_A_HAND_OVER = 3;

/**
 * Reads a socket until it is closed, and passes on each message. It calls `turnEnds` when the messages of a turn are to be
 * processed.
 */
export async function readSocket(
  socket: Receiving,
  take: (parts: Uint8Array[]) => void,
  progress: ReadProgress,
  turnEnds: () => void = () => {},
  pause: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  const moderation = new WakeUpModeration();
  let run = 0;
  let size = 0;
  const endTurn = () => {
    moderation.turnEnds(run);
    run = 0;
    size = 0;
    turnEnds();
  };
  for (;;) {
    const parts = await receive(socket);
    if (parts === undefined) return;
    take(parts);
    run++;
    for (const { length } of parts) size += length;
    progress.messages++;
    if (run === 1) {
      const wait = moderation.turnBegins();
      if (wait > 0) {
        progress.isWaiting = true;
        await new Promise((resolve) => setTimeout(resolve, wait));
        progress.isWaiting = false;
      } else {
        // The first message is processed before the socket is read again, because that read costs as much as a short function.
        turnEnds();
        await new Promise(setImmediate);
      }
      setImmediate(endTurn);
    }
    if (run >= READ_RUN || size >= READ_RUN_BYTES) await new Promise(setImmediate);
    const room = pause();
    if (room !== undefined) await room;
  }
}

/**
 * Reads a socket into a queue until it is closed. Messages of one turn of the event loop go in together. While the queue is
 * full, nothing is read; `onFull` is called when it fills up.
 */
export async function readInto<T>(
  socket: Receiving,
  queue: BatchQueue<T>,
  parse: (parts: Uint8Array[], into: T[]) => void,
  onFull: (queued: number) => void,
  progress: ReadProgress = new ReadProgress(),
): Promise<void> {
  let batch: T[] = [];
  const handOver = () => {
    const items = batch;
    batch = [];
    queue.push(items);
  };
  const pause = () => {
    // Nobody reads the queue, so the sender has to wait.
    if (queue.isEnded) return new Promise<void>(() => {});
    if (!queue.isFull) return undefined;
    onFull(queue.size);
    return queue.room();
  };
  await readSocket(socket, (parts) => parse(parts, batch), progress, handOver, pause);
  handOver();
  queue.end();
}

/** Reads one message; undefined once the socket is closed. */
export async function receive(socket: Receiving): Promise<Uint8Array[] | undefined> {
  try {
    if (MUST_POLL) await untilUsable(socket, 'readable');
    return await socket.receive();
  } catch {
    // The socket or its context was closed: there is no other error.
    return undefined;
  }
}

/** Makes a plain Uint8Array of a Buffer, over the same memory. */
export function plain(part: Uint8Array): Bytes {
  return new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset, part.length);
}

/** Each part is a message: peers send a batch as one multipart message. */
export function takeFrames(parts: Uint8Array[], into: Bytes[]): void {
  for (const part of parts) into.push(plain(part));
}
