import { signal } from '@preact/signals';
import type { Connection } from './connection.ts';
import type { Frames } from './frames.ts';
import type { WireLog } from './wire-log.ts';

/** Calls or answers that passed since the last frame, along a path. */
export interface Passed {
  readonly path: string;
  readonly direction: 'out' | 'in';
  count: number;
}

/** What passes, frame by frame, for whoever draws it; and the paths that were seen. */
export class Traffic {
  readonly paths = signal<readonly string[]>([]);
  readonly #seen = new Set<string>();
  readonly #passed = new Map<string, Passed>();
  readonly #listeners = new Set<(passed: readonly Passed[]) => void>();

  constructor(wire: WireLog, frames: Frames, connection: Connection) {
    wire.listen(({ direction, channel, message }) => {
      if (channel === 'db' || message === undefined) return;
      const key = direction + message.function;
      const known = this.#passed.get(key);
      if (known !== undefined) known.count++;
      else this.#passed.set(key, { path: message.function, direction, count: 1 });
    });
    frames.each(() => this.#tell());
    connection.place.subscribe(() => {
      this.#seen.clear();
      this.paths.value = [];
    });
  }

  /** Calls `listener` once a frame with what passed, when something did. Gives the function that ends this. */
  each(listener: (passed: readonly Passed[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    if (this.#passed.size === 0) return;
    const passed = [...this.#passed.values()];
    this.#passed.clear();
    const before = this.#seen.size;
    for (const { path } of passed) this.#seen.add(path);
    if (this.#seen.size !== before) this.paths.value = [...this.#seen].slice(-12);
    for (const listener of this.#listeners) listener(passed);
  }
}
