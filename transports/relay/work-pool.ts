import { Fifo } from '../../src/async/fifo.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { WorkSource } from './work-source.ts';

/** Bytes of work that are kept while no worker is there to take them. */
const MOST_KEPT = 64 * 1_048_576;

/** Milliseconds without work after which no more is on its way, and how often they are waited for when nobody would take it. */
const QUIET = 1_000;
const MOST_LOOKS = 4;

/**
 * Work that was on its way to workers that vanished: the others of the same server get it first. So is what still comes: who
 * pushes does not know, and loses what it pushes to a link that ends. So that is the next worker's, or ends in a lull.
 */
export class WorkPool {
  readonly #frames = new Fifo<Bytes>();
  #bytes = 0;
  readonly #takers = new Set<() => void>();
  /** Of workers that are gone. */
  readonly #sources = new Set<WorkSource>();

  /** Calls `look` when there is work. Gives the function that ends this. */
  onWork(look: () => void): () => void {
    this.#takers.add(look);
    return () => this.#takers.delete(look);
  }

  /** The worker of this one is gone. */
  leave(source: WorkSource): void {
    this.#sources.add(source);
    source.serve(undefined);
    this.#closeWhenQuiet(source);
  }

  /** A link that was another worker's. One to where the server was before is of no use any more. */
  inherit(address: string): WorkSource | undefined {
    for (const source of this.#sources) {
      this.#sources.delete(source);
      if (source.address === address) return source;
      source.puller.close();
    }
    return undefined;
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

  /** With nobody here to take what comes, it is not for ever: workers elsewhere shall get it. */
  async #closeWhenQuiet(source: WorkSource): Promise<void> {
    for (let look = 1; this.#sources.has(source); look++) {
      const wasQuiet = await source.wasQuiet(QUIET);
      if (wasQuiet || (look >= MOST_LOOKS && this.#takers.size === 0)) break;
    }
    if (this.#sources.delete(source)) await source.puller.close();
  }
}
