import { Fifo } from '../../src/async/fifo.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';

/** Bytes of work that are kept while no worker is there to take them. */
const MOST_KEPT = 64 * 1_048_576;

/** Work that was on its way to workers that vanished: the next ones of the same server get it first. */
export class WorkPool {
  readonly #frames = new Fifo<Bytes>();
  #bytes = 0;
  readonly #takers = new Set<() => void>();

  /** Frames that wait. */
  get size(): number {
    return this.#frames.size;
  }

  /** Calls `look` when there is work. Gives the function that ends this. */
  onWork(look: () => void): () => void {
    this.#takers.add(look);
    return () => this.#takers.delete(look);
  }

  /** Gives how many could not be kept. */
  giveBack(frames: readonly Bytes[]): number {
    let lost = 0;
    for (const frame of frames) {
      if (this.#bytes + frame.length > MOST_KEPT) {
        lost++;
        continue;
      }
      this.#bytes += frame.length;
      this.#frames.push(frame);
    }
    for (const look of [...this.#takers]) look();
    return lost;
  }

  take(count: number): Bytes[] {
    const taken: Bytes[] = [];
    for (
      let frame = this.#frames.peek();
      frame !== undefined && taken.length < count;
      frame = this.#frames.peek()
    ) {
      this.#frames.skip(1);
      this.#bytes -= frame.length;
      taken.push(frame);
    }
    return taken;
  }
}
