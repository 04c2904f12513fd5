import type { Subscriber } from 'zeromq';
import { BatchQueue } from '../../src/async/batch-queue.ts';
import { startTimer } from '../../src/async/timers.ts';
import { PUBLISHED, PUBLISHED_BYTES } from '../../src/flow-control.ts';
import { proofOf } from '../../src/protocol/topics.ts';
import type { CloseOptions, Delivery, Subscription } from '../../src/transport.ts';
import { type DialContext, Dialled, type OpenSocket } from './dialled.ts';
import { plain, readInto } from './reader.ts';

/** Takes what one PUB publishes under one prefix. */
export class ZeromqSubscription extends Dialled<Subscriber> implements Subscription {
  readonly #queue = new BatchQueue<Delivery>(PUBLISHED, { sizeOf, bytes: PUBLISHED_BYTES });
  /** Topic under which a publisher confirms the subscription. */
  readonly #proof: string;
  readonly #margin: number;
  readonly #recent = new RecentTopic();
  #stopMargin = () => {};
  #isProved = false;

  constructor(open: OpenSocket<Subscriber>, topic: string, margin: number, context: DialContext) {
    super(open, context);
    const { socket } = this;
    this.#proof = proofOf(topic);
    this.#margin = margin;
    socket.subscribe(topic);
    // It follows the other subscription.
    if (this.#proof !== topic) socket.subscribe(this.#proof);
    readInto(
      socket,
      this.#queue,
      (parts, into) => this.#take(parts, into),
      (queued) => this.reportSlow(queued),
      this.progress,
    );
  }

  get isProved(): boolean {
    return this.#isProved;
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    return this.#queue;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    this.#stopMargin();
    await super.close(options);
    this.#queue.end();
  }

  /**
   * The subscription follows the handshake. A frond server confirms it with an empty delivery. pylm cannot confirm, so there it counts as arrived
   * after a wait that grows with the time that the handshake took.
   */
  protected override connected(took: number): void {
    this.#stopMargin();
    this.#stopMargin = startTimer(Math.max(this.#margin, 10 * took), () => this.setReady());
  }

  protected override disconnected(reason: string): void {
    this.#stopMargin();
    this.#isProved = false;
    super.disconnected(reason);
  }

  #take(parts: Uint8Array[], into: Delivery[]): void {
    const [first, second] = parts;
    if (first === undefined || second === undefined) return;
    const topic = this.#recent.read(first);
    if (parts.length > 2) into.push({ topic, frames: parts.slice(1).map(plain) });
    else if (second.length > 0) into.push({ topic, frames: [plain(second)] });
    else if (topic === this.#proof) this.#proved();
  }

  #proved(): void {
    this.#stopMargin();
    this.#isProved = true;
    this.setReady();
  }
}

function sizeOf({ topic, frames }: Delivery): number {
  let size = topic.length;
  for (const { length } of frames) size += length;
  return size;
}

/** Reads topics. Most are the same as the one before, which saves decoding them. */
class RecentTopic {
  #bytes: Uint8Array = new Uint8Array(0);
  #topic = '';

  read(bytes: Uint8Array): string {
    if (!this.#isSame(bytes)) {
      this.#bytes = bytes;
      this.#topic = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    }
    return this.#topic;
  }

  /** For so few bytes a loop is faster than native code. */
  #isSame(bytes: Uint8Array): boolean {
    const recent = this.#bytes;
    const { length } = bytes;
    if (length !== recent.length) return false;
    for (let i = 0; i < length; i++) if (bytes[i] !== recent[i]) return false;
    return true;
  }
}
