import { signal } from '@preact/signals';
import type { TapEvent } from 'frond';

/** An envelope that passed, and when. */
export interface WireEntry extends TapEvent {
  readonly number: number;
  /** Milliseconds since the page was opened. */
  readonly at: number;
  /** Which of the page's clients it was. */
  readonly client: string;
}

/** Envelopes that are kept. */
const CAPACITY = 5_000;

/** The last envelopes of all clients: a ring, which is read at most once a frame. */
export class WireLog {
  /** Envelopes so far; changes at most once a frame. */
  readonly count = signal(0);
  readonly isPaused = signal(false);
  #entries: WireEntry[] = [];
  #number = 0;
  #bytes = 0;
  readonly #listeners = new Set<(entry: WireEntry) => void>();

  get capacity(): number {
    return CAPACITY;
  }

  /** Bytes of all envelopes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** On the hot path. */
  add(client: string, event: TapEvent): void {
    if (this.isPaused.peek()) return;
    const number = this.#number++;
    this.#bytes += event.size;
    const entry = { ...event, number, at: performance.now(), client };
    this.#entries[number % CAPACITY] = entry;
    for (const listener of this.#listeners) listener(entry);
  }

  /** Calls `listener` with each envelope, on the hot path. Gives the function that ends this. */
  listen(listener: (entry: WireEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called once a frame. */
  publish(): void {
    this.count.value = this.#number;
  }

  /** What is kept, newest first. */
  *newest(): Iterable<WireEntry> {
    const oldest = Math.max(0, this.#number - CAPACITY);
    for (let number = this.#number - 1; number >= oldest; number--) {
      const entry = this.#entries[number % CAPACITY];
      if (entry !== undefined) yield entry;
    }
  }

  clear(): void {
    this.#entries = [];
    this.#number = 0;
    this.#bytes = 0;
    this.publish();
  }

  /** Shows a capture in place of what passes; the log is paused. */
  load(entries: readonly WireEntry[]): void {
    this.clear();
    this.isPaused.value = true;
    for (const entry of entries.slice(-CAPACITY)) {
      this.#entries[this.#number % CAPACITY] = { ...entry, number: this.#number };
      this.#number++;
      this.#bytes += entry.size;
    }
    this.publish();
  }
}
