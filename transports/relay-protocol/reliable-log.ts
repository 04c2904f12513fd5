import { startTimer } from '../../src/async/timers.ts';
import {
  BATCH_BYTES,
  CONFIRM_BYTES,
  CONFIRM_LATE,
  CONFIRM_SOON,
  FIRST_LINK_WINDOW,
  LEAST_LINK_WINDOW,
  LINK_QUEUE,
  MOST_LINK_WINDOW,
  PROBE_BYTES,
  URGENT_BYTES,
} from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { type Frame, HEAD, loneMessage, type Message, MessageWriter, setNumbers, Type } from './frames.ts';
import { broken } from './msgpack.ts';
import { Outgoing } from './pieces.ts';

/**
 * One side's log of a session, which outlives its sockets. It numbers the messages sent, keeps each until the other side has
 * confirmed it, and counts the messages received. On a new socket it sends again what the other side has not received, so that
 * every frame arrives once and in order.
 */
export class ReliableLog {
  readonly #writer = new MessageWriter();
  readonly #outgoing = new Outgoing();
  /** Messages after `#confirmed`, which are not confirmed. */
  readonly #kept: Bytes[] = [];
  #keptBytes = 0;
  /**
   * Bytes that may be handed to the socket before they are confirmed. A socket accepts far more than the connection has sent, and a
   * ping or a small call behind it would wait for seconds or minutes on a slow connection.
   */
  #window = Number.POSITIVE_INFINITY;
  #probe: { readonly sequence: number; readonly at: number; readonly bytes: number } | undefined;
  /** The shortest time until a message was confirmed, in milliseconds. */
  #fastest = Number.POSITIVE_INFINITY;
  /** Numbers of messages: sent, confirmed by the other side, received, and confirmed to it; then bytes not confirmed to it. */
  #sent = 0;
  #confirmed = 0;
  #received = 0;
  #told = 0;
  #untold = 0;
  #out: ((message: Bytes) => void) | undefined;
  #isFlushDue = false;
  #stopTimer: (() => void) | undefined;
  #isTellingSoon = false;
  /** Whether the receiver cannot take more. Messages are not confirmed meanwhile. */
  #isHeld = false;

  /** Bytes that are not sent, or not confirmed. */
  get held(): number {
    return this.#keptBytes + this.#outgoing.bytes + this.#writer.length;
  }

  /** Messages that are not sent, or not confirmed. */
  get unconfirmed(): number {
    return this.#kept.length + this.#outgoing.size;
  }

  /** Whether frames wait for room on the connection. */
  get isBusy(): boolean {
    return this.#outgoing.size > 0 || !this.#hasRoom;
  }

  /** Bytes above which a frame is sent in pieces. */
  get large(): number {
    return this.#window / 4;
  }

  /** Messages received. */
  get received(): number {
    return this.#received;
  }

