import { atMost } from '../../src/async/deadline.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Puller } from '../../src/transport.ts';

/** Reads what is pushed, no faster than it is taken. */
export class WorkSource {
  readonly address: string;
  readonly puller: Puller;
  readonly #reading: Promise<void>;
  /** Takes what nobody takes here. */
  readonly #giveBack: (frames: readonly Bytes[]) => void;
  /** Called when there is something to take; undefined while there is nobody. */
  #onWork: (() => void) | undefined;
  #read: Bytes[] = [];
  #resume = () => {};
  #isQuiet = true;

  constructor(address: string, puller: Puller, giveBack: (frames: readonly Bytes[]) => void) {
    this.address = address;
    this.puller = puller;
    this.#giveBack = giveBack;
    this.#reading = this.#pull();
  }

  /** Says who takes what comes from now on; undefined for nobody. */
  serve(onWork: (() => void) | undefined): void {
    this.#onWork = onWork;
    if (onWork === undefined) this.#giveBack(this.take(Number.POSITIVE_INFINITY));
  }

  take(count: number): Bytes[] {
    const taken = this.#read.splice(0, count);
    if (this.#read.length === 0) this.#resume();
    return taken;
  }

  /** Resolves after so many milliseconds, or when it has ended, with whether nothing came meanwhile. */
  async wasQuiet(time: number): Promise<boolean> {
    this.#isQuiet = true;
    await atMost(time, this.#reading);
    return this.#isQuiet;
  }

  async #pull(): Promise<void> {
    const batches = { [Symbol.asyncIterator]: () => this.puller[Symbol.asyncIterator]() };
    for await (const frames of batches) {
      this.#isQuiet = false;
      if (this.#onWork === undefined) {
        this.#giveBack(frames);
        continue;
      }
      for (const frame of frames) this.#read.push(frame);
      const taken = new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
      this.#onWork();
      // Not read on while there is enough: others shall get it.
      if (this.#read.length > 0) await taken;
    }
  }
}
