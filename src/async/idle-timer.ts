import { startTimer } from './timers.ts';

/** Expires when there was no sign of progress for a time while something is owed. A sign does not touch the timer. */
export class IdleTimer {
  readonly #owes: () => boolean;
  readonly #expire: (timeout: number) => void;
  #lastSign = 0;
  #stopTimer = () => {};

  constructor(owes: () => boolean, expire: (timeout: number) => void) {
    this.#owes = owes;
    this.#expire = expire;
  }

  /** There was progress. */
  sign(): void {
    this.#lastSign = performance.now();
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
