/// <reference lib="esnext.disposable" preserve="true" />
// The reference stays in the declarations, because projects for pages lack these types.
/**
 * The contract that every transport keeps. It has interfaces only. `test/conformance` tests what they mean, and docs/guide/transports.md says
 * what each verb does in each state.
 *
 * A {@link Transport} is cheap, holds no resources and may be shared. {@link Transport.open} gives a {@link Connection}. The caller owns it:
 * closing it closes the channels of this connection and no others.
 */

import type { Bytes } from './protocol/bytes.ts';
import type { PalmError } from './protocol/errors.ts';

/** How to reach PALM processes. */
export interface Transport {
  /** Short name for error messages: `zeromq`, `memory`. */
  readonly name: string;
  /**
   * Checks an address.
   * @throws PalmError `INVALID_CALL` when this transport cannot read the address.
   */
  checkAddress(address: string): void;
  /**
   * Gives the address to dial for an address that a server advertises. A wildcard or loopback host has no meaning on another machine, so the
   * host of `via` replaces it. Absent where an advertised address can be dialled as it is.
   * @param via - the address at which the server was reached.
   */
  resolveAddress?(advertised: string, via: string): string;
  /** Opens a connection. It dials when one of its verbs is used, and not before. */
  open(): Promise<Connection>;
}

/** A transport whose connections can also be the server's side. */
export interface BindingTransport extends Transport {
  /** As {@link Transport.open}, with the verbs of who binds. */
  open(): Promise<BindingConnection>;
  /**
   * An address to bind that is free, on the host of another one. Without it, roles need each of their addresses given.
   * @param beside - an address that is bound, too. Default: loopback.
   * @param option - the option of a role that it is for, such as `workerPushAddress`, where one address serves several ends.
   */
  freeAddress?(beside?: string, option?: string): string;
}

/** How to close. */
export interface CloseOptions {
  /** Milliseconds that accepted messages get to leave. Default 1000; 0 drops them. */
  readonly timeout?: number | undefined;
}

/** The verbs of the side that dials. Each throws `INVALID_CALL` for an address that the transport does not understand. */
export interface Connection extends AsyncDisposable {
  /**
   * Sets {@link id} and {@link keyPrefix}. Call it before any other verb. It resolves at once, unless a relay assigns the id. Further calls
   * change nothing.
   * @param wished - the id that the client wants. Default: a random one.
   * @throws PalmError `INVALID_CALL` when a relay assigns the id and one is wished for, `FORBIDDEN` when the relay refuses the client.
   */
  identify(wished?: string): Promise<void>;
  /**
   * The id that begins the topics of a client on this connection. A relay may assign it. After a lost session it changes: what was under way
   * fails with `LOST`, and subscriptions to topics that begin with the old id go on with the new one.
   */
  readonly id: string;
  /** Precedes every key that this connection sets, reads or deletes. Empty, unless a relay assigns one. */
  readonly keyPrefix: string;
  /** Sends one request, which gets one reply. Any number of requests may be under way. */
  request(address: string, frame: Bytes): PendingReply;
  /**
   * Calls `found` with each end that answers requests at `address`, those that come later too, where several share it. Absent where there is
   * one at most, and asked only for addresses of which {@link settles} says that several may be there.
   * @returns the function that ends this, and the requests to them that are under way.
   */
  requestEach?(address: string, found: (end: RequestEnd) => void): () => void;
  /** Opens a channel for frames to the server that pulls at `address`. Frames of one call keep their order. */
  push(address: string): Pusher;
  /**
   * Subscribes to what is published at `address` under topics that begin with `topic`.
   * @throws PalmError `INVALID_CALL` for an empty topic, which would take the results of all clients.
   */
  subscribe(address: string, topic: string, options?: SubscribeOptions): Subscription;
  /**
   * Adds a delivery to what is published at `address`, where it is stored among the publisher's own. Resolves when it is stored, whether the
   * publisher is there or not. Absent where nothing is stored: there `from` of {@link subscribe} has no meaning.
   * @throws PalmError `INVALID_CALL` for a topic that nobody can subscribe to; `CLOSED` when the connection is closed first.
   */
  store?(address: string, delivery: Delivery): Promise<void>;
  /** Whether what is published or bound at an address can be shared with others, and settled. Absent where nothing can. */
  settles?(address: string): boolean;
  /** Takes a share of the frames that are pushed at `address`. */
  pull(address: string): Puller;
  /** Gives the present state of each channel, and then each change, until the connection is closed. Each call gives its own sequence. */
  status(): AsyncIterable<ConnectionStatus>;
  /** Why channels are down now, to append to an error text: ` (the peer at … is gone)`. An empty string when no reason is known. */
  readonly trouble: string;
  /** Resolves once everything is closed, with the error that forced the end, if any. Never rejects. */
  readonly closed: Promise<PalmError | undefined>;
  /** Lets accepted messages leave within the time-out, then closes every channel. Calling it again does no harm. */
  close(options?: CloseOptions): Promise<void>;
}

