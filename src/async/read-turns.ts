import { Fifo } from './fifo.ts';
import { type Macrotasks, macrotasks } from './macrotask.ts';

/**
 * Shares each turn of the event loop among the sockets of one transport or relay. All together read for `budget` milliseconds. The rest waits for
 * the next turns, socket by socket, so that a peer that floods its socket does not delay those that send little.
 */
export class ReadTurns {
  readonly #budget: number;
  /** What has the waiting sockets read on. */
  readonly #waiting = new Fifo<() => void>();
  /** Milliseconds that sockets have read in this turn of the event loop. */
  #spent = 0;
  #isArmed = false;
  readonly #later: Macrotasks = macrotasks();

  /** @param budget - in milliseconds. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /**
   * Counts milliseconds that a socket has read.
   * @returns whether it may read on. Otherwise it has to {@link wait}.
   */
  spend(time: number): boolean {
    this.#spent += time;
    this.#arm();
    return this.#spent < this.#budget;
  }

  /** Calls `readOn` when the socket has its turn. */
  wait(readOn: () => void): void {
    this.#waiting.push(readOn);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#later(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#spent = 0;
    // One that has not finished waits behind the others.
    for (let left = this.#waiting.size; left > 0 && this.#spent < this.#budget; left--)
      this.#waiting.shift()?.();
    // Where some are left, one of them has waited or spent, so that there is a next turn.
  }
}
