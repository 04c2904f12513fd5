import { ANSWER_BYTES, LONGEST_STALL, SHORTEST_STALL, STALL_DOUBLINGS, STALL_GAPS } from '../flow-control.ts';
import type { PalmError } from '../protocol/errors.ts';
import { Places } from './places.ts';

/** Weight of the newest gap between two answers in the usual gap. */
const NEWEST = 1 / 32;
/** Factor of the usual size when a smaller answer comes. */
const SHRINKS = 0.9;

/**
 * Limits how many messages are under way at once, because a stock pylm server silently drops results when 1000 of them
 * wait to be sent to a client. It is not exact: a pipeline may drop messages and a function may be slow, so after a time
 * without an answer, the messages that are out do not count any more.
 */
export class FlowLimit extends Places {
  readonly #limit: () => number;
  #usualGap = LONGEST_STALL;
  #lastAnswer = 0;
  #closed: PalmError | undefined;
  /** Bytes of the largest recent answer. */
  #usualSize = 60_000;
  /** Stalls since the last answer. Each doubles the limit: where no answers come, none can be dropped. */
  #stalls = 0;

  /** @param limit - gives the number of messages that may be out while answers come. */
  constructor(limit: () => number) {
    super(1);
    this.#limit = limit;
  }

  /** As for all places. Rejects when closed. */
  override wait(most?: number): Promise<number> {
    return this.#closed === undefined ? super.wait(most) : Promise.reject(this.#closed);
  }

  /**
   * An answer of `size` bytes came.
   * @param now - what the clock of `performance.now()` says. To read it for each of many answers that came together takes long.
   */
  answered(size: number, now: number): void {
    this.#usualSize = Math.max(this.#usualSize * SHRINKS, size);
    // Only while callers wait do the gaps mean anything.
    if (this.isAwaited) {
      this.#usualGap += (Math.min(now - this.#lastAnswer, LONGEST_STALL) - this.#usualGap) * NEWEST;
      this.#lastAnswer = now;
    }
    this.#stalls = 0;
    this.release(1);
  }

  /** Rejects callers that wait, now and later. */
  close(error: PalmError): void {
    this.#closed = error;
    this.dismiss(({ turn }) => turn.reject(error));
  }

  protected get total(): number {
    // The shift also rounds down.
    return (
      Math.min(this.#limit(), 1 + ANSWER_BYTES / this.#usualSize) << Math.min(this.#stalls, STALL_DOUBLINGS)
    );
  }

  /** Two checks in a row without an answer make a stall: after one, answers may be unread because the event loop was busy. */
  protected watch(quiet = false, seen: number = this.#lastAnswer): void {
    const stall = Math.min(Math.max(STALL_GAPS * this.#usualGap, SHORTEST_STALL), LONGEST_STALL);
    this.lookIn(stall / 2, () => {
      if (this.#lastAnswer !== seen) return this.watch();
      if (!quiet) return this.watch(true, seen);
      this.#stalls++;
      this.watch();
      this.release(this.taken);
    });
  }
}
