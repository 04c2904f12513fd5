import { BatchQueue } from '../../src/async/batch-queue.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { RELAYED_DELIVERIES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { isClosed, PalmError, type PalmErrorCode } from '../../src/protocol/errors.ts';
import { remoteReason } from '../../src/protocol/printable.ts';
import type { Channel, CloseOptions, Delivery, Puller, Subscription } from '../../src/transport.ts';
import { ChannelKind, type Frame, Type } from '../relay-protocol/frames.ts';
import { broken } from '../relay-protocol/msgpack.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import type { SessionTerms } from './shared-session.ts';

/** What a channel needs of its connection. */
export interface ChannelContext {
  readonly host: ChannelHost & { release(channel: RelayedChannel): void };
  /** Number of the channel. */
  readonly number: number;
  readonly address: string;
  /** @param flow - names the frames that this one must stay in order with. */
  post(frame: Frame, flow?: () => string): void;
}

/** A channel that the relay opens for the client. */
export abstract class RelayedChannel extends Readiness implements Channel {
  protected readonly context: ChannelContext;
  /** How often the relay has reported the channel ready. */
  protected generation = 0;
  protected terms: SessionTerms | undefined;

  constructor(context: ChannelContext) {
    super();
    this.context = context;
  }

  /** One of {@link ChannelKind}. */
  protected abstract readonly kind: number;

  protected get topic(): string {
    return '';
  }

  get number(): number {
    return this.context.number;
  }

  /** Opens the channel in a new session. */
  open(terms: SessionTerms): void {
    const { number, address, post, host } = this.context;
    this.terms = terms;
    host.report({ type: 'connecting', address }, this);
    post([Type.open, number, this.kind, address, this.topic]);
  }

  /** Handles a frame of the relay for this channel. */
  said(frame: Frame): void {
    switch (frame[0]) {
      case Type.ready:
        this.generation = frame[2];
        this.becameReady(frame[3]);
        this.context.host.report({ type: 'connected', address: this.context.address }, this);
        this.setReady();
        return;
      case Type.broken:
        this.break(relayedError(frame[2], frame[3]));
        return;
      case Type.refused:
        this.refused(relayedError(frame[2], frame[3]));
        return;
      default:
        this.took(frame);
    }
  }

  refused(error: PalmError): void {
    this.setRefused(error);
    this.ended(error);
  }

  break(error: PalmError): void {
    const { host, address } = this.context;
    host.report({ type: 'disconnected', address, reason: error.message }, this);
    this.setBroken(error);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    await this.drain(options.timeout ?? 0);
    const { number, address, post, host } = this.context;
    const error = isClosed(`the connection to ${address}`);
    this.setClosed(error);
    this.ended(error);
    post([Type.close, number]);
    host.release(this);
  }

  protected becameReady(_isProved: boolean): void {}

  /** Frames that wait will not be sent. */
  protected ended(_error: PalmError): void {}

  protected async drain(_timeout: number): Promise<void> {}

  /** Handles frames that only some kinds of channel get. */
  protected took(frame: Frame): void {
    throw broken(`frame ${frame[0]} is out of place`);
  }
}

/** The error that a relay reports. Codes of later relays, which are not known here, are passed on. */
export function relayedError(code: string, text: string): PalmError {
  const known = /^[A-Z_]{1,32}$/.test(code) ? code : 'PROTOCOL';
  return new PalmError(known as PalmErrorCode, remoteReason(text), { sent: 'unknown' });
}

/** The error for a frame that is larger than the relay's limit. */
export function tooLarge(size: number, limit: number): PalmError {
  const text = `a message of ${size} bytes is over the relay's limit of ${limit}; send less, or raise maxFrame there`;
  return new PalmError('TOO_LARGE', text, { sent: false });
}

// The channels that receive: subscriptions, and a worker's work.

export class RelayedSubscription extends RelayedChannel implements Subscription {
  protected readonly kind: number = ChannelKind.subscribe;
  readonly #queue = new BatchQueue<Delivery>(RELAYED_DELIVERIES);
  readonly #topicNow: () => string;
  readonly #onFull: (room: Promise<void>) => void;
  isProved = false;

  /**
   * @param topicNow - returns the topic under the client's current id.
   * @param onFull - called when the reader is far behind, with a promise that resolves when it has caught up.
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
    // Not copied: the client reads them at once, and copies their payloads.
    this.#queue.push(frame[2]);
    if (!this.#queue.isFull) return;
    const { host, address } = this.context;
    host.report({ type: 'slow', address, queued: this.#queue.size });
    this.#onFull(this.#queue.room());
  }
}

export class RelayedPuller extends RelayedChannel implements Puller {
  protected readonly kind: number = ChannelKind.pull;
  readonly #queue = new BatchQueue<Bytes>(Number.POSITIVE_INFINITY);
  /** Frames that came and are not confirmed as begun. */
  #held = 0;

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return {
      next: () => {
        // The reader has begun the frames that it got so far.
        this.#hold(this.#queue.size);
        return this.#queue.next();
      },
    };
  }

  override async close(options?: CloseOptions): Promise<void> {
    // Frames that have arrived are still read here, so others must not get them.
    this.#hold(0);
    await super.close(options);
    this.#queue.end();
  }

  override break(error: PalmError): void {
    // The relay gives frames that were not begun to others.
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
    // The message that they came in would stay in memory with them.
    this.#queue.push(frame[2].map((own) => own.slice()));
  }

  /** Confirms all frames but the last `count`. */
  #hold(count: number): void {
    const taken = this.#held - count;
    if (taken <= 0) return;
    this.#held = count;
    this.context.post([Type.taken, this.number, taken]);
  }
}
