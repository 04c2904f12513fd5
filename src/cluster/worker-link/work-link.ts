import type { Bytes } from '../../protocol/bytes.ts';
import { EnvelopeCodec } from '../../protocol/envelope.ts';
import { PalmError } from '../../protocol/errors.ts';
import type { PalmMessage } from '../../protocol/message.ts';
import type { Puller, Pusher } from '../../transport.ts';
import { cancelledAnswer } from '../runtime/failures.ts';
import type { Outlet } from '../runtime/flow.ts';

/** A message for a worker. */
export interface Work {
  /** Number of its lease; 0 when it was pushed. */
  readonly lease: number;
  readonly frame: Bytes;
}

/** A worker's link to its Master: work comes from it, and results go to it. */
export interface WorkLink<T extends Work = Work> extends Outlet<T>, AsyncIterator<readonly T[], undefined> {
  /** Whether the Master is there, as far as is known. */
  readonly isThere: boolean;
  /** Takes a result of an item. Returns its bytes. */
  add(result: PalmMessage, work: T): number;
  /** Begins an item. Returns its frame; undefined when the item was returned meanwhile. */
  begin(work: T): Bytes | undefined;
  /** Tells how far an item is, unless the Master takes no such thing. */
  tell(progress: PalmMessage, work: T): void;
  /** Resolves with the next items. */
  next(): Promise<IteratorResult<readonly T[], undefined>>;
  /** What a flow calls of its source when items have to wait. Named here so that no link has another thing of this name. */
  held?(): void;
  /** Takes no more work, and returns items that were not begun when the Master takes them back. */
  stop(): void;
  /** Sends the last results, within `timeout` milliseconds, and says good-bye. Call it when no item is worked on. */
  leave(timeout: number): Promise<void>;
  /** Tells the Master after a failure that others may have this worker's items. It would not notice while the transport's link stays. */
  forsake(): Promise<void>;
}

/** Work that was pushed. */
interface PushedWork extends Work {
  isAnswered: boolean;
}

const CANCELLED = new PalmError('CANCELLED', 'the caller gave the call up');

export interface PushedLinkSettings {
  /** Pulls from the Master's `worker_push_address`. */
  readonly puller: Puller;
  /** Pushes to its `worker_pull_address`. */
  readonly pusher: Pusher;
  /** Called with the number of results that could not be sent. */
  readonly onLost: (count: number, error: unknown) => void;
}

/** The link to a Master that pushes work to any worker that pulls, as pylm's does. */
export class PushedLink implements WorkLink<PushedWork> {
  readonly #settings: PushedLinkSettings;
  readonly #frames: AsyncIterator<readonly Bytes[], undefined>;
  readonly #codec = new EnvelopeCodec();
  /** Results, and progress among them. */
  #results: Bytes[] = [];
  /** How many of them are progress. */
  #told = 0;
  readonly #closers: (() => void)[] = [];
  #isStopped = false;
  /** Whether the Master takes progress among the results, as far as is known. To pylm's it would be a result. */
  takesProgress = false;

  constructor(settings: PushedLinkSettings) {
    this.#settings = settings;
    this.#frames = settings.puller[Symbol.asyncIterator]();
  }

  get isThere(): boolean {
    return this.#settings.puller.isReady && this.#settings.pusher.isReady;
  }

  async next(): Promise<IteratorResult<readonly PushedWork[], undefined>> {
    const { done, value } = await this.#frames.next();
    if (done) return { done, value: undefined };
    return { done: false, value: value.map((frame) => ({ lease: 0, frame, isAnswered: false })) };
  }

  begin({ frame }: PushedWork): Bytes {
    return frame;
  }

  add(result: PalmMessage, work: PushedWork): number {
    work.isAnswered = true;
    const frame = this.#codec.encode(result);
    this.#results.push(frame);
    return frame.length;
  }

  tell(progress: PalmMessage): void {
    if (!this.takesProgress) return;
    this.#results.push(this.#codec.encode(progress));
    this.#told++;
  }

  /** A cancelled message is answered, too: the Master counts the results of what it pushed. */
  done(work: PushedWork): void {
    if (work.isAnswered) return;
    try {
      const message = this.#codec.decode(work.frame);
      this.#results.push(this.#codec.encode(cancelledAnswer(message, CANCELLED)));
    } catch {
      // Nobody is answered for a frame that is not a message.
    }
  }

  async flush(): Promise<boolean> {
    const results = this.#results;
    if (results.length === 0) return true;
    const count = results.length - this.#told;
    this.#results = [];
    this.#told = 0;
    try {
      await this.#settings.pusher.send(results);
    } catch (error) {
      if (count > 0) this.#settings.onLost(count, error);
    }
    return true;
  }

  /** Pulls no more. What was pushed to this worker cannot be returned. */
  stop(): void {
    this.#settings.puller.close();
    this.#isStopped = true;
    for (const close of this.#closers) close();
  }

  /** Calls `close` when it takes no more work. */
  onStop(close: () => void): void {
    if (this.#isStopped) close();
    else this.#closers.push(close);
  }

  async leave(timeout: number): Promise<void> {
    await this.#settings.pusher.close({ timeout });
  }

  async forsake(): Promise<void> {}

  /** Calls `listener` each time a link to the Master breaks. */
  onBreak(listener: () => void): void {
    for (const channel of [this.#settings.puller, this.#settings.pusher]) channel.onBreak(listener);
  }

  /** Takes no more work and gives up results that wait to be sent: the Master has moved. */
  abandon(): void {
    this.stop();
    this.#settings.pusher.close({ timeout: 0 });
  }
}
