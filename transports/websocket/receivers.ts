/** The channels that receive: subscriptions, and a worker's work. */
import { BatchQueue } from '../../src/async/batch-queue.ts';
import type { Bytes } from '../../src/protocol/utf8.ts';
import type { CloseOptions, Delivery, Puller, Subscription } from '../../src/transport.ts';
import { type ChannelContext, RelayedChannel } from './channel.ts';
import { ChannelKind, type Frame, Type } from './frames.ts';

/** Deliveries that may lie unread before the relay is left without confirmation of more. */
const READ_AHEAD = 10_000;

/** Frames up to this size are copied, so that one that is kept does not keep the whole message it came in. */
const COPIED = 16_384;

export class RelayedSubscription extends RelayedChannel implements Subscription {
  protected readonly kind = ChannelKind.subscribe;
  readonly #queue = new BatchQueue<Delivery>(READ_AHEAD);
  readonly #topicNow: () => string;
  readonly #onFull: (room: Promise<void>) => void;
  isProved = false;

  /**
   * @param topicNow - the topic under the id that the client has now.
   * @param onFull - told when the reader is far behind, and when it will have caught up.
   */
  constructor(context: ChannelContext, topicNow: () => string, onFull: (room: Promise<void>) => void) {
    super(context);
    this.#topicNow = topicNow;
    this.#onFull = onFull;
  }

  protected override get topic(): string {
    return this.#topicNow();
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[], undefined> {
    return this.#queue;
  }

  override async close(options?: CloseOptions): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }

  protected override becameReady(isProved: boolean): void {
    this.isProved = isProved;
  }

  protected override took(frame: Frame): void {
    if (frame[0] !== Type.results) {
      super.took(frame);
      return;
    }
    this.#queue.push(frame[2].map(({ topic, frames }) => ({ topic, frames: frames.map(owned) })));
    if (!this.#queue.isFull) return;
    const { host, address } = this.context;
    host.report({ type: 'slow', address, queued: this.#queue.size });
    this.#onFull(this.#queue.room());
  }
}

export class RelayedPuller extends RelayedChannel implements Puller {
  protected readonly kind = ChannelKind.pull;
  readonly #queue = new BatchQueue<Bytes>(Number.POSITIVE_INFINITY);
  /** Frames that the reader has: they are off its hands when it asks for more. */
  #handed = 0;

  [Symbol.asyncIterator](): AsyncIterator<readonly Bytes[], undefined> {
    return { next: () => this.#next() };
  }

  override async close(options?: CloseOptions): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }

  protected override took(frame: Frame): void {
    if (frame[0] === Type.work) this.#queue.push(frame[2].map(owned));
    else super.took(frame);
  }

  async #next(): Promise<IteratorResult<readonly Bytes[], undefined>> {
    if (this.#handed > 0) this.context.post([Type.taken, this.number, this.#handed]);
    this.#handed = 0;
    const batch = await this.#queue.next();
    this.#handed = batch.value?.length ?? 0;
    return batch;
  }
}

function owned(frame: Bytes): Bytes {
  return frame.length <= COPIED ? frame.slice() : frame;
}
