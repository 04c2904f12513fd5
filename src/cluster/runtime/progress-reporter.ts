import { startTimer } from '../../async/timers.ts';
import { PROGRESS_PAUSE } from '../../flow-control.ts';
import { type Progress, progressFrom } from '../../protocol/progress.ts';

/**
 * Tells how far one call is, as often as its caller can use that: the first value at once, then the newest one every {@link PROGRESS_PAUSE}
 * milliseconds, and the last one before the call's last result.
 */
export class ProgressReporter {
  readonly #tell: (progress: Progress) => void;
  #newest: Progress | undefined;
  #told = Number.NEGATIVE_INFINITY;
  #stopTimer: (() => void) | undefined;
  #isOver = false;

  /** @param tell - must not throw. */
  constructor(tell: (progress: Progress) => void) {
    this.#tell = tell;
  }

  /** What functions call. Never throws: a value that says nothing is passed over. */
  readonly take = (done: unknown, total?: unknown, note?: unknown): void => {
    if (this.#isOver) return;
    const progress = progressFrom(done, total, note);
    if (progress === undefined) return;
    this.#newest = progress;
    if (this.#stopTimer !== undefined) return;
    const pause = this.#told + PROGRESS_PAUSE - performance.now();
    if (pause <= 0) this.#flush();
    else this.#stopTimer = startTimer(pause, () => this.#flush());
  };

  /** The function is over: the newest value is told, and later ones are passed over. */
  finish(): void {
    this.#flush();
    this.drop();
  }

  /** Nobody wants to know any more. */
  drop(): void {
    this.#isOver = true;
    this.#newest = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #flush(): void {
    const progress = this.#newest;
    this.#newest = undefined;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (progress === undefined) return;
    this.#told = performance.now();
    this.#tell(progress);
  }
}
