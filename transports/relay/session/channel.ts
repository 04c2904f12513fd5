/** The channels that a client has, on the relay's side. */

import { ANSWER_PART_BYTES } from '../../../src/flow-control.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { PalmError } from '../../../src/protocol/errors.ts';
import { answersTopic } from '../../../src/protocol/progress.ts';
import type { Delivery, Pusher, Subscription } from '../../../src/transport.ts';
import { type Frame, Type } from '../../relay-protocol/frames.ts';
import type { CallGuard } from '../auth/call-guard.ts';
import type { JudgedClient } from '../auth/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { ChannelUser, SharedChannel, UpstreamChannel } from '../upstream/upstream-channel.ts';
import type { AnswerBudget } from './answer-budget.ts';
import type { WorkAssignments } from './assigned-work.ts';

/** What a channel needs of its client's session. */
export interface ChannelContext extends JudgedClient {
  /** Whether the client's id is one that another relay gave, whose session this one has adopted. */
  readonly isAdopted: boolean;
  /** Checks calls before they leave. */
  readonly callGuard: CallGuard;
  /** Bytes that the client may have under way on its channels to one address. */
  readonly window: number;
  /** Gives places to calls, by the size of the answers that the client can take. */
  readonly callBudget: AnswerBudget;
  /** The work that the client was given, for which it may send results. */
  readonly assignments: WorkAssignments;
  /** @param flow - names the frames that this one must stay in order with; left out, it may overtake large frames. */
  post(frame: Frame, flow?: () => string): void;
  /** Whether so many bytes would be sent at once and in one message. */
  takes(bytes: number): boolean;
  /** Bytes that an envelope counts for in the client's window. */
  counted(frame: Bytes): number;
  /** The relay keeps so many more bytes for the client; fewer, if negative. */
  holds(bytes: number): void;
  /** Answers a call that the relay refuses. */
  answer(topic: string, answer: Bytes): void;
  /** What a server publishes for this one channel has come. */
  came(deliveries: readonly Delivery[], channel: SessionSubscription): void;
  /** So many calls have left for a server. */
  called(count: number, upstream: Upstream): void;
  /** Ends the session of a client that breaks the protocol. */
  violated(error: unknown): void;
}

/** A client's channel of any kind. */
export interface SessionChannel {
  readonly upstream: Upstream;
  /** Whether only workers may open it. */
  readonly isForWork: boolean;
  /** Bytes that it holds beside the frames that pass. */
  readonly size: number;
  close(): void;
}

/** A client's channel that forwards over a channel to a server, which the relay's clients share. */
export abstract class ForwardingChannel<C extends Pusher | Subscription>
  implements SessionChannel, ChannelUser<C>
{
  readonly size: number = 0;
  readonly number: number;
  readonly upstream: Upstream;
  protected readonly context: ChannelContext;
  protected shared: SharedChannel<C> | undefined;
  /** How often the channel became ready. Frames for an earlier time are dropped. */
  protected generation = 0;
  protected isReady = false;
  #upstreamChannel: UpstreamChannel<C> | undefined;

  constructor(number: number, context: ChannelContext, upstream: Upstream) {
    this.number = number;
    this.context = context;
    this.upstream = upstream;
  }

  /** Separate from the constructor, because `becameReady` may be called at once. */
  attach(channel: UpstreamChannel<C>): void {
    this.#upstreamChannel = channel;
    channel.add(this);
  }

  joined(shared: SharedChannel<C>): void {
    this.shared = shared;
  }

  becameReady(): void {
    if (this.isReady) return;
    this.isReady = true;
    this.generation++;
    this.say([Type.ready, this.number, this.generation, this.isProved]);
  }

  broke(error: PalmError): void {
    if (!this.isReady) return;
    this.isReady = false;
    const { code, message } = this.upstream.errorForClients(error);
    this.say([Type.broken, this.number, code, message]);
  }

  wasRefused(error: PalmError): void {
    this.isReady = false;
    const { code, message } = this.upstream.errorForClients(error);
    this.say([Type.refused, this.number, code, message]);
  }

  close(): void {
    this.isReady = false;
    this.#upstreamChannel?.remove(this);
  }

  get isForWork(): boolean {
    return false;
  }

  /** Tells the client what becomes of the channel, in the order in which it does. */
  protected say(frame: Frame): void {
    this.context.post(frame, () => `${this.number}`);
  }

  protected get isProved(): boolean {
    return true;
  }
}

