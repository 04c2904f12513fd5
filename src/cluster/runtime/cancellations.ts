/** Which calls a server or worker works on, and which of them their callers have cancelled. */

import { type Bytes, decodeUtf8 } from '../../protocol/bytes.ts';
import type { CancelNotice } from '../../protocol/cancel.ts';
import type { CancelledCalls } from '../../protocol/cancelled-calls.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { clientRange } from '../../protocol/envelope-head.ts';
import type { PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import { RecentNotices } from './recent-notices.ts';

/** A message that a function works on. */
export interface CancellableCall {
  readonly message: Readonly<PalmMessage>;
  /** Aborts the function's signal. Returns whether its results go nowhere from now on. */
  cancel(reason: PalmError): boolean;
  /** Aborts the function's signal, because the server closes. Its results are still sent. */
  closing(reason: unknown): void;
}

/**
 * Finds cancelled messages among frames. Anybody can fill a server with frames, and send notices, so a frame is decoded only when its
 * head says that a notice means its call. A frame whose head does not say whose it is, as no frond client sends, waits until its turn, and is
 * found then.
 */
export class CancelledFrames {
  readonly #calls: Pick<CancelledCalls, 'mayHave' | 'find'>;
  readonly #codec = new EnvelopeCodec();
  /** What the topics of the clients begin with, up to a slash. */
  readonly #clients = new Set<string>();

  /**
   * @param calls - has what the notices name.
   * @param notices - what is looked for.
   */
  constructor(calls: Pick<CancelledCalls, 'mayHave' | 'find'>, notices: readonly CancelNotice[] = []) {
    this.#calls = calls;
    for (const { client } of notices) this.#clients.add(`${client}/`);
  }

  /**
   * Whether some message of an owner may be cancelled. Call this for each queue of an owner before its frames are looked at.
   * @param owner - the topic of its calls up to the last slash.
   */
  mayBeOf(owner: string): boolean {
    // An owner that is not ASCII, or long, may be told in another way where queues are kept.
    if (owner.length >= LONGEST_OWNER || !ASCII.test(owner)) return true;
    for (let end = owner.indexOf('/') + 1; end > 0; end = owner.indexOf('/', end) + 1) {
      if (this.#clients.has(owner.slice(0, end))) return true;
    }
    return false;
  }

  /** Whether the message in a frame is cancelled. */
  has(frame: Bytes): boolean {
    const [start, end] = clientRange(frame);
    if (end === 0) return false;
    try {
      const topic = decodeUtf8(frame, start, end);
      return this.#calls.mayHave(topic) && this.#calls.find(this.#codec.decode(frame)) !== undefined;
    } catch {
      return false;
    }
  }
}

/** UTF-16 units from which on {@link CancelledFrames.mayBeOf} does not tell owners apart. */
const LONGEST_OWNER = 200;
const ASCII = /^[\u0020-\u007e]*$/;

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
  /** What was cancelled last, for calls that come later: a notice may overtake them. */
  readonly #notices = new RecentNotices();
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
    const calls = this.#notices.recent;
    for (const notice of notices) calls.add(notice);
    const frames = new CancelledFrames(calls, notices);
    let count = 0;
    for (const holder of this.#holders) count += holder.cancel(frames, notices);
    for (const call of this.#running) {
      const reason = calls.find(call.message);
      if (reason === undefined) continue;
      this.#running.delete(call);
      if (call.cancel(reason)) count++;
    }
    return count;
  }

  /** Why a message is cancelled that has just come; undefined when it is not. */
  find(message: PalmMessage): PalmError | undefined {
    return this.#notices.find(message);
  }

  /** A client whose topics begin so is there: what it calls from now on is wanted. */
  isThere(prefix: string): void {
    this.#notices.forget(prefix);
  }
}
