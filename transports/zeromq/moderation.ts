/** Milliseconds between two turns that count as close: one message follows on the other. */
const CLOSE = 0.25;
/** Close turns in a row, of few messages each, that make a stream. */
const TURNS_OF_A_STREAM = 16;
const MOST_TURNS = 4_096;
/** Milliseconds to wait in a stream for more to come. */
const WAIT = 2;
/** Messages that a wait must bring to have been worth it, and that a turn may have and still be small. */
const WORTH = 4;

/**
 * Interrupt moderation, as network cards do it. A server that publishes one message at a time wakes the event loop for
 * each, which costs several times what reading it does. In a stream of such messages each turn waits a moment for
 * company. Calls one after another look like a stream from afar; a wait that brings nothing shows what they are, and
 * is tried less and less often.
 */
export class Moderation {
  #needed = TURNS_OF_A_STREAM;
  #close = 0;
  #lastTurn = 0;
  #isWaiting = false;

  /** A first message woke the loop. Gives the milliseconds to wait before the rest is read. */
  turnBegins(): number {
    const now = performance.now();
    const gap = now - this.#lastTurn;
    this.#lastTurn = now;
    if (this.#isWaiting) {
      this.#lastTurn += WAIT;
      return WAIT;
    }
    this.#close = gap < CLOSE ? this.#close + 1 : 0;
    if (this.#close < this.#needed) return 0;
    this.#isWaiting = true;
    this.#lastTurn += WAIT;
    return WAIT;
  }

  /** All that was there is read: `count` messages. */
  turnEnds(count: number): void {
    if (!this.#isWaiting) return;
    if (count >= WORTH) {
      this.#needed = TURNS_OF_A_STREAM;
      return;
    }
    this.#isWaiting = false;
    this.#close = 0;
    this.#needed = Math.min(2 * this.#needed, MOST_TURNS);
  }
}