/** Forwards deliveries under a client's topic to the client. */
export class SessionSubscription extends ForwardingChannel<Subscription> {
  override readonly size: number;
  readonly topic: string;
  /** Of a session that was adopted: the relay's clients share none to its topics. */
  #own: UpstreamChannel<Subscription> | undefined;

  constructor(number: number, context: ChannelContext, upstream: Upstream, topic: string) {
    super(number, context, upstream);
    this.topic = topic;
    this.size = 2 * topic.length;
  }

  /** Whether it gets what the relay reads for all of its clients. */
  get isShared(): boolean {
    return this.#own === undefined;
  }

  /** Begins. @param from - the position up to which the client has all answers; undefined for those that come. */
  begin(from?: number): void {
    if (this.context.isAdopted) {
      this.#own = this.upstream.adopt(this.topic, from, (deliveries) => this.context.came(deliveries, this));
    }
    this.attach(this.#own ?? this.upstream.answers);
  }

  override close(): void {
    super.close();
    if (this.#own !== undefined) this.upstream.release(this.#own);
  }

  deliver(deliveries: readonly Delivery[]): void {
    const parts = this.context.takes(sizeOf(deliveries)) ? [deliveries] : partsOf(deliveries);
    for (const [i, part] of parts.entries()) {
      this.context.post(
        this.written(part, parts[i + 1]?.[0]?.position),
        () => `${this.number} ${answersTopic(part[0]?.topic ?? '')}`,
      );
    }
  }

  /** The frame for deliveries. @param next - the position of the delivery behind them, which may be the last of them, too. */
  protected written(deliveries: readonly Delivery[], _next: number | undefined): Frame {
    return [Type.results, this.number, deliveries];
  }

  protected override get isProved(): boolean {
    return this.shared?.channel.isProved ?? false;
  }
}

/** Says of all deliveries which place they have, so that the client can go on behind it at another relay. */
export class PlacedSubscription extends SessionSubscription {
  #count = 0;
  /** The position up to which the client has been sent everything; -1 before one is known. */
  #reached = -1;

  override begin(from?: number): void {
    this.#reached = from ?? -1;
    super.begin(from);
  }

  override becameReady(): void {
    // First: a client that calls, and whose relay is gone before it hears of the place, would miss the answer.
    this.tellReached();
    super.becameReady();
  }

  /** Tells the client what it need not ask for again, although nothing came for it. */
  tellReached(): void {
    const position = this.shared?.channel.position ?? -1;
    if (position <= this.#reached) return;
    this.#reached = position;
    this.say([Type.placed, this.number, ++this.#count, position, [], []]);
  }

  protected override written(deliveries: readonly Delivery[], next: number | undefined): Frame {
    const last = deliveries.at(-1)?.position;
    if (last !== undefined && last !== next) this.#reached = Math.max(this.#reached, last);
    const positions = deliveries.map(({ position = 0 }) => position);
    return [Type.placed, this.number, ++this.#count, Math.max(0, this.#reached), positions, deliveries];
  }
}

/** Bytes of a frame with all of the deliveries, at most: one that had to wait would stay in order with its first topic only. */
function sizeOf(deliveries: readonly Delivery[]): number {
  let size = 2 * LARGEST_HEAD;
  for (const { topic, frames } of deliveries) {
    size += LARGEST_HEAD + LARGEST_UNIT * topic.length;
    for (const { length } of frames) size += LARGEST_HEAD + length;
  }
  return size;
}

/** More bytes than stand in front of an envelope, or of a delivery with its position. In front of them all stand up to twice as many. */
const LARGEST_HEAD = 32;
/** Bytes of a UTF-16 unit at most. */
const LARGEST_UNIT = 3;

/** Splits deliveries into parts of one topic each, with at most {@link ANSWER_PART_BYTES} bytes or one envelope. */
function partsOf(deliveries: readonly Delivery[]): Delivery[][] {
  const parts: Delivery[][] = [];
  for (const { topic, frames, position } of deliveries) {
    let part: Bytes[] = [];
    let size = 0;
    for (const frame of frames) {
      if (part.length === 0 || size + frame.length > ANSWER_PART_BYTES) {
        part = [];
        size = 0;
        parts.push([{ topic, frames: part, position }]);
      }
      part.push(frame);
      size += frame.length;
    }
  }
  return parts;
}
