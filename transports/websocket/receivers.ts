/** The channels that receive: subscriptions, and a worker's work. */
import { BatchQueue } from '../../src/async/batch-queue.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import type { CloseOptions, Delivery, Puller, Subscription } from '../../src/transport.ts';
import { type ChannelContext, RelayedChannel } from './channel.ts';
import { ChannelKind, type Frame, Type } from '../relay-protocol/frames.ts';

/** Deliveries that may lie unread before the relay is left without confirmation of more. */
const READ_AHEAD = 10_000;

/** Bytes that a frame which is kept may keep beside itself: small frames of larger messages are copied. */
const KEPT = 16_384;

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

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
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
    // Not copied: the client reads them at once, and keeps copies of their payloads.
    this.#queue.push(frame[2]);
    if (!this.#queue.isFull) return;
    const { host, address } = this.context;
    host.report({ type: 'slow', address, queued: this.#queue.size });
    this.#onFull(this.#queue.room());
  }
}

export class RelayedPuller extends RelayedChannel implements Puller {
  protected readonly kind = ChannelKind.pull;
  readonly #queue = new BatchQueue<Bytes>(Number.POSITIVE_INFINITY);
  /** Frames that came and are not off the relay's hands. */
  #held = 0;

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return {
      next: () => {
        // What the reader has got so far is done.
        this.#hold(this.#queue.size);
        return this.#queue.next();
      },
    };
  }

  override async close(options?: CloseOptions): Promise<void> {
    // What is here is still read, and not for others.
    this.#hold(0);
    await super.close(options);
    this.#queue.end();
  }

  override break(error: PalmError): void {
    // What is not done by then is given to others.
    if (error.code === 'LOST') {
      this.#held = 0;
      if (this.#queue.size > 0) this.#queue.next();
    }
    super.break(error);
  }

  protected override took(frame: Frame): void {
    if (frame[0] !== Type.work) {
      super.took(frame);
      return;
    }
    this.#held += frame[2].length;
    this.#queue.push(frame[2].map(owned));
  }

  /** Only so many are still on the relay's hands. */
  #hold(count: number): void {
    const taken = this.#held - count;
    if (taken <= 0) return;
    this.#held = count;
    this.context.post([Type.taken, this.number, taken]);
  }
}

function owned(frame: Bytes): Bytes {
  return frame.length > KEPT || frame.buffer.byteLength <= KEPT ? frame : frame.slice();
}
