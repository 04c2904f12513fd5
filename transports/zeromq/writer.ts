import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { Fifo, retain } from '../../src/async/fifo.ts';
import { BATCH, BATCH_BYTES, SEND_RUN } from '../../src/flow-control.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { MUST_POLL, untilUsable } from './sockets.ts';

interface Sending {
  readonly closed: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  send(parts: Uint8Array[]): Promise<void>;
}

/** What a writer asks of its owner. */
export interface WriterSettings<T> {
  /**
   * Resolves when the socket may be written to, and rejects when it never will. Returns undefined when it may be written to at once. Left out,
   * it always may.
   */
  readonly ready?: () => Promise<void> | undefined;
  /**
   * Makes the parts of one message from the waiting items, and says how many items it took. Without parts, nothing is sent.
   */
  readonly gather: (items: Fifo<T>) => { readonly parts: Uint8Array[]; readonly taken: number };
  /** Whether more items will come soon. The writer then waits for them until other events had their turn. */
  readonly inCompany?: () => boolean;
  /** Called when waiting items are dropped. */
  readonly onDrop?: (error: PalmError) => void;
}

/**
 * The only writer of a socket, because a socket refuses a second send at the same time. Items that queue up during a send go together into the next
 * message.
 */
export class SocketWriter<T> {
  #socket: Sending;
  readonly #settings: WriterSettings<T>;
  readonly #items = new Fifo<T>();
  /** Items ever accepted and ever settled. A waiter resolves when `#settled` reaches its mark. */
  #accepted = 0;
  #settled = 0;
  /** How many items the current send settles; 0 without one. */
  #leaving = 0;
  /** Items up to this count were dropped. */
  #givenUp = 0;
  /** Why the socket was replaced during the send that is under way. */
  #replaced: PalmError | undefined;
  readonly #waiters = new Fifo<{ readonly mark: number; readonly sent: Deferred<void> }>();
  #isRunning = false;
  #idle: Deferred<void> | undefined;

  constructor(socket: Sending, settings: WriterSettings<T>) {
    this.#socket = socket;
    this.#settings = settings;
  }

  /** Whether a send is under way. The socket may still take it, also for a later peer. */
  get isSending(): boolean {
    return this.#leaving > 0;
  }

  /** Items that the socket has not taken. */
  get waiting(): number {
    return this.#items.size;
  }

  /** Resolves when the socket has taken the items. */
  write(items: readonly T[]): Promise<void> {
    if (this.#socket.closed) return Promise.reject(closed());
    if (items.length === 0) return Promise.resolve();
    for (const item of items) this.post(item);
    const sent = deferred<void>();
    this.#waiters.push({ mark: this.#accepted, sent });
    return sent.promise;
  }

  /** Sends an item when its turn comes, without a promise. */
  post(item: T): void {
    this.#items.push(item);
    this.#accepted++;
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Not at once, so that later writes of this turn travel along.
    if (this.#settings.inCompany?.()) setImmediate(() => this.#run());
    else queueMicrotask(() => this.#run());
  }

  /** Removes waiting items that are not wanted any more. */
  prune(isWanted: (item: T) => boolean): void {
    const { size } = this.#items;
    retain(this.#items, isWanted);
    this.#accepted -= size - this.#items.size;
  }

  /** Drops the waiting items. The items of the current send settle when it ends. */
  drop(error: PalmError): void {
    this.#items.clear();
    this.#givenUp = this.#accepted;
    this.#rejectFrom(this.#leaving, error);
    if (this.#leaving === 0) this.#settled = this.#accepted;
    this.#settings.onDrop?.(error);
  }

  /** Continues with another socket. The one before is closed, and its current send fails with `error`. */
  replace(socket: Sending, error: PalmError): void {
    this.#socket = socket;
    if (this.isSending) this.#replaced = error;
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  async #run(): Promise<void> {
    const { ready, gather } = this.#settings;
    try {
      for (let run = 1; this.#items.size > 0; run++) {
        const opening = ready?.();
        if (opening !== undefined) await opening;
        if (this.#items.size === 0) break;
        if (this.#socket.closed) throw closed();
        const { parts, taken } = gather(this.#items);
        this.#items.skip(taken);
        const mark = this.#settled + taken;
        if (parts.length > 0) await this.#send(parts, mark);
        this.#settle(mark);
        if (run % SEND_RUN === 0) await new Promise(setImmediate);
      }
    } catch (error) {
      this.drop(this.#socket.closed ? closed() : PalmError.from(error, 'DISCONNECTED', 'sending failed'));
    } finally {
      this.#isRunning = false;
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  async #send(parts: Uint8Array[], mark: number): Promise<void> {
    this.#leaving = mark;
    const socket = this.#socket;
    try {
      if (MUST_POLL) await untilUsable(socket, 'writable');
      await socket.send(parts);
    } catch (error) {
      if (this.#replaced === undefined) throw error;
      this.#rejectUpTo(mark, this.#replaced);
    } finally {
      this.#leaving = 0;
      this.#replaced = undefined;
    }
  }

  /** Rejects the waiters whose mark is above `mark`. */
  #rejectFrom(mark: number, error: PalmError): void {
    const kept = [];
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      if (waiter.mark <= mark) kept.push(waiter);
      else waiter.sent.reject(error);
    }
    for (const waiter of kept) this.#waiters.push(waiter);
  }

  #rejectUpTo(mark: number, error: PalmError): void {
    for (let waiter = this.#waiters.peek(); waiter !== undefined; waiter = this.#waiters.peek()) {
      if (waiter.mark > mark) return;
      this.#waiters.skip(1);
      waiter.sent.reject(error);
    }
  }

  #settle(mark: number): void {
    // Items that were dropped meanwhile settle with it.
    this.#settled = Math.max(this.#settled, mark, Math.min(this.#givenUp, this.#accepted));
    for (let waiter = this.#waiters.peek(); waiter !== undefined; waiter = this.#waiters.peek()) {
      if (waiter.mark > this.#settled) return;
      this.#waiters.skip(1);
      waiter.sent.resolve();
    }
  }
}

function closed(): PalmError {
  return new PalmError('CLOSED', 'the connection was closed before the message left', { sent: false });
}

/**
 * Gathers as many frames as fit one batch. PULL reads frame by frame, so a peer that expects one frame for each message sees a batch as that
 * many messages.
 */
export function gatherFrames(frames: Fifo<Uint8Array>): { parts: Uint8Array[]; taken: number } {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (let frame = frames.peek(); frame !== undefined; frame = frames.peek(parts.length)) {
    bytes += frame.length;
    if (parts.length === BATCH || (parts.length > 0 && bytes > BATCH_BYTES)) break;
    parts.push(frame);
  }
  return { parts, taken: parts.length };
}
