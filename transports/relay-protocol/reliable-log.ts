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
 * One side's account of a session, which outlives its sockets: numbers what is sent, keeps it until the other side has
 * confirmed it, and knows what was received. On a new socket what was not received is sent again, so that every frame
 * arrives once and in order.
 */
export class ReliableLog {
  readonly #writer = new MessageWriter();
  readonly #outgoing = new Outgoing();
  /** Messages that are not confirmed: those behind `#confirmed`. */
  readonly #kept: Bytes[] = [];
  #keptBytes = 0;
  /**
   * Bytes that may be handed to the socket before they are confirmed. It takes far more than the link has sent: what is behind
   * that, a ping or a small call, would wait for seconds or minutes on a slow link.
   */
  #window = Number.POSITIVE_INFINITY;
  #probe: { readonly sequence: number; readonly at: number; readonly bytes: number } | undefined;
  /** Milliseconds until a message was confirmed, at best. */
  #fastest = Number.POSITIVE_INFINITY;
  /** Messages sent, confirmed by the other side, received, and confirmed to it. */
  #sent = 0;
  #confirmed = 0;
  #received = 0;
  #told = 0;
  #untold = 0;
  #out: ((message: Bytes) => void) | undefined;
  #isFlushDue = false;
  #stopTimer: (() => void) | undefined;
  #isTellingSoon = false;
  /** Whether the receiver can take more; what comes while it cannot is not confirmed. */
  #isHeld = false;

  /** Bytes that wait to be sent or confirmed. */
  get held(): number {
    return this.#keptBytes + this.#outgoing.bytes + this.#writer.length;
  }

  /** Messages that are not confirmed, or not sent. */
  get unconfirmed(): number {
    return this.#kept.length + this.#outgoing.size;
  }

  /** Whether more is to be sent than the link has room for. */
  get isBusy(): boolean {
    return this.#outgoing.size > 0 || !this.#hasRoom;
  }

  /** Bytes from which on a frame is cut into pieces. */
  get large(): number {
    return this.#window / 4;
  }

  /** Messages received. */
  get received(): number {
    return this.#received;
  }

  /**
   * Sends a frame with those that are posted in the same turn, when the link has room for it.
   * @param flow - names what it is to stay in order with; left out, it may pass what is large.
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
    // Requests, replies and credit: others wait for them, and there are not many.
    const isUrgent = size <= URGENT_BYTES && (frame[0] < Type.open || frame[0] === Type.taken);
    this.#flush();
    if (isUrgent) this.#number(loneMessage(frame));
    else this.#outgoing.add(flow?.() ?? frame, bytes);
    this.#flushSoon();
  }

  /** Sends a frame at once, out of the count. */
  tell(frame: Frame): void {
    this.#put(loneMessage(frame), 0);
  }

  /** Asks for a sign of life, of those that give one. */
  ping(): void {
    if (this.#isPaced) this.tell([Type.ping]);
  }

  /**
   * Accounts for a message. Gives whether its frames are to be worked on: not when they came before.
   * @throws PalmError `PROTOCOL` when it cannot be the next.
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

  /** Does not confirm what comes until {@link release}: the other side holds it, and stops when that is much. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#told < this.#received) this.#tellLater();
  }

  /**
   * Goes on over a new socket.
   * @param received - messages that the other side has.
   * @param isPaced - whether the other side takes pieces, and confirms soon what is waited for.
   * @throws PalmError `PROTOCOL` when that cannot be.
   */
  resume(out: (message: Bytes) => void, received: number, isPaced = false): void {
    if (received < this.#confirmed) {
      throw broken(`message ${received} came after ${this.#confirmed}`);
    }
    this.#confirm(received);
    this.#out = out;
    // A link begins, of which nothing is known.
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
    // What is not paced is numbered at once, with a link or without.
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

  /** Once the probe has arrived, what is on its way next takes as long as it did at best, and {@link LINK_QUEUE} more. */
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

  /** Sends what waits, as far as there is room for it. */
  #pump(): void {
    const piece = Math.min(BATCH_BYTES, this.large);
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
      // It is over, also when nothing can be told while the receiver holds.
      this.#stopTimer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#told === this.#received || this.#isHeld) return;
    this.#put(new MessageWriter().take(), 0);
  }
}

/** Bytes of a message beside the frames it carries: what a limit on messages must leave room for. */
export const MESSAGE_ROOM = BATCH_BYTES + HEAD + 1_024;
