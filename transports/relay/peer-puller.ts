import type { Bytes } from '../../src/protocol/utf8.ts';
import type { Puller } from '../../src/transport.ts';
import { Type } from '../websocket/frames.ts';
import type { PeerChannel, PeerContext } from './peer-channels.ts';
import type { Upstream } from './upstream.ts';

/** Frames of work that one client may have that it has not taken. */
const MOST_WORK = 16;

/** Gives a client work, a little at a time, and takes back what it has not taken when it vanishes. */
export class PeerPuller implements PeerChannel {
  readonly #number: number;
  readonly #context: PeerContext;
  readonly #upstream: Upstream;
  readonly #onLost: (count: number) => void;
  /** With the client, oldest first. */
  #given: Bytes[] = [];
  /** Read and not given. */
  #read: Bytes[] = [];
  #puller: Puller | undefined;
  #isClosed = false;
  #wake = () => {};
  #stopLooking = () => {};
  #generation = 0;

  constructor(number: number, context: PeerContext, upstream: Upstream, onLost: (count: number) => void) {
    this.#number = number;
    this.#context = context;
    this.#upstream = upstream;
    this.#onLost = onLost;
  }

  async attach(): Promise<void> {
    try {
      const puller = await this.#upstream.work();
      if (this.#isClosed) {
        await puller.close();
        return;
      }
      this.#puller = puller;
      this.#stopLooking = this.#upstream.pool.onWork(() => this.#give());
      puller.onBreak((error) => {
        const { code, message } = this.#upstream.told(error);
        this.#context.post([Type.broken, this.#number, code, message]);
      });
      this.#follow(puller);
      this.#pull(puller);
      this.#give();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** @returns whether the client can have had so many. */
  taken(count: number): boolean {
    if (count > this.#given.length) return false;
    this.#given.splice(0, count);
    this.#give();
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopLooking();
    this.#wake();
    this.#puller?.close();
    const lost = this.#upstream.pool.giveBack([...this.#given, ...this.#read]);
    if (lost > 0) this.#onLost(lost);
    this.#given = [];
    this.#read = [];
  }

  async #follow(puller: Puller): Promise<void> {
    while (!this.#isClosed) {
      try {
        await puller.ready();
      } catch (error) {
        if (!this.#isClosed) this.#refuse(error);
        return;
      }
      this.#context.post([Type.ready, this.#number, ++this.#generation, true]);
      await new Promise<void>((resolve) => {
        const stop = puller.onBreak(() => {
          stop();
          resolve();
        });
        this.#wake = resolve;
      });
    }
  }

  #refuse(error: unknown): void {
    const { code, message } = this.#upstream.told(error);
    this.#context.post([Type.refused, this.#number, code, message]);
  }

  async #pull(puller: Puller): Promise<void> {
    for await (const frames of { [Symbol.asyncIterator]: () => puller[Symbol.asyncIterator]() }) {
      if (this.#isClosed) {
        this.#upstream.pool.giveBack(frames);
        continue;
      }
      for (const frame of frames) this.#read.push(frame);
      this.#give();
      // Not read on while the client has enough: others shall get it.
      if (this.#read.length > 0) await new Promise<void>((resolve) => (this.#resume = resolve));
    }
  }

  #resume = () => {};

  #give(): void {
    if (this.#isClosed) return;
    const room = MOST_WORK - this.#given.length;
    if (room <= 0) return;
    const frames = this.#upstream.pool.take(room);
    frames.push(...this.#read.splice(0, room - frames.length));
    if (this.#read.length === 0) this.#resume();
    if (frames.length === 0) return;
    this.#given.push(...frames);
    this.#context.post([Type.work, this.#number, frames]);
  }
}
