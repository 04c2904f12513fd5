/// <reference lib="esnext.disposable" preserve="true" />
// Stays in the declarations: projects for pages have none of these types of their own.
/**
 * The contract every transport keeps. Interfaces only; `test/conformance` tests what they mean, and docs/guide/transports.md has what each verb
 * does in each state.
 *
 * A {@link Transport} is a recipe: cheap, holds nothing, may be shared. {@link Transport.open} gives a
 * {@link Connection}, which belongs to whoever opened it: closing it closes its own channels and nobody else's.
 */

import type { Bytes } from './protocol/bytes.ts';
import type { PalmError } from './protocol/errors.ts';

/** How to reach PALM processes. */
export interface Transport {
  /** Short name, for error messages: `zeromq`, `memory`. */
  readonly name: string;
  /** @throws PalmError `INVALID_CALL` when this transport cannot read the address. */
  checkAddress(address: string): void;
  /**
   * The address to dial for one that a server advertises, when the server itself was reached at `via`: a wildcard
   * or loopback host means nothing on another machine and gives way to the host of `via`.
   */
  resolveAddress(advertised: string, via: string): string;
  /** A new connection. Nothing is dialled before one of its verbs is used. */
  open(): Promise<Connection>;
}

/** A transport whose connections can also be the server's side. */
export interface BindingTransport extends Transport {
  open(): Promise<BindingConnection>;
}

export interface CloseOptions {
  /** Milliseconds given to what was accepted and has not left yet. Default 1000; 0 drops it. */
  readonly timeout?: number | undefined;
}

/** The verbs of whoever dials. Each throws `INVALID_CALL` for an address the transport cannot read. */
export interface Connection extends AsyncDisposable {
  /**
   * Settles {@link id} and {@link keyPrefix}, before anything else is used. Resolves at once, unless others give the id. Called again,
   * it changes neither.
   * @param wished - the id that the client would have; left out, a random one.
   * @throws PalmError `INVALID_CALL` when an id is wished for and others give it, `FORBIDDEN` when they refuse.
   */
  identify(wished?: string): Promise<void>;
  /**
   * Id that the topics of a client on this connection begin with. Where others give it, it is another one after what was
   * under way was `LOST`; subscriptions to what begins with the old one are then to the new one.
   */
  readonly id: string;
  /** What goes in front of every key that is set, read or deleted on this connection. Mostly nothing. */
  readonly keyPrefix: string;
  /** Sends one request, which has one reply. Any number may be under way. */
  request(address: string, frame: Bytes): PendingReply;
  /** Frames to whoever pulls at `address`, those of one call in order. */
  push(address: string): Pusher;
  /** What is published at `address` under topics that begin with `topic`, which must not be empty. */
  subscribe(address: string, topic: string, options?: SubscribeOptions): Subscription;
  /** A share of the frames that are pushed at `address`. */
  pull(address: string): Puller;
  /**
   * The present state of each channel, and then what happens to them, until the connection is closed. Each call has its own view.
   */
  status(): AsyncIterable<ConnectionStatus>;
  /** Why channels are down this moment, in words that go on from an error: ` (the peer at … is gone)`. Nothing when none is known to be. */
  readonly trouble: string;
  /** Resolves once everything is closed, with the error that forced it, if one did. Never rejects. */
  readonly closed: Promise<PalmError | undefined>;
  /** Drains what was accepted, within the time-out, and closes every channel. Repeated calls do no harm. */
  close(options?: CloseOptions): Promise<void>;
}

export interface SubscribeOptions {
  /**
   * A hint: milliseconds after the handshake that the publisher has to confirm the subscription. One that does not is taken for
   * one that cannot, as pylm's, and the subscription for arrived. Default: as little as the transport needs.
   */
  readonly proofTimeout?: number | undefined;
  /**
   * A hint: messages that may wait for their reader in buffers of the transport's own. What is beyond them waits with the publisher, or is lost, as
   * it is with any reader that is too slow. Default: many, so that a reader may be busy for a moment.
   */
  readonly maxUnread?: number | undefined;
}

/** A request under way. */
export interface PendingReply {
  /**
   * Rejects with `DISCONNECTED` when the connection breaks before the reply, and `CLOSED` when it is closed: both with `sent: 'unknown'`
   * for a request that may have left.
   */
  readonly reply: Promise<Bytes>;
  /**
   * Gives the request up: `reply` rejects with `reason`, unless it is settled. A request that still waits for its
   * server is not sent any more.
   */
  cancel(reason: unknown): void;
}

/** The verbs of whoever binds. An address may leave the choice of port to the system; `address` says what came of it. */
export interface BindingConnection extends Connection {
  /** Answers requests one by one. `answer` never throws; what it resolves with goes back to who asked. */
  bindReply(address: string, answer: Answer): Promise<Binding>;
  /** Takes frames from whoever pushes. */
  bindPull(address: string): Promise<BoundPull>;
  /** Shares frames among whoever pulls. */
  bindPush(address: string): Promise<BoundPush>;
  /** Publishes to whoever subscribed. Proves their readiness to subscribers that ask for it. */
  bindPublish(
    address: string,
  ): Promise<Binding & { publish(deliveries: readonly Delivery[]): Promise<void> }>;
}

