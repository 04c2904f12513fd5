/** Which calls a server or worker works on, and which of them their callers have cancelled. */

import { CANCELLED_FOR, CANCELLED_NAMES } from '../../flow-control.ts';
import { type Bytes, encodeUtf8 } from '../../protocol/bytes.ts';
import { CancelledCalls, type CancelNotice } from '../../protocol/cancel.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { clientRange } from '../../protocol/envelope-head.ts';
import type { PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';

/** A message that a function works on. */
export interface CancellableCall {
  readonly message: Readonly<PalmMessage>;
  /** Aborts the function's signal. Returns whether its results go nowhere from now on. */
  cancel(reason: PalmError): boolean;
  /** Aborts the function's signal, because the server closes. Its results are still sent. */
  closing(reason: unknown): void;
}

/** Finds cancelled messages among frames. */
export class CancelledFrames {
  readonly #calls: CancelledCalls;
  readonly #codec = new EnvelopeCodec();
  /** What the topics begin with; empty when they have no common beginning. */
  readonly #prefix: Bytes;

  constructor(calls: CancelledCalls, notices: readonly CancelNotice[]) {
    this.#calls = calls;
    const [notice, ...others] = notices;
    this.#prefix = encodeUtf8(notice === undefined || others.length > 0 ? '' : `${notice.client}/`);
  }

  /** Whether the message in a frame is cancelled. */
  has(frame: Bytes): boolean {
    if (!this.#mayHave(frame)) return false;
    try {
      return this.#calls.find(this.#codec.decode(frame)) !== undefined;
    } catch {
      return false;
    }
  }

  /** A frame is decoded only when its client may be meant. Of an unusual frame the head does not tell. */
  #mayHave(frame: Bytes): boolean {
    const [start, end] = clientRange(frame);
    if (end === 0) return true;
    const prefix = this.#prefix;
    if (end - start < prefix.length) return false;
    for (let i = 0; i < prefix.length; i++) if (frame[start + i] !== prefix[i]) return false;
    return true;
  }
}

/** Something that holds messages before or while a function works on them. */
export interface CallHolder {
  /**
   * Lets go of messages.
   * @param notices - name them, for others that have them.
   * @returns their number.
   */
  cancel(frames: CancelledFrames, notices: readonly CancelNotice[]): number;
}

/** Finds cancelled calls. A call that is never cancelled costs a place in a set, and that only while its function takes time. */
export class Cancellations {
  readonly #running = new Set<CancellableCall>();
  readonly #holders: CallHolder[] = [];
  /** What was cancelled last, for calls that come later: a notice may overtake them. The older half is forgotten as a whole. */
  #recent = new CancelledCalls();
  #older = new CancelledCalls();
  #turned = 0;
  readonly #signal: AbortSignal;

  /** @param signal - aborts when the server or worker begins to close. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const call of this.#running) call.closing(signal.reason);
    });
  }

  /** Aborts when the server or worker begins to close. */
  get closing(): AbortSignal {
    return this.#signal;
  }

  /** Adds something that holds messages. */
  add(holder: CallHolder): void {
    this.#holders.push(holder);
  }

  /** A function has begun, and takes time. */
  begin(call: CancellableCall): void {
    this.#running.add(call);
  }

  /** It is over. */
  end(call: CancellableCall): void {
    this.#running.delete(call);
  }

  /**
   * Cancels the calls that notices name, those that come in the next seconds, too.
   * @returns the number of messages that get no answer for that.
   */
  cancel(...notices: readonly CancelNotice[]): number {
    const calls = new CancelledCalls(notices);
    const frames = new CancelledFrames(calls, notices);
    let count = 0;
    for (const holder of this.#holders) count += holder.cancel(frames, notices);
    for (const call of this.#running) {
      const reason = calls.find(call.message);
      if (reason === undefined) continue;
      this.#running.delete(call);
      if (call.cancel(reason)) count++;
    }
    this.#turn();
    for (const notice of notices) this.#recent.add(notice);
    return count;
  }

  /** Why a message is cancelled that has just come; undefined when it is not. */
  find(message: PalmMessage): PalmError | undefined {
    return this.#recent.size + this.#older.size === 0 ? undefined : this.#find(message);
  }

  /** A client whose topics begin so is there: what it calls from now on is wanted. */
  isThere(prefix: string): void {
    this.#recent.forget(prefix);
    this.#older.forget(prefix);
  }

  #find(message: PalmMessage): PalmError | undefined {
    this.#turn();
    return this.#recent.find(message) ?? this.#older.find(message);
  }

  #turn(): void {
    const now = performance.now();
    const age = now - this.#turned;
    if (age < CANCELLED_FOR && this.#recent.size < CANCELLED_NAMES) return;
    this.#older = age < 2 * CANCELLED_FOR ? this.#recent : new CancelledCalls();
    this.#recent = new CancelledCalls();
    this.#turned = now;
  }
}
