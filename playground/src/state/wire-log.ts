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

/** Envelopes that are kept, and bytes of them: of large ones fewer are. */
const CAPACITY = 5_000;
const MOST_BYTES = 16_777_216;

/** The last envelopes of all clients: a ring, which is read at most once a frame. */
export class WireLog {
  /** Envelopes so far; changes at most once a frame. */
  readonly count = signal(0);
  readonly isPaused = signal(false);
  #entries: (WireEntry | undefined)[] = [];
  #number = 0;
  /** The first that is kept. */
  #oldest = 0;
  #bytes = 0;
  #keptBytes = 0;
  #epoch = 0;
  readonly #listeners = new Set<(entry: WireEntry) => void>();

  /** Envelopes that are kept. */
  get kept(): number {
    return this.#number - this.#oldest;
  }

  /** Changes each time that the log begins anew. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Bytes of all envelopes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** On the hot path. */
  add(client: string, event: TapEvent): void {
    if (this.isPaused.peek()) return;
    const entry = { ...event, number: this.#number, at: performance.now(), client };
    this.#keep(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  /** Calls `listener` with each envelope, on the hot path. Returns the function that removes it. */
  listen(listener: (entry: WireEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called once a frame. */
  publish(): void {
    this.count.value = this.#number;
  }

  /** What is kept, newest first, as far back as the envelope of number `from`. */
  *newest(from = 0): Iterable<WireEntry> {
    const last = Math.max(this.#oldest, from);
    for (let number = this.#number - 1; number >= last; number--) {
      const entry = this.#entries[number % CAPACITY];
      if (entry !== undefined) yield entry;
    }
  }

  clear(): void {
    this.#entries = [];
    this.#number = 0;
    this.#oldest = 0;
    this.#bytes = 0;
    this.#keptBytes = 0;
    this.#epoch++;
    this.publish();
  }

  /** Shows a capture in place of what passes; the log is paused. */
  load(entries: readonly WireEntry[]): void {
    this.clear();
    this.isPaused.value = true;
    for (const entry of entries.slice(-CAPACITY)) this.#keep({ ...entry, number: this.#number });
    this.publish();
  }

  #keep(entry: WireEntry): void {
    this.#bytes += entry.size;
    this.#keptBytes += entry.size;
    while (this.kept > 0 && (this.kept >= CAPACITY || this.#keptBytes > MOST_BYTES)) this.#drop();
    this.#entries[entry.number % CAPACITY] = entry;
    this.#number++;
  }

  #drop(): void {
    const place = this.#oldest++ % CAPACITY;
    this.#keptBytes -= this.#entries[place]?.size ?? 0;
    this.#entries[place] = undefined;
  }
}