/** How to subscribe. All options are hints: a transport that has no use for one ignores it. */
export interface SubscribeOptions {
  /**
   * Milliseconds after the handshake in which the publisher may confirm the subscription. After that the transport assumes that the publisher
   * cannot confirm, as pylm's cannot, and that the subscription has arrived. Default: as few as the transport needs.
   */
  readonly proofTimeout?: number | undefined;
  /**
   * Messages that the transport may buffer for the reader. Further messages wait with the publisher, which drops those of a reader that stays
   * too slow. Default: many, so that a reader may be busy for a moment. A transport without buffers between publisher and reader, such as
   * `memory()`, ignores it.
   */
  readonly maxUnread?: number | undefined;
  /**
   * Whether each frame is read once, before the next batch is asked for, and the reader copies what it keeps. The frames may then be views of
   * what was received together, and begin at any byte: one that is kept keeps all of that alive. Default false.
   */
  readonly once?: boolean | undefined;
  /**
   * Gives the number of frames that the reader expects now. Where they come one by one, and many more are expected, a transport may read them
   * a millisecond or two later, several at once. A hint.
   */
  readonly awaited?: (() => number) | undefined;
  /**
   * Where to begin in what is stored: at `start`, with all that is still there, or behind the {@link Delivery.position} of a delivery. When
   * something behind that position may be dropped, the subscription breaks with `LOST` once it is ready, and goes on with what is there. Of
   * transports with {@link Connection.store} alone. Default: with what is published from now on.
   */
  readonly from?: 'start' | number | undefined;
  /**
   * Reads the topic together with all that give the same address here, which they bind: each delivery goes to one of them, and has to be settled
   * ({@link Subscription.settler}). What is published while none of them is there waits for one. Others than {@link Connection.settles} both
   * addresses ignore it. Topics that are longer than the one given are left out then, and so is `from`.
   */
  readonly shared?: string | undefined;
}

/** A request under way. */
export interface PendingReply {
  /**
   * The reply. Rejects with `DISCONNECTED` when the connection breaks first, and with `CLOSED` when it is closed first. Either error has
   * `sent: 'unknown'` when the request may have left.
   */
  readonly reply: Promise<Bytes>;
  /** Gives up: `reply` rejects with `reason`, unless it is settled. A request that still waits for its server is not sent. */
  cancel(reason: unknown): void;
}

/** How to bind. */
export interface BindOptions {
  /**
   * As what the address is shared: others may bind it that give the same text. Each frame that is pushed there goes to one of them, and so does
   * each request. A transport that cannot have several at an address ignores it, and refuses the second one as it does without it.
   */
  readonly shared?: string | undefined;
}

/** One of several ends that answer requests at an address. */
export interface RequestEnd {
  /** As {@link Connection.request}, to this one. */
  request(frame: Bytes): PendingReply;
  /** Resolves when it is gone for good. */
  readonly gone: Promise<void>;
}

/** The verbs of the side that binds. An address may leave the port to the system: the `address` of what is bound has it. */
export interface BindingConnection extends Connection {
  /** Answers requests one by one. `answer` must not throw; what it resolves with goes back to the peer that asked. */
  bindReply(address: string, answer: Answer, options?: BindOptions): Promise<Binding>;
  /** Takes frames from all peers that push. With `shared`, and where the transport can, what it gives has to be settled. */
  bindPull(address: string, options?: BindOptions): Promise<BoundPull>;
  /** Shares frames among the peers that pull. */
  bindPush(address: string): Promise<BoundPush>;
  /** Publishes to subscribers. It confirms a subscription to a peer that asks for that. */
  bindPublish(address: string, options?: BindOptions): Promise<BoundPublish>;
  /**
   * Where the cache of a server is kept that answers requests at `address`: in one place for all that share the address. Absent, or undefined,
   * where the server keeps it in its process.
   */
  sharedStore?(address: string): SharedStore | undefined;
}

/** Values by key, which several processes have in common. */
export interface SharedStore {
  /** The value of a key; undefined when it is missing. */
  get(key: string): Promise<Bytes | undefined>;
  /**
   * Keeps a value.
   * @throws PalmError `TOO_LARGE` when there is no room for it.
   */
  set(key: string, value: Bytes): Promise<void>;
  /** Removes a key, and says whether it was there. */
  delete(key: string): Promise<boolean>;
}

/** Gives the reply to a request. */
export type Answer = (request: Bytes, from: RequestOrigin) => Bytes | Promise<Bytes>;

