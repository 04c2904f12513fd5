import { startTimer } from './timers.ts';

/** One timer for many times: it goes off at the earliest that was asked for. */
export class Alarm {
  readonly #ring: () => void;
  #at = Number.POSITIVE_INFINITY;
  #stop = () => {};

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  get isSet(): boolean {
    return this.#at !== Number.POSITIVE_INFINITY;
  }

  /** @param time - as `performance.now()` tells it; Infinity for never. */
  set(time: number): void {
    if (time >= this.#at) return;
    this.stop();
    this.#at = time;
    this.#stop = startTimer(Math.max(1, time - performance.now()), () => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }

  stop(): void {
    this.#stop();
    this.#at = Number.POSITIVE_INFINITY;
  }
}
