/** When the reader of a stream of single messages waits for more of them. */

/** Most milliseconds between two turns that count as close. */
const CLOSE = 0.25;
/** How many close turns in a row, with few messages each, make a stream. */
const TURNS_OF_A_STREAM = 16;
const MOST_TURNS = 4_096;
/** Milliseconds to wait for more messages of a stream. */
const WAIT = 2;
/** Messages that make a wait worth it; with at most as many, a turn counts as small. */
const WORTH = 4;

/**
 * Interrupt moderation, as in network cards. A server that publishes one message at a time wakes the event loop for each, which costs several times
 * as much as reading it. In a stream of such messages, each turn waits a moment for more. Calls one after another look like a stream, but waiting
 * brings nothing; so after a useless wait the next comes later and later.
 */
export class WakeUpModeration {
  #needed = TURNS_OF_A_STREAM;
  #close = 0;
  #lastTurn = 0;
  #isWaiting = false;

  /** Call it when a first message has woken the loop. Returns the milliseconds to wait before reading the rest. */
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

  /**
   * The same for who reads all that is there at once: call it when `count` messages were read. Returns the milliseconds to wait before reading on. Where
   * more than a few come together anyway, it is no stream of single ones.
   */
  pieceEnds(count: number): number {
    this.turnEnds(count);
    if (this.#isWaiting || count <= WORTH) return this.turnBegins();
    this.#close = 0;
    return 0;
  }

  /** Call it when everything is read: `count` messages. */
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
