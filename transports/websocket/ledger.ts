import { startTimer } from '../../src/async/deadline.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import { type Frame, HEAD, loneMessage, type Message, MessageWriter, setNumbers } from './frames.ts';
import { broken } from './msgpack.ts';

/** Bytes from which on a message is not made longer. */
const FULL_MESSAGE = 65_536;
/** Bytes that are received before they are confirmed at once. */
const CONFIRM_EVERY = 65_536;
/** Milliseconds after which they are confirmed anyway. */
const CONFIRM_AFTER = 1_000;

/**
 * One side's account of a session, which outlives its sockets: numbers what is sent, keeps it until the other side has
 * confirmed it, and knows what was received. On a new socket what was not received is sent again, so that every frame
 * arrives once and in order.
 */
export class Ledger {
  readonly #writer = new MessageWriter();
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
  /** Whether the receiver can take more; what comes while it cannot is not confirmed. */
  #isHeld = false;

  /** Bytes that wait to be sent or confirmed. */
  get held(): number {
    return this.#keptBytes + this.#writer.length;
  }

  /** Messages that are not confirmed. */
  get unconfirmed(): number {
    return this.#kept.length;
  }

  /** Messages received. */
  get received(): number {
    return this.#received;
  }

  /** Sends a frame with those that are posted in the same turn. */
  post(frame: Frame): void {
    this.#writer.add(frame);
    if (this.#writer.length >= FULL_MESSAGE) this.#flush();
    else this.#flushSoon();
  }

  /** Sends a frame at once, out of the count. */
  tell(frame: Frame): void {
    this.#put(loneMessage(frame), 0);
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
   * @throws PalmError `PROTOCOL` when that cannot be.
   */
  resume(out: (message: Bytes) => void, received: number): void {
    if (received < this.#confirmed) {
      throw broken(`message ${received} came after ${this.#confirmed}`);
    }
    this.#confirm(received);
    this.#out = out;
    let sequence = received;
    for (const message of this.#kept) this.#put(message, ++sequence);
  }

  /** The socket is gone. */
  suspend(): void {
    this.#out = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #confirm(count: number): void {
    if (count > this.#sent) throw broken(`message ${count} came after ${this.#sent}`);
    if (count <= this.#confirmed) return;
    for (const { length } of this.#kept.splice(0, count - this.#confirmed)) this.#keptBytes -= length;
    this.#confirmed = count;
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    if (this.#writer.count === 0) return;
    const message = this.#writer.take();
    this.#sent++;
    this.#kept.push(message);
    this.#keptBytes += message.length;
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
    if (this.#untold >= CONFIRM_EVERY) this.#tell();
    else
      this.#stopTimer ??= startTimer(CONFIRM_AFTER, () => {
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
