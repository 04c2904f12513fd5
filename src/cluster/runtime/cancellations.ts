/** Which calls a server or worker works on, and which of them their callers have cancelled. */

import { CANCELLED_FOR, CANCELLED_NAMES } from '../../flow-control.ts';
import { CancelledCalls, type CancelNotice } from '../../protocol/cancel.ts';
import type { PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';

/** A message that a function works on. */
export interface CancellableCall {
  readonly message: Readonly<PalmMessage>;
  /** Aborts the function's signal. Its results go nowhere from now on. */
  cancel(reason: PalmError): void;
  /** Aborts the function's signal, because the server closes. Its results are still sent. */
  closing(reason: unknown): void;
}

/** Something that holds messages before or while a function works on them. */
export interface CallHolder {
  /**
   * Lets go of the messages that the notice names.
   * @returns their number.
   */
  cancel(calls: CancelledCalls, notice: CancelNotice): number;
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
   * Cancels the calls that a notice names, those that come in the next seconds, too.
   * @returns the number of messages that get no answer for that.
   */
  cancel(notice: CancelNotice): number {
    const calls = new CancelledCalls(notice);
    let count = 0;
    for (const holder of this.#holders) count += holder.cancel(calls, notice);
    for (const call of this.#running) {
      const reason = calls.find(call.message);
      if (reason === undefined) continue;
      this.#running.delete(call);
      call.cancel(reason);
      count++;
    }
    this.#remember(notice);
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

  #remember(notice: CancelNotice): void {
    this.#turn();
    this.#recent.add(notice);
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
