import type { BatchQueue } from '../../src/async/batch-queue.ts';
import { READ_RUN, READ_RUN_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { MUST_POLL, untilUsable } from './sockets.ts';

interface Receiving {
  readonly closed: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  receive(): Promise<Uint8Array[]>;
}

/** How far the reading of a socket has come. */
export class ReadProgress {
  /** Messages read. */
  messages = 0;
  /** Whether the reader waits a moment for more to come. */
  isWaiting = false;

  /** Resolves once what lay in the socket is read and handed over. */
  async caughtUp(): Promise<void> {
    for (let seen = -1; seen !== this.messages || this.isWaiting; ) {
      seen = this.messages;
      for (let turn = 0; turn < TURNS_OF_A_HAND_OVER; turn++) await new Promise(setImmediate);
    }
  }
}

/** Turns of the event loop that a message takes from its reading to its hand-over, at most. */
const TURNS_OF_A_HAND_OVER = 3;

/**
 * Reads a socket until it is closed, and hands over each message. `turnEnds` is called when what was taken is to be
 * worked on.
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
        // What woke us is worked on before the socket is looked at again: that costs as much as a short function.
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
 * Reads a socket into a queue until it is closed. What arrives in one turn of the event loop goes in together; while
 * the queue is full nothing is read, and `onFull` is told.
 */
export async function readInto<T>(
  socket: Receiving,
  queue: BatchQueue<T>,
  parse: (parts: Uint8Array[], into: T[]) => void,
  onFull: (queued: number) => void,
  progress = new ReadProgress(),
): Promise<void> {
  let batch: T[] = [];
  const handOver = () => {
    const items = batch;
    batch = [];
    queue.push(items);
  };
  const pause = () => {
    // Nobody takes what is read now: whoever sends is to be held up.
    if (queue.isEnded) return new Promise<void>(() => {});
    if (!queue.isFull) return undefined;
    onFull(queue.size);
    return queue.room();
  };
  await readSocket(socket, (parts) => parse(parts, batch), progress, handOver, pause);
  handOver();
  queue.end();
}

/** One message, or undefined once the socket is closed. */
export async function receive(socket: Receiving): Promise<Uint8Array[] | undefined> {
  try {
    if (MUST_POLL) await untilUsable(socket, 'readable');
    return await socket.receive();
  } catch {
    // Closed here, or with the whole ZeroMQ context: there is no other error, and nothing more to read.
    return undefined;
  }
}

/** A frame as frond hands it on: a plain Uint8Array, never a Buffer, over the same memory. */
export function plain(part: Uint8Array): Bytes {
  return new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset, part.length);
}

/** Each part is a message: peers batch by sending several as one multipart message. */
export function takeFrames(parts: Uint8Array[], into: Bytes[]): void {
  for (const part of parts) into.push(plain(part));
}

/** Milliseconds between two turns that count as close: one message follows on the other. */
const CLOSE = 0.25;
/** Close turns in a row, of few messages each, that make a stream. */
const TURNS_OF_A_STREAM = 16;
const MOST_TURNS = 4_096;
/** Milliseconds to wait in a stream for more to come. */
const WAIT = 2;
/** Messages that a wait must bring to have been worth it, and that a turn may have and still be small. */
const WORTH = 4;

/**
 * Interrupt moderation, as network cards do it. A server that publishes one message at a time wakes the event loop for
 * each, which costs several times what reading it does. In a stream of such messages each turn waits a moment for
 * company. Calls one after another look like a stream from afar; a wait that brings nothing shows what they are, and
 * is tried less and less often.
 */
export class WakeUpModeration {
  #needed = TURNS_OF_A_STREAM;
  #close = 0;
  #lastTurn = 0;
  #isWaiting = false;

  /** A first message woke the loop. Gives the milliseconds to wait before the rest is read. */
  turnBegins(): number {
    const now = performance.now();
    const gap = now - this.#lastTurn;
    this.#lastTurn = now;
    if (this.#isWaiting) {
      this.#lastTurn += WAIT;
      return WAIT;
    }
    this.#close = gap < CLOSE ? this.#close + 1 : 0;
    if (this.#close < this.#needed) return 0;
    this.#isWaiting = true;
    this.#lastTurn += WAIT;
    return WAIT;
  }

  /** All that was there is read: `count` messages. */
  turnEnds(count: number): void {
    if (!this.#isWaiting) return;
    if (count >= WORTH) {
      this.#needed = TURNS_OF_A_STREAM;
      return;
    }
    this.#isWaiting = false;
    this.#close = 0;
    this.#needed = Math.min(2 * this.#needed, MOST_TURNS);
  }
}
