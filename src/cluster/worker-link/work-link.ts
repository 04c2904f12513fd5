import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { Puller, Pusher } from '../../transport.ts';
import type { Outlet } from '../runtime/flow.ts';

/** A message that a worker is to work on. */
export interface Work {
  /** The Master's number for it; 0 when it gave none. */
  readonly lease: number;
  readonly frame: Bytes;
}

/** A worker's way to its Master: where work comes from and results go. */
export interface WorkLink<T extends Work = Work> extends Outlet<T>, AsyncIterator<readonly T[], undefined> {
  /** What is worked on now; undefined when it was given back meanwhile. */
  begin(work: T): Bytes | undefined;
  next(): Promise<IteratorResult<readonly T[], undefined>>;
  /** Takes no more work. What was not begun is given back, where the Master takes it. */
  stop(): void;
  /** Sends what is left, when nothing is worked on any more, and says good-bye. */
  leave(timeout: number): Promise<void>;
  /** After a failure: what was given over this link is for others, which nobody would know while the transport's link stays. */
  forsake(): Promise<void>;
}

// Work that a Master pushes to whoever pulls, as pylm's do.

export interface PushedLinkSettings {
  /** From the Master's `worker_push_address`. */
  readonly puller: Puller;
  /** To its `worker_pull_address`. */
  readonly pusher: Pusher;
  /** Told of results that could not be sent. */
  readonly onLost: (count: number, error: unknown) => void;
}

export class PushedLink implements WorkLink {
  readonly #settings: PushedLinkSettings;
  readonly #frames: AsyncIterator<readonly Bytes[], undefined>;
  readonly #codec = new EnvelopeCodec();
  #results: Bytes[] = [];

  constructor(settings: PushedLinkSettings) {
    this.#settings = settings;
    this.#frames = settings.puller[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<readonly Work[], undefined>> {
    const { done, value } = await this.#frames.next();
    if (done) return { done, value: undefined };
    return { done: false, value: value.map((frame) => ({ lease: 0, frame })) };
  }

  begin({ frame }: Work): Bytes {
    return frame;
  }

  add(result: PalmMessage): void {
    this.#results.push(this.#codec.encode(result));
  }

  done(): void {}

  async flush(): Promise<boolean> {
    const results = this.#results;
    if (results.length === 0) return true;
    this.#results = [];
    try {
      await this.#settings.pusher.send(results);
    } catch (error) {
      this.#settings.onLost(results.length, error);
    }
    return true;
  }

  /** What the Master has pushed here is this worker's: it cannot be given back. */
  stop(): void {
    this.#settings.puller.close();
  }

  async leave(timeout: number): Promise<void> {
    await this.#settings.pusher.close({ timeout });
  }

  async forsake(): Promise<void> {}

  /** Calls `listener` each time a link to the Master breaks. */
  onBreak(listener: () => void): void {
    for (const channel of [this.#settings.puller, this.#settings.pusher]) channel.onBreak(listener);
  }

  /** The Master is elsewhere: takes no more work here, and gives up what waits to be sent. */
  abandon(): void {
    this.stop();
    this.#settings.pusher.close({ timeout: 0 });
  }
}
