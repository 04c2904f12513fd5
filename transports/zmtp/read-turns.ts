import { Fifo } from '../../src/async/fifo.ts';
import { READ_TURN } from '../../src/flow-control.ts';

/**
 * Shares each turn of the event loop among the links of one transport. Pieces of many frames are read for {@link READ_TURN} ms, all links together.
 * The rest waits for the next turns, link by link, so that a peer that floods a socket does not delay those that send little.
 */
export class ReadTurns {
  /** What has the waiting links read on. */
  readonly #waiting = new Fifo<() => void>();
  /** Milliseconds that links have read in this turn of the event loop. */
  #spent = 0;
  #isArmed = false;

  /**
   * Counts milliseconds that a link has read.
   * @returns whether it may read on. Otherwise it has to {@link wait}.
   */
  spend(time: number): boolean {
    this.#spent += time;
    this.#arm();
    return this.#spent < READ_TURN;
  }

  /** Calls `readOn` when the link has its turn. */
  wait(readOn: () => void): void {
    this.#waiting.push(readOn);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#spent = 0;
    // A link that has not finished waits behind the others.
    for (let left = this.#waiting.size; left > 0 && this.#spent < READ_TURN; left--)
      this.#waiting.shift()?.();
    if (this.#waiting.size > 0) this.#arm();
  }
}
