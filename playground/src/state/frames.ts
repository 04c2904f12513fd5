import { signal } from '@preact/signals';

export interface FrameStats {
  /** Frames of the last second. */
  readonly rate: number;
  /** Milliseconds of the longest of the last frames. */
  readonly longest: number;
  /** Milliseconds of each of the last frames, oldest first. */
  readonly recent: readonly number[];
}

const KEPT = 60;

/** Milliseconds between two looks at the figures. */
const REFRESH = 250;

/** Of a stretch of time: how long its frames took. */
export interface FrameMeasure {
  frames: number;
  longest: number;
  /** Frames of more than 100 ms. */
  long: number;
}

/** The clock of the page, which also measures frames. Frequent changes are drawn once a frame. */
export class Frames {
  readonly stats = signal<FrameStats>({ rate: 0, longest: 0, recent: [] });
  readonly #listeners = new Set<(now: number) => void>();
  readonly #measures = new Set<FrameMeasure>();
  #recent: number[] = [];
  #last: number | undefined;
  #shown = 0;

  constructor() {
    const tick = (now: number) => {
      this.#measure(now);
      for (const listener of [...this.#listeners]) listener(now);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    // A hidden page has no frames, which must not count as one long frame.
    document.addEventListener('visibilitychange', () => {
      this.#last = undefined;
    });
  }

  /** Calls `listener` in each frame. Returns the function that removes it. */
  each(listener: (now: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves in the next frame, or soon when the page is hidden. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.each(() => done());
      const timer = setTimeout(() => done(), 200);
      const done = () => {
        stop();
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Measures from now on, until the returned function is called. */
  measure(): { readonly measure: FrameMeasure; readonly stop: () => void } {
    const measure = { frames: 0, longest: 0, long: 0 };
    this.#measures.add(measure);
    return { measure, stop: () => this.#measures.delete(measure) };
  }

  #measure(now: number): void {
    const took = this.#last === undefined ? undefined : now - this.#last;
    this.#last = now;
    if (took === undefined) return;
    this.#recent.push(took);
    if (this.#recent.length > KEPT) this.#recent.shift();
    for (const measure of this.#measures) {
      measure.frames++;
      if (took > measure.longest) measure.longest = took;
      if (took > 100) measure.long++;
    }
    if (now - this.#shown < REFRESH) return;
    this.#shown = now;
    const recent = [...this.#recent];
    const total = recent.reduce((sum, one) => sum + one, 0);
    this.stats.value = {
      recent,
      longest: Math.max(...recent),
      rate: Math.round((recent.length * 1_000) / total),
    };
  }
}