/** Gives the reply to a request. */
export type Answer = (request: Bytes, from: RequestOrigin) => Bytes | Promise<Bytes>;

/** Where a request came from. */
export interface RequestOrigin {
  /** Which link that was: equal (`===`) for all requests that came over the same link to a bound end, and for no others. */
  readonly link: string | object;
  /**
   * Calls `listener` once the link that the request came over is gone: closed, cut, or found dead by the transport's own
   * heartbeats, which a peer answers however busy its event loop is. The peer may be back over another link. A link that is gone
   * by now is told of, too. Gives the function that ends this.
   */
  onGone(listener: () => void): () => void;
}

/** A bound end, open until closed or its connection is. */
export interface Binding {
  /** The address as others dial it, its port known. */
  readonly address: string;
  close(options?: CloseOptions): Promise<void>;
}

/** A bound end that takes frames from whoever pushes. */
export interface BoundPull extends Binding, BatchSource<Bytes> {
  /** Takes no more: the batches end after what was read. Whoever pushes stays connected until the end is closed. */
  stop(): void;
}

/** A bound end that shares frames among whoever pulls. */
export interface BoundPush extends Binding, FrameSink {
  /** Pullers that are connected. Those behind a relay, which pulls for all of them, are one. */
  readonly peers: number;
  /** Calls `listener` each time a puller has come or gone. */
  onPeers(listener: () => void): void;
}

/**
 * What arrived, handed over as it piled up: one promise for a batch, not for a frame. Each array is the reader's own; frames
 * are not to be changed, since others may have the same, or a part of the same buffer. Ends when closed.
 */
export interface BatchSource<T> {
  [Symbol.asyncIterator](): AsyncIterator<T[], undefined>;
}

/** Takes frames off the caller's hands. */
export interface FrameSink {
  /**
   * Resolves when the transport has taken charge of the frames: that is the backpressure. The frames must not be
   * changed afterwards. Rejects with `DISCONNECTED` when the link breaks before that; then none of the frames reaches the next
   * server. Rejects with `CLOSED` when the channel is closed, and with the refusal when the peer refuses it.
   */
  send(frames: readonly Bytes[]): Promise<void>;
}

/** One publication: the envelopes under a topic. More than one only for those who said that they take them. */
export interface Delivery {
  readonly topic: string;
  readonly frames: readonly Bytes[];
  /** Whether it waits a moment where nobody is subscribed to its topic yet: not all know when their subscription has arrived. */
  readonly mayWait?: boolean;
}

/** A dialled channel. It goes on dialling until closed. */
export interface Channel {
  /** Whether the channel can be used this moment. */
  readonly isReady: boolean;
  /**
   * Resolves once the channel can be used: connected, and for a subscription, once a result can no longer be
   * missed. Rejects with `FORBIDDEN` or `PROTOCOL` when the peer refuses, and `CLOSED` when the channel is closed.
   */
  ready(): Promise<void>;
  /** Calls `listener` each time a connection that was there breaks. Gives the function that ends this. */
  onBreak(listener: (error: PalmError) => void): () => void;
  close(options?: CloseOptions): Promise<void>;
}

export interface Pusher extends Channel, FrameSink {
  /** Resolves when frames sent next would leave at once; not there where they do that anyway, or nobody can tell. */
  room?(): Promise<void>;
}
export interface Puller extends Channel, BatchSource<Bytes> {}
export interface Subscription extends Channel, BatchSource<Delivery> {
  /**
   * Whether the publisher itself confirmed the subscription. One that cannot is taken for pylm's, which also drops
   * results when more than 1000 wait for one subscriber.
   */
  readonly isProved: boolean;
}

/**
 * What a connection tells about its channels. `connecting`, `connected`, `disconnected` and `reconnecting` are states: a view
 * begins with the last one of each channel that is open. `address` is the one that was dialled or bound.
 */
export type ConnectionStatus =
  | ChannelStatus
  | { readonly type: 'closed'; readonly error: PalmError | undefined };

/** What happens to one channel. */
export type ChannelStatus =
  | { readonly type: 'connecting'; readonly address: string }
  | { readonly type: 'connected'; readonly address: string }
  | { readonly type: 'disconnected'; readonly address: string; readonly reason: string }
  /** The next attempt starts after `delay` milliseconds. `reason` is why the link broke, or the last attempt failed, where that is known. */
  | {
      readonly type: 'reconnecting';
      readonly address: string;
      readonly attempt: number;
      readonly delay: number;
      readonly reason?: string | undefined;
    }
  /** A bound end turned a peer away. Told when `count`, all that were turned away there until now, is a power of two. */
  | {
      readonly type: 'refused';
      readonly address: string;
      readonly reason: string;
      readonly count: number;
    }
  /** `queued` frames wait for the reader or for the peer. */
  | { readonly type: 'slow'; readonly address: string; readonly queued: number }
  /** A publisher dropped `count` more deliveries that the subscriber of `topic` was owed: it reads too slowly. */
  | { readonly type: 'lost'; readonly address: string; readonly topic: string; readonly count: number };
