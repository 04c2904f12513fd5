import { atMost } from '../../src/async/timers.ts';
import { Fifo } from '../../src/async/fifo.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { Puller } from '../../src/transport.ts';

/** Reads what is pushed, no faster than it is taken. */
export class WorkSource {
  readonly address: string;
  readonly puller: Puller;
  readonly #reading: Promise<void>;
  /** Called when there is something to take. */
  readonly #onWork: (source: WorkSource) => void;
  readonly #read = new Fifo<Bytes>();
  #resume = () => {};
  #isQuiet = true;

  constructor(address: string, puller: Puller, onWork: (source: WorkSource) => void) {
    this.address = address;
    this.puller = puller;
    this.#onWork = onWork;
    this.#reading = this.#pull();
  }

  /** Frames that were read and not taken. */
  get waiting(): number {
    return this.#read.size;
  }

  /** The next frame, if there is one. */
  take(): Bytes | undefined {
    const frame = this.#read.shift();
    if (this.#read.size === 0) this.#resume();
    return frame;
  }

  takeAll(): Bytes[] {
    const taken: Bytes[] = [];
    for (let frame = this.#read.shift(); frame !== undefined; frame = this.#read.shift()) taken.push(frame);
    this.#resume();
    return taken;
  }

  /** Resolves after so many milliseconds, when it has ended, or with `until`, with whether nothing came meanwhile. */
  async wasQuiet(time: number, until: Promise<void>): Promise<boolean> {
    this.#isQuiet = true;
    await atMost(time, Promise.race([this.#reading, until]));
    return this.#isQuiet;
  }

  async #pull(): Promise<void> {
    const batches = { [Symbol.asyncIterator]: () => this.puller[Symbol.asyncIterator]() };
    for await (const frames of batches) {
      this.#isQuiet = false;
      for (const frame of frames) this.#read.push(frame);
      const taken = new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
      this.#onWork(this);
      // Not read on while there is enough: others shall get it.
      if (this.#read.size > 0) await taken;
    }
  }
}
