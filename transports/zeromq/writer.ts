import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { PalmError } from '../../src/protocol/errors.ts';

interface Sending {
  readonly closed: boolean;
  send(parts: Uint8Array[]): Promise<void>;
}

/** Sends in a row before other events get their turn: an idle socket takes a message without waiting for any. */
const LONGEST_RUN = 32;

/**
 * The one writer of a socket. What queued up while a send was under way is gathered into the next message, as
 * `gather` decides; a socket refuses a second send at the same time.
 */
export class SocketWriter<T> {
  readonly #socket: Sending;
  readonly #ready: () => Promise<void>;
  readonly #gather: (
    items: readonly T[],
    from: number,
  ) => { readonly parts: Uint8Array[]; readonly taken: number };
  #queue: T[] = [];
  #at = 0;
  /** Items ever accepted, and ever settled; a waiter resolves when `#settled` reaches its mark. */
  #accepted = 0;
  #settled = 0;
  #waiters: { readonly mark: number; readonly sent: Deferred<void> }[] = [];
  #running = false;
  #idle: Deferred<void> | undefined;

  /**
   * @param ready - resolves when the socket may be written to, and rejects when it never will.
   * @param gather - makes the parts of one message from the items that wait, and says how many it took;
   * no parts send nothing.
   */
  constructor(
    socket: Sending,
    ready: () => Promise<void>,
    gather: (items: readonly T[], from: number) => { readonly parts: Uint8Array[]; readonly taken: number },
  ) {
    this.#socket = socket;
    this.#ready = ready;
    this.#gather = gather;
  }

  /** Items that wait to be sent. */
  get size(): number {
    return this.#queue.length - this.#at;
  }

  /** Resolves when the socket has taken the items. */
  write(items: readonly T[]): Promise<void> {
    if (this.#socket.closed) return Promise.reject(closed());
    if (items.length === 0) return Promise.resolve();
    for (const item of items) this.#queue.push(item);
    this.#accepted += items.length;
    const sent = deferred<void>();
    this.#waiters.push({ mark: this.#accepted, sent });
    if (!this.#running) {
      this.#running = true;
      // Not at once: what the same turn writes next shall travel along.
      queueMicrotask(() => this.#run());
    }
    return sent.promise;
  }

  /** Gives up what waits: it will not be sent. */
  drop(error: PalmError): void {
    this.#queue = [];
    this.#at = 0;
    this.#settled = this.#accepted;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { sent } of waiters) sent.reject(error);
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  async #run(): Promise<void> {
    try {
      for (let run = 1; this.size > 0; run++) {
        await this.#ready();
        if (this.size === 0) break;
        const { parts, taken } = this.#gather(this.#queue, this.#at);
        this.#advance(taken);
        const mark = this.#settled + taken;
        if (parts.length > 0) await this.#socket.send(parts);
        this.#settle(mark);
        if (run % LONGEST_RUN === 0) await new Promise(setImmediate);
      }
    } catch (error) {
      this.drop(this.#socket.closed ? closed() : PalmError.from(error, 'DISCONNECTED', 'sending failed'));
    } finally {
      this.#running = false;
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  #advance(taken: number): void {
    this.#at += taken;
    if (this.#at === this.#queue.length) {
      this.#queue = [];
      this.#at = 0;
    } else if (this.#at > 1_024 && this.#at * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#at);
      this.#at = 0;
    }
  }

  #settle(mark: number): void {
    // A drop in the meantime settled more than this.
    if (mark > this.#settled) this.#settled = mark;
    let done = 0;
    for (const { mark: own, sent } of this.#waiters) {
      if (own > this.#settled) break;
      sent.resolve();
      done++;
    }
    if (done > 0) this.#waiters.splice(0, done);
  }
}

function closed(): PalmError {
  return new PalmError('CLOSED', 'the connection was closed before the message left', { sent: false });
}

/** Frames and bytes of one batch: enough that the cost of a message is shared, few enough that others get a turn. */
const LARGEST_BATCH = 64;
const LARGEST_BATCH_BYTES = 65_536;

/**
 * As many frames as fit one batch. PULL reads frame by frame, so to a peer that expects one frame for each message
 * a batch is as many messages.
 */
export function gatherFrames(frames: readonly Uint8Array[], from: number) {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (let i = from; i < frames.length && parts.length < LARGEST_BATCH; i++) {
    const frame = frames[i] as Uint8Array;
    bytes += frame.length;
    if (parts.length > 0 && bytes > LARGEST_BATCH_BYTES) break;
    parts.push(frame);
  }
  return { parts, taken: parts.length };
}
