import { startTimer } from '../../src/async/deadline.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import { type Frame, HEAD, loneMessage, type Message, MessageWriter, setNumbers, Type } from './frames.ts';
import { broken } from './msgpack.ts';
import { Pace, PROBE } from './pace.ts';
import { Outgoing } from './pieces.ts';

/** Bytes from which on a message is not made longer. */
const FULL_MESSAGE = 65_536;
/** Bytes that are received before they are confirmed at once. */
const CONFIRM_EVERY = 65_536;
/** Milliseconds after which they are confirmed anyway: those that the sender may wait for, and few. */
const CONFIRM_SOON = 20;
const CONFIRM_AFTER = 1_000;
/** Bytes of a request or reply that does not wait behind others. */
const URGENT = 1_024;

/**
 * One side's account of a session, which outlives its sockets: numbers what is sent, keeps it until the other side has
 * confirmed it, and knows what was received. On a new socket what was not received is sent again, so that every frame
 * arrives once and in order.
 */
export class Ledger {
  readonly #writer = new MessageWriter();
  readonly #outgoing = new Outgoing();
  readonly #pace = new Pace();
  /** Messages that are not confirmed: those behind `#confirmed`. */
  readonly #kept: Bytes[] = [];
  #keptBytes = 0;
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
    return this.#pace.large;
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
    const { large } = this.#pace;
    if (size <= large && !this.isBusy) {
      if (this.#writer.length >= Math.min(FULL_MESSAGE, large)) this.#flush();
      else this.#flushSoon();
      return;
    }
    const bytes = this.#writer.takeBack(before);
    // Requests, replies and credit: others wait for them, and there are not many.
    const isUrgent = size <= URGENT && (frame[0] < Type.open || frame[0] === Type.taken);
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
    if (this.#pace.isOn) this.tell([Type.ping]);
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
    this.#pace.begin(isPaced);
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

  get #hasRoom(): boolean {
    // What is not paced is numbered at once, with a link or without.
    return this.#keptBytes < this.#pace.window && (this.#out !== undefined || !this.#pace.isOn);
  }

  #confirm(count: number): void {
    if (count > this.#sent) throw broken(`message ${count} came after ${this.#sent}`);
    if (count <= this.#confirmed) return;
    for (const { length } of this.#kept.splice(0, count - this.#confirmed)) this.#keptBytes -= length;
    this.#pace.confirmed(count);
    this.#confirmed = count;
    this.#pump();
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
    const piece = Math.min(FULL_MESSAGE, this.#pace.large);
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
    this.#pace.sent(this.#sent, message.length, this.#keptBytes);
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
    if (this.#untold >= CONFIRM_EVERY) {
      this.#tell();
      return;
    }
    const isSoon = this.#untold >= PROBE;
    if (isSoon && !this.#isTellingSoon) {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
    this.#isTellingSoon = isSoon;
    this.#stopTimer ??= startTimer(isSoon ? CONFIRM_SOON : CONFIRM_AFTER, () => {
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
export const MESSAGE_ROOM = FULL_MESSAGE + HEAD + 1_024;
