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

/** Most milliseconds between two turns that count as close. */
const CLOSE = 0.25;
/** How many close turns in a row, with few messages each, make a stream. */
const TURNS_OF_A_STREAM = 16;
const MOST_TURNS = 4_096;
/** Milliseconds to wait for more messages of a stream. */
const WAIT = 2;
/** Messages that make a wait worth it; with at most as many, a turn counts as small. */
const WORTH = 4;

/**
 * Interrupt moderation, as in network cards. A server that publishes one message at a time wakes the event loop for each, which costs several times
 * as much as reading it. In a stream of such messages, each turn waits a moment for more. Calls one after another look like a stream, but waiting
 * brings nothing; so after a useless wait the next comes later and later.
 */
export class WakeUpModeration {
  #needed = TURNS_OF_A_STREAM;
  #close = 0;
  #lastTurn = 0;
  #isWaiting = false;

  /** Call it when a first message has woken the loop. Returns the milliseconds to wait before reading the rest. */
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

  /** Call it when everything is read: `count` messages. */
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
