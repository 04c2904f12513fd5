import { AWAITED_ANSWERS, GATHERED_ANSWERS, PAUSE_ANSWERS, READ_PAUSE } from '../../src/flow-control.ts';

/** Milliseconds after which a pause has ended on an idle machine: timers are as exact as that. */
const LONGEST_PAUSE = READ_PAUSE + 1;

/**
 * Decides when a subscription pauses, so that answers gather that come one by one: being woken for an answer costs several times as much as
 * all else that is done with it. It pauses only while many more are awaited than come in that time. So the server does not run out of calls,
 * and each answer has waited far longer behind the others already.
 */
export class ReadPace {
  readonly #awaited: () => number;
  /** Answers that came since a time. */
  #came = 0;
  #since = 0;
  /** Answers that come in the time of a pause. */
  #usual = 0;
  #hasPaused = false;

  /** @param awaited - gives the number of answers that are under way. */
  constructor(awaited: () => number) {
    this.#awaited = awaited;
  }

  /**
   * Takes note of a piece that was read.
   * @param answers - how many it had.
   * @param now - what the clock of `performance.now()` says.
   * @returns whether to pause now.
   */
  pausesAfter(answers: number, now: number): boolean {
    const span = now - this.#since;
    if (span >= LONGEST_PAUSE) {
      this.#usual = (this.#came / span) * LONGEST_PAUSE;
      this.#came = 0;
      this.#since = now;
    }
    this.#came += answers;
    // The socket reads one piece before it pauses. What has gathered comes after that.
    this.#hasPaused = !this.#hasPaused && answers < GATHERED_ANSWERS && this.#isWorthIt;
    return this.#hasPaused;
  }

  get #isWorthIt(): boolean {
    return this.#usual >= PAUSE_ANSWERS && this.#awaited() >= AWAITED_ANSWERS * this.#usual;
  }
}
