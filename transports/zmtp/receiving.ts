/** The dialling ends that only receive: pullers and subscriptions. */

import { BatchQueue, type ByteMark } from '../../src/async/batch-queue.ts';
import { startTimer } from '../../src/async/timers.ts';
import { PUBLISHED, PUBLISHED_BYTES, PULLED, PULLED_BYTES, READ_PAUSE } from '../../src/flow-control.ts';
import { type Bytes, isAlike } from '../../src/protocol/bytes.ts';
import type { PalmError } from '../../src/protocol/errors.ts';
import { proofOf, SLASH } from '../../src/protocol/topics.ts';
import type { CloseOptions, Delivery, Puller, SubscribeOptions, Subscription } from '../../src/transport.ts';
import { pingCommand, subscribeCommand } from './commands.ts';
import { type DialContext, Dialled } from './dialled.ts';
import { MORE } from './frame-reader.ts';
import { gatherMessage } from './gather.ts';
import type { Link } from './link.ts';
import { ReadPace } from './read-pace.ts';

abstract class Receiving<T> extends Dialled {
  protected readonly queue: BatchQueue<T>;
  protected batch: T[] = [];

  constructor(context: DialContext, highWaterMark: number, mark: ByteMark<T>) {
    super(context);
    this.queue = new BatchQueue<T>(highWaterMark, mark);
  }

  [Symbol.asyncIterator](): AsyncIterator<T[], undefined> {
    return this.queue;
  }

  override pieceEnds(link: Link): void {
    if (this.batch.length === 0) return;
    const { batch } = this;
    this.batch = [];
    this.queue.push(batch);
    if (!this.queue.isFull) return;
    this.reportSlow(this.queue.size);
    link.pause();
    this.queue.room().then(() => link.resume());
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    await super.close(options);
    this.queue.end();
  }
}

/** Takes its share of the frames of one PUSH. */
export class ZmtpPuller extends Receiving<Bytes> implements Puller {
  readonly socketType = 'PULL';
  override readonly isHeldUp = true;

  constructor(context: DialContext) {
    const sizeOf = ({ length }: Bytes) => length;
    super(context, context.settings.receiveHighWaterMark ?? PULLED, { sizeOf, bytes: PULLED_BYTES });
  }

  /** Each part is a message: peers send a batch as one multipart message. */
  frame(_link: Link, _flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    this.batch.push(isOwn ? (bytes as Bytes) : this.own.copy(bytes, start, end));
  }
}

/** PONGs that say that a subscription was read. libzmq answers a PING before it hands on what it has read with it, but not the next. */
const PONGS = 2;

/** Milliseconds in which a peer answers a PING, if its version of ZMTP has it. */
const PONG_TIMEOUT = 5_000;

/** Takes what one PUB publishes under one prefix. */
export class ZmtpSubscription extends Receiving<Delivery> implements Subscription {
  readonly socketType = 'SUB';
  readonly #topic: Uint8Array;
  /** Topic under which a publisher confirms the subscription. */
  readonly #proof: string;
  /** Milliseconds in which the publisher confirms the subscription; 0 when it is not known to do so. */
  readonly #proofTimeout: number;
  readonly #recent = new RecentTopic();
  readonly #pace: ReadPace | undefined;
  /** Frames of the deliveries of this piece. */
  #frames = 0;
  #stopMargin = () => {};
  #isProved = false;
  /** PONGs that are waited for, until the publisher has read the subscription. Later ones are of heartbeats. */
  #pongs = 0;
  #read: string | undefined;

  constructor(
    context: DialContext,
    topic: string,
    { proofTimeout = 0, maxUnread, awaited }: SubscribeOptions,
  ) {
    const mark = maxUnread ?? context.settings.receiveHighWaterMark ?? PUBLISHED;
    super(context, mark, { sizeOf, bytes: PUBLISHED_BYTES });
    this.#topic = new TextEncoder().encode(topic);
    this.#proof = proofOf(topic);
    this.#proofTimeout = proofTimeout;
    this.#pace = awaited && new ReadPace(awaited);
  }

  get isProved(): boolean {
    return this.#isProved;
  }

  frame(link: Link, flags: number, bytes: Uint8Array, start: number, end: number, isOwn: boolean): void {
    if (link.parts.length === 0 && this.#read === undefined && (flags & MORE) !== 0) {
      this.#read = this.#recent.read(bytes, start, end);
      link.partBytes = end - start;
      return;
    }
    const frames = gatherMessage(link, this, flags, bytes, start, end, isOwn);
    if (frames === undefined) return;
    const topic = this.#read;
    this.#read = undefined;
    // A message of one part has only a topic.
    if (topic === undefined) return;
    if (frames.length > 1 || (frames[0]?.length ?? 0) > 0) {
      this.#frames += frames.length;
      this.batch.push({ topic, frames });
    } else if (topic === this.#proof) this.#proved();
  }

  override pieceEnds(link: Link): void {
    super.pieceEnds(link);
    const frames = this.#frames;
    this.#frames = 0;
    if (frames > 0 && this.#pace?.pausesAfter(frames, performance.now())) link.pauseFor(READ_PAUSE);
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    this.#stopMargin();
    await super.close(options);
  }

  /** With the last PONG the publisher has read the subscription, and libzmq's takes it at its next publication that is a millisecond later or more. */
  answered(link: Link): void {
    if (this.#pongs === 0) return;
    this.#pongs--;
    if (this.#pongs > 0) this.#ask(link);
    else if (!this.isReady) this.#readyAfter(this.settings.subscriptionMargin);
  }

  /**
   * The subscription follows the handshake. A frond server confirms it with an empty delivery. pylm cannot confirm, so there a PING follows, and
   * another one its PONG: peers read in order. A while after the second it counts as arrived. For one that answers no PING, the wait grows with the
   * time that the handshake took.
   */
  protected override connected(link: Link): void {
    this.#read = undefined;
    this.#subscribe(link, this.#topic);
    const proof = new TextEncoder().encode(this.#proof);
    if (proof.length !== this.#topic.length || this.#topic.at(-1) !== SLASH) this.#subscribe(link, proof);
    this.#pongs = this.#proofTimeout === 0 ? PONGS : 0;
    this.#readyAfter(Math.max(this.#proofTimeout, this.settings.subscriptionMargin, 10 * link.age));
    if (this.#pongs > 0) this.#ask(link);
  }

  #ask(link: Link): void {
    link.sendCommand(pingCommand(0));
    if (link.takesCommands && !this.isReady) this.#readyAfter(PONG_TIMEOUT);
  }

  protected override disconnected(error: PalmError): void {
    this.#stopMargin();
    this.#isProved = false;
    super.disconnected(error);
  }

  #readyAfter(margin: number): void {
    this.#stopMargin();
    this.#stopMargin = startTimer(margin, () => this.setReady());
  }

  #subscribe(link: Link, topic: Uint8Array): void {
    if (link.takesCommands) link.sendCommand(subscribeCommand(topic));
    else link.send(Uint8Array.of(1, ...topic), false);
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

  read(bytes: Uint8Array, start: number, end: number): string {
    if (!this.#isSame(bytes, start, end)) {
      this.#bytes = bytes.slice(start, end);
      this.#topic = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
    }
    return this.#topic;
  }

  /** For so few bytes a loop is faster than native code. */
  #isSame(bytes: Uint8Array, start: number, end: number): boolean {
    const recent = this.#bytes;
    const length = end - start;
    return length === recent.length && isAlike(bytes, start, recent, 0, length);
  }
}
