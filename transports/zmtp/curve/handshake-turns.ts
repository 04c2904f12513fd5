import { Fifo } from '../../../src/async/fifo.ts';

/**
 * Has the handshakes of a bound end take turns: one step in each turn of events, because a step computes for some milliseconds, and others are to
 * be served between two of them. Peers that come back with their cookie go before those that just came.
 */
export class HandshakeTurns {
  readonly #first = new Fifo<() => void>();
  readonly #second = new Fifo<() => void>();
  #isTurning = false;

  /** Resolves when the step that answers HELLO may compute. */
  first(): Promise<void> {
    return this.#wait(this.#first);
  }

  /** Resolves when the step that answers INITIATE may compute. */
  second(): Promise<void> {
    return this.#wait(this.#second);
  }

  #wait(queue: Fifo<() => void>): Promise<void> {
    return new Promise((resolve) => {
      queue.push(resolve);
      if (this.#isTurning) return;
      this.#isTurning = true;
      setImmediate(() => this.#turn());
    });
  }

  #turn(): void {
    const next = this.#second.shift() ?? this.#first.shift();
    next?.();
    this.#isTurning = this.#first.size + this.#second.size > 0;
    if (this.#isTurning) setImmediate(() => this.#turn());
  }
}
