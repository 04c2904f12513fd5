import type { Bytes } from '../../src/protocol/utf8.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BoundPull,
  BoundPush,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  SubscribeOptions,
  Subscription,
} from '../../src/transport.ts';
import { BaseConnection, checkTopic } from '../shared/base-connection.ts';
import type { Addon } from './addon.ts';
import { checkDialAddress, checkZeromqAddress } from './address.ts';
import { ZeromqPublish, ZeromqPull, ZeromqPush, ZeromqReply } from './bound.ts';
import type { DialContext } from './dialled.ts';
import type { ZeromqSettings } from './options.ts';
import { ZeromqPuller } from './puller.ts';
import { ZeromqPusher } from './pusher.ts';
import { ZeromqRequester } from './requester.ts';
import { socketOptions } from './sockets.ts';
import { ZeromqSubscription } from './subscription.ts';

/** Batches that may wait in ZeroMQ for a slow server: the rest waits here, where it can still be given up. */
const PUSH_HIGH_WATER_MARK = 16;
/** Batches that wait at a server whose functions are slow: few, so that one client's job does not bury another's call. */
const PULL_HIGH_WATER_MARK = 128;
/** A reader that is busy for a moment must not lose what is published meanwhile (PUB drops past its own mark). */
const SUBSCRIBE_HIGH_WATER_MARK = 100_000;
/**
 * A subscriber that stalls loses results past this; what it holds up is memory of the server's. ZeroMQ hears of what was
 * read by halves of it, so a half may be lost already: and that is to be more than a relay has under way (8 192).
 */
const PUBLISH_HIGH_WATER_MARK = 20_000;

/**
 * Of links that are held up on purpose when a peer is slow. ZeroMQ reads a heartbeat behind the messages before it, so it
 * would take such a peer for dead and throw away what is on the way to it, or abort the process (zeromq/libzmq#4767,
 * #4364). The system's own probes are answered however slow the peer is.
 */
const HELD_UP = {
  heartbeatInterval: 0,
  heartbeatTimeout: 0,
  heartbeatTimeToLive: 0,
  tcpKeepaliveIdle: 10,
  tcpKeepaliveInterval: 5,
  tcpKeepaliveCount: 3,
} as const;

/**
 * Of sockets that only receive. With `immediate`, which is for those that send, ZeroMQ throws away what came and is not
 * read yet when the link ends: the last answers of a server that closes.
 */
const RECEIVING = { immediate: false } as const;

export class ZeromqConnection extends BaseConnection implements BindingConnection {
  readonly #addon: Addon;
  readonly #settings: ZeromqSettings;
  readonly #requesters = new Map<string, ZeromqRequester>();

  constructor(addon: Addon, settings: ZeromqSettings) {
    super();
    this.#addon = addon;
    this.#settings = settings;
  }

  request(address: string, frame: Bytes): PendingReply {
    let requester = this.#requesters.get(address);
    if (requester === undefined) {
      const { Dealer } = this.#addon;
      const context = this.#dialling(address);
      requester = this.keep(new ZeromqRequester(new Dealer(this.#options(address, 'dial')), context)).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  push(address: string): Pusher {
    const context = this.#dialling(address);
    const options = {
      sendHighWaterMark: PUSH_HIGH_WATER_MARK,
      ...this.#options(address, 'dial'),
      ...HELD_UP,
    };
    return this.keep(new ZeromqPusher(new this.#addon.Push(options), context)).dial();
  }

  subscribe(
    address: string,
    topic: string,
    { proofTimeout = 0, maxUnread }: SubscribeOptions = {},
  ): Subscription {
    const context = this.#dialling(address);
    checkTopic(topic);
    const options = {
      receiveHighWaterMark: maxUnread ?? SUBSCRIBE_HIGH_WATER_MARK,
      ...this.#options(address, 'dial'),
      ...RECEIVING,
    };
    const socket = new this.#addon.Subscriber(options);
    return this.keep(
      new ZeromqSubscription(
        socket,
        topic,
        Math.max(proofTimeout, this.#settings.subscriptionMargin),
        context,
      ),
    ).dial();
  }

  pull(address: string): Puller {
    const context = this.#dialling(address);
    const options = { ...this.#options(address, 'dial'), ...HELD_UP, ...RECEIVING };
    return this.keep(new ZeromqPuller(new this.#addon.Pull(options), context)).dial();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    this.checkUse(address);
    // Nothing to be waited for: replies to who does not read them are dropped, and looks for peers shall not wait for them.
    const socket = new this.#addon.Router({ ...this.#options(address, 'bind'), sendTimeout: 0 });
    return this.keep(await new ZeromqReply(socket, this, answer).bind(address));
  }

  async bindPull(address: string): Promise<BoundPull> {
    this.checkUse(address);
    const options = {
      receiveHighWaterMark: PULL_HIGH_WATER_MARK,
      ...this.#options(address, 'bind'),
      ...HELD_UP,
    };
    return this.keep(await new ZeromqPull(new this.#addon.Pull(options), this).bind(address));
  }

  async bindPush(address: string): Promise<BoundPush> {
    this.checkUse(address);
    const options = { ...this.#options(address, 'bind'), ...HELD_UP };
    return this.keep(await new ZeromqPush(new this.#addon.Push(options), this).bind(address));
  }

  async bindPublish(
    address: string,
  ): Promise<Binding & { publish(deliveries: readonly Delivery[]): Promise<void> }> {
    this.checkUse(address);
    const options = { sendHighWaterMark: PUBLISH_HIGH_WATER_MARK, ...this.#options(address, 'bind') };
    const socket = new this.#addon.XPublisher(options);
    // Every subscription is to be answered, also one to a topic that a connection not yet known dead still holds.
    socket.verbosity = 'allSubs';
    return this.keep(await new ZeromqPublish(socket, this).bind(address));
  }

  protected checkAddress(address: string): void {
    checkZeromqAddress(address);
  }

  #dialling(address: string): DialContext {
    this.checkUse(address);
    checkDialAddress(address);
    return { address, host: this, encrypted: this.#settings.curve !== undefined };
  }

  #options(address: string, side: 'dial' | 'bind') {
    return socketOptions(this.#addon, this.#settings, address, side);
  }
}
