import { startTimer } from './timers.ts';

/** Expires when there was no sign of progress for a time while something is owed. A sign does not touch the timer. */
export class IdleTimer {
  readonly #owes: () => boolean;
  readonly #expire: (timeout: number) => void;
  #lastSign = 0;
  /** Whether the clock was read in this run of code. */
  #isSigned = false;
  #stopTimer = () => {};

  constructor(owes: () => boolean, expire: (timeout: number) => void) {
    this.#owes = owes;
    this.#expire = expire;
  }

  /** There was progress. The clock is read once for all that a batch of answers shows. */
  sign(): void {
    if (this.#isSigned) return;
    this.#isSigned = true;
    this.#lastSign = performance.now();
    queueMicrotask(() => {
      this.#isSigned = false;
    });
  }

  /** Starts again: expires after `timeout` milliseconds without a sign. */
  watch(timeout: number): void {
    this.stop();
    this.sign();
    this.#wait(timeout, timeout);
  }

  stop(): void {
    this.#stopTimer();
  }

  #wait(delay: number, timeout: number): void {
    this.#stopTimer = startTimer(delay, () => {
      const idle = performance.now() - this.#lastSign;
      if (!this.#owes()) this.#wait(timeout, timeout);
      else if (idle < timeout) this.#wait(timeout - idle + 1, timeout);
      else this.#expire(timeout);
    });
  }
}