/** Where a request came from. */
export interface RequestOrigin {
  /** The link: equal (`===`) for requests that came over the same link to the same bound end, and for no others. */
  readonly link: string | object;
  /**
   * Calls `listener` once the link is gone: closed, cut, or found dead by the transport's heartbeats. A busy event loop does not make a peer
   * look dead. The peer may come back over another link. `listener` is also called when the link is gone already.
   * @returns the function that removes the listener.
   */
  onGone(listener: () => void): () => void;
  /** Whether the peer's process is known to have ended, so that it cannot come back over another link. Without this member it never is. */
  isDead?(): boolean;
}

/** A bound end. It is open until it or its connection is closed. */
export interface Binding {
  /** The address to dial, with its port. */
  readonly address: string;
  /** Closes the end; what was accepted may still leave within the time-out. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * A bound end that takes frames from all peers that push. `next` of its batches may be given how many frames of each peer it is to give at
 * most: a peer that sends much then does not fill the room of the reader before another's frame is read. A transport that cannot tell peers
 * apart ignores it.
 */
export interface BoundPull extends Binding, BatchSource<Bytes> {
  /** Takes no more frames: the batches end after those that were read. Peers stay connected until the bound end is closed. */
  stop(): void;
  /** Settles what was read. Absent where reading is taking: without `shared`, and over transports that keep nothing. */
  readonly settler?: Settler | undefined;
  /**
   * Frames of peers that wait for few, which are not among the batches: a reader takes turns between the two. Absent where such frames
   * do not wait behind others.
   */
  readonly prompt?: BatchSource<Bytes> | undefined;
  /**
   * Frames of other peers than those whose frames are among the batches: a reader takes turns between all of these and the batches. Absent where
   * peers do not wait behind each other.
   */
  readonly lanes?: readonly BatchSource<Bytes>[] | undefined;
}

/**
 * What becomes of a frame that was pulled: `done` and `failed` remove it for good, and `failed` says that it was given up; `again` gives it
 * to whoever shares the address, perhaps to this end.
 */
export type Settlement = 'done' | 'again' | 'failed';

/**
 * Settles the frames of a bound pull. The transport holds a frame from when it gives it until it is settled: nobody else gets it while this
 * end lives, however long that takes. What is not settled when the end closes or its process dies goes to another, or waits for the next.
 * So a frame may be worked at more than once. An end has none before its batches are first asked for.
 */
export interface Settler {
  /** Settles frames, which are the arrays that the batches had. One that is settled already, or not from there, is passed over. */
  settle(frames: readonly Bytes[], outcome: Settlement): void;
  /** Names a frame that is not settled, the same each time that it is given to anybody: the beginning of {@link Delivery.ids}. */
  idOf(frame: Bytes): string;
  /**
   * Calls `listener` with a frame that is not given to be worked at any more, because those who had it died `deaths` times. It is settled as
   * any other. Without a listener such a frame is settled as `failed`.
   */
  onGivenUp(listener: (frame: Bytes, deaths: number) => void): void;
}

/** A bound end that shares frames among the peers that pull. */
export interface BoundPush extends Binding, FrameSink {
  /** How many pullers are connected. All clients of a relay count as one, because the relay pulls for them. */
  readonly peers: number;
  /** Calls `listener` each time a puller comes or goes. */
  onPeers(listener: () => void): void;
}

/** A bound end that publishes to subscribers. */
export interface BoundPublish extends Binding {
  /** Resolves when more may be published. Rejects with `CLOSED` when the end is closed. */
  publish(deliveries: readonly Delivery[]): Promise<void>;
  /**
   * Resolves when all that was published before is where the end of this process does not take it from its subscribers; rejects when this
   * end closes first. Absent where that is never so.
   */
  stored?(): Promise<void>;
  /**
   * Calls `listener` with true when a peer subscribes to a topic, and with false when the last one that did has ended its subscription or is
   * gone; not when this end closes. Absent where the transport cannot tell: then the calls of a client that is gone run to their end, unless it
   * has {@link watchSubscribers}.
   */
  onSubscribers?(listener: (topic: string, isThere: boolean) => void): void;
  /**
   * For transports that do not see subscriptions, and can ask for them. Every few seconds `topics` gives what subscriptions may have been made
   * to, and the end looks who is there. Calls `listener` with false as long as nobody has subscribed to one of them for so long that the subscriber
   * counts as gone, and with true when somebody does again. The last call counts.
   */
  watchSubscribers?(
    topics: () => Iterable<string>,
    listener: (topic: string, isThere: boolean) => void,
  ): void;
}

/**
 * What arrived, in batches: each has everything that came since the last, so that there is one promise for a batch and not for a frame. The
 * reader owns each array. It must not change frames, because other readers may share them or their buffer. Ends when closed.
 */
export interface BatchSource<T> {
  /** Gives the batches. For one reader. */
  [Symbol.asyncIterator](): AsyncIterator<T[], undefined>;
}

/** Takes frames to send. */
export interface FrameSink {
  /**
   * Resolves when the transport has accepted the frames. Await it before you send more: that is the backpressure. Do not change the frames
   * afterwards. Rejects with `DISCONNECTED` when the link breaks first: then none of the frames reaches the next server. Rejects with
   * `CLOSED` when the channel is closed, and with the refusal when the peer refuses the channel.
   * @param ids - names of the frames, one for each. Of frames with the same name that are sent to an address, over whatever connection, within
   * two minutes, the server gets one. Ignored by transports without {@link Connection.store}, and by a bound end.
   */
  send(frames: readonly Bytes[], ids?: readonly string[]): Promise<void>;
}

/** One publication: the envelopes under a topic. There is more than one only for subscribers that announced that they take several. */
export interface Delivery {
  /** What subscribers match by prefix. */
  readonly topic: string;
  /** The envelopes. */
  readonly frames: readonly Bytes[];
  /** Whether the delivery waits a moment for a subscriber. Stock pylm clients call before their subscription has arrived. */
  readonly mayWait?: boolean;
  /**
   * Names of the frames, one for each: of frames with the same name, subscribers get one. `''` is no name. Made of {@link Settler.idOf}, so
   * that results of a frame which is worked at again are seen once. A transport without a {@link Settler} ignores it.
   */
  readonly ids?: readonly string[];
  /** Its place in what is stored at all addresses, of which later ones have larger numbers. Subscriptions of transports that store give it. */
  readonly position?: number | undefined;
}

/** A dialled channel. It goes on dialling until it is closed. */
export interface Channel {
  /** Whether the channel can be used now. */
  readonly isReady: boolean;
  /**
   * Resolves once the channel is connected. For a subscription it resolves once no later result can be missed. Rejects with `FORBIDDEN` or
   * `PROTOCOL` when the peer refuses, and with `CLOSED` when the channel is closed.
   */
  ready(): Promise<void>;
  /**
   * Calls `listener` each time the channel was ready and its link breaks.
   * @returns the function that removes the listener.
   */
  onBreak(listener: (error: PalmError) => void): () => void;
  /** Closes the channel; what was accepted may still leave within the time-out. */
  close(options?: CloseOptions): Promise<void>;
}

/** A channel that frames are pushed to. */
export interface Pusher extends Channel, FrameSink {
  /** Resolves when the next frames would leave at once. Absent where they always do, or where the transport cannot tell. */
  room?(): Promise<void>;
}
/** A channel that frames are pulled from. */
export interface Puller extends Channel, BatchSource<Bytes> {}
/** A channel that gives what is published under a topic. */
export interface Subscription extends Channel, BatchSource<Delivery> {
  /**
   * Whether the publisher confirmed the subscription. One that cannot is treated as pylm's, which also drops results when more than 1000
   * wait for one subscriber.
   */
  readonly isProved: boolean;
  /**
   * A place in what is stored ({@link Delivery.position}) up to which the reader has been given everything. Undefined before the subscription
   * is ready. Absent where deliveries have no place.
   */
  readonly position?: number | undefined;
  /** Settles the frames of what was read. Absent where reading is taking: without `shared`, and over transports that keep nothing. */
  readonly settler?: Settler | undefined;
}

/**
 * What happens to a connection. `connecting`, `connected`, `disconnected` and `reconnecting` are states: {@link Connection.status} begins with
 * the last one of each open channel. `address` is the one that was dialled or bound.
 */
export type ConnectionStatus =
  | ChannelStatus
  | { readonly type: 'closed'; readonly error: PalmError | undefined };

/** What happens to one channel. */
export type ChannelStatus =
  | { readonly type: 'connecting'; readonly address: string }
  | { readonly type: 'connected'; readonly address: string }
  | { readonly type: 'disconnected'; readonly address: string; readonly reason: string }
  /** The next attempt starts after `delay` milliseconds. `reason` is why the link broke or the last attempt failed, if that is known. */
  | {
      readonly type: 'reconnecting';
      readonly address: string;
      readonly attempt: number;
      readonly delay: number;
      readonly reason?: string | undefined;
    }
  /** A bound end refused a peer. `count` is how many it has refused so far; reported when that is a power of two. */
  | {
      readonly type: 'refused';
      readonly address: string;
      readonly reason: string;
      readonly count: number;
    }
  /** `queued` frames wait for a slow reader or peer. */
  | { readonly type: 'slow'; readonly address: string; readonly queued: number }
  /** A publisher dropped another `count` deliveries for the subscriber of `topic`, which reads too slowly. */
  | { readonly type: 'lost'; readonly address: string; readonly topic: string; readonly count: number };