  /**
   * Sends a frame together with others of the same turn of the event loop, once the connection has room.
   * @param flow - names the frames that this one must stay in order with; left out, it may overtake large frames.
   */
  post(frame: Frame, flow?: () => string): void {
    const before = this.#writer.length;
    this.#writer.add(frame);
    const size = this.#writer.length - before;
    const { large } = this;
    if (size <= large && !this.isBusy) {
      if (this.#writer.length >= Math.min(BATCH_BYTES, large)) this.#flush();
      else this.#flushSoon();
      return;
    }
    const bytes = this.#writer.takeBack(before);
    // Requests, replies and credit: others wait for them, and they are few.
    const isUrgent =
      size <= URGENT_BYTES && (frame[0] < Type.open || frame[0] === Type.taken || frame[0] === Type.stored);
    this.#flush();
    if (isUrgent) this.#number(loneMessage(frame));
    else this.#outgoing.add(flow?.() ?? frame, bytes);
    this.#flushSoon();
  }

  /** Sends a frame at once, without a number: it may get lost. */
  tell(frame: Frame): void {
    this.#put(loneMessage(frame), 0);
  }

  /** Sends a ping, if the other side answers pings. */
  ping(): void {
    if (this.#isPaced) this.tell([Type.ping]);
  }

  /**
   * Records a message that came. @returns whether to handle its frames: not when it came before.
   * @throws PalmError `PROTOCOL` when it cannot be the next one.
   */
  take({ sequence, confirmed }: Message<Frame>, size: number): boolean {
    this.#confirm(confirmed);
    if (sequence === 0) return true;
    if (sequence <= this.#received) return false;
    if (sequence !== this.#received + 1) {
      throw broken(`message ${sequence} came after ${this.#received}`);
    }
    this.#received = sequence;
    this.#untold += size;
    this.#tellLater();
    return true;
  }

  /** Confirms nothing until {@link release}. The other side keeps its messages, and stops when they are many. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#told < this.#received) this.#tellLater();
  }

  /**
   * Continues over a new socket.
   * @param received - how many messages the other side has received.
   * @param isPaced - whether the other side takes pieces, and confirms large messages soon.
   * @throws PalmError `PROTOCOL` when the other side cannot have received so many.
   */
  resume(out: (message: Bytes) => void, received: number, isPaced = false): void {
    if (received < this.#confirmed) {
      throw broken(`message ${received} came after ${this.#confirmed}`);
    }
    this.#confirm(received);
    this.#out = out;
    // Nothing is known of the new connection's speed.
    this.#window = isPaced ? FIRST_LINK_WINDOW : Number.POSITIVE_INFINITY;
    this.#probe = undefined;
    this.#fastest = Number.POSITIVE_INFINITY;
    let sequence = received;
    for (const message of this.#kept) this.#put(message, ++sequence);
    this.#pump();
  }

  /** The socket is gone. */
  suspend(): void {
    this.#out = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  get #isPaced(): boolean {
    return this.#window < Number.POSITIVE_INFINITY;
  }

  get #hasRoom(): boolean {
    // Without pacing, messages are numbered at once, even without a connection.
    return this.#keptBytes < this.#window && (this.#out !== undefined || !this.#isPaced);
  }

  #confirm(count: number): void {
    if (count > this.#sent) throw broken(`message ${count} came after ${this.#sent}`);
    if (count <= this.#confirmed) return;
    for (const { length } of this.#kept.splice(0, count - this.#confirmed)) this.#keptBytes -= length;
    this.#confirmed = count;
    this.#measure();
    this.#pump();
  }

  /** Sets the window from the probe's speed, so that bytes under way take the shortest time so far plus {@link LINK_QUEUE}. */
  #measure(): void {
    const probe = this.#probe;
    if (probe === undefined || this.#confirmed < probe.sequence) return;
    this.#probe = undefined;
    const time = Math.max(1, performance.now() - probe.at);
    this.#fastest = Math.min(this.#fastest, time);
    const fit = (probe.bytes / time) * (this.#fastest + LINK_QUEUE);
    this.#window = Math.min(MOST_LINK_WINDOW, Math.max(LEAST_LINK_WINDOW, fit));
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    if (this.#writer.count > 0) this.#number(this.#writer.take());
    this.#pump();
  }

  /** Sends waiting frames, as far as there is room. */
  #pump(): void {
    const piece = Math.floor(Math.min(BATCH_BYTES, this.large));
    while (this.#hasRoom && this.#outgoing.size > 0) {
      while (this.#writer.length < piece) {
        const next = this.#outgoing.next(piece - this.#writer.length);
        if (next === undefined) break;
        this.#writer.add(next);
      }
      this.#number(this.#writer.take());
    }
  }

  #number(message: Bytes): void {
    this.#sent++;
    this.#kept.push(message);
    this.#keptBytes += message.length;
    if (message.length >= PROBE_BYTES && this.#isPaced)
      this.#probe ??= { sequence: this.#sent, at: performance.now(), bytes: this.#keptBytes };
    this.#put(message, this.#sent);
  }

  #put(message: Bytes, sequence: number): void {
    if (this.#out === undefined) return;
    if (!this.#isHeld) {
      this.#told = this.#received;
      this.#untold = 0;
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
    setNumbers(message, sequence, this.#told);
    this.#out(message);
  }

  #tellLater(): void {
    if (this.#isHeld || this.#out === undefined) return;
    if (this.#untold >= CONFIRM_BYTES) {
      this.#tell();
      return;
    }
    const isSoon = this.#untold >= PROBE_BYTES;
    if (isSoon && !this.#isTellingSoon) {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
    this.#isTellingSoon = isSoon;
    this.#stopTimer ??= startTimer(isSoon ? CONFIRM_SOON : CONFIRM_LATE, () => {
      // Also when nothing can be confirmed because the receiver cannot take more.
      this.#stopTimer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#isHeld) return;
    this.#put(new MessageWriter().take(), 0);
  }
}

/** Bytes that a limit on messages must allow in addition to the largest frame. */
export const MESSAGE_ROOM: number = BATCH_BYTES + HEAD + 1_024;
