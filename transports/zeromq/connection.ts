import type { Socket } from 'zeromq';
import { PUBLISH_MARK, PUBLISHED, PULL_MARK, PUSH_MARK, SUBSCRIPTION_MARK } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { invalidCall } from '../../src/protocol/errors.ts';
import { checkTopic, LONGEST_TOPIC } from '../../src/protocol/topics.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BoundPublish,
  BoundPull,
  BoundPush,
  PendingReply,
  Puller,
  Pusher,
  SubscribeOptions,
  Subscription,
} from '../../src/transport.ts';
import { BaseConnection } from '../shared/base-connection.ts';
import { checkDialAddress, checkZeromqAddress } from '../shared/zeromq-address.ts';
import { type Bound, ZeromqPull, ZeromqPush, ZeromqReply } from './bound.ts';
import type { ClientKeys } from './client-keys.ts';
import { openSocket } from './descriptors.ts';
import { type DialContext, ZeromqPuller, ZeromqPusher } from './dialled.ts';
import type { ZeromqSettings } from './options.ts';
import { ZeromqPublish } from './publish.ts';
import { ZeromqRequester } from './requester.ts';
import { type Addon, socketOptions, takingControl } from './sockets.ts';
import { ZeromqSubscription } from './subscription.ts';
import { countingTopics } from './topics.ts';

/**
 * Options of sockets that only receive. With `immediate`, which is for sockets that send, ZeroMQ discards unread messages when the link ends: the
 * last answers of a server that closes.
 */
const RECEIVING = { immediate: false } as const;

/** Probes of the system that a peer must leave unanswered to be taken for gone: one lost packet is not enough. */
const PROBES = 3;

/** Milliseconds of silence until a peer is probed where there are to be no heartbeats. */
const UNTIL_PROBED = 10_000;

/** What Linux takes as seconds of keepalive. */
const clamp = (seconds: number) => Math.min(Math.max(1, seconds), 32_767);

type BindOptions = ReturnType<typeof socketOptions>;

export class ZeromqConnection extends BaseConnection implements BindingConnection {
  readonly #addon: Addon;
  readonly #settings: ZeromqSettings;
  readonly #clientKeys: ClientKeys | undefined;
  readonly #requesters = new Map<string, ZeromqRequester>();

  constructor(addon: Addon, settings: ZeromqSettings, clientKeys: ClientKeys | undefined) {
    super();
    this.#addon = addon;
    this.#settings = settings;
    this.#clientKeys = clientKeys;
  }

  request(address: string, frame: Bytes): PendingReply {
    let requester = this.#requesters.get(address);
    if (requester === undefined) {
      const { Dealer } = this.#addon;
      const context = this.#dialling(address);
      const open = () => new Dealer(this.#options(address));
      requester = this.keep(new ZeromqRequester(open, context)).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  push(address: string): Pusher {
    const context = this.#dialling(address);
    const options = {
      sendHighWaterMark: PUSH_MARK,
      ...this.#options(address),
      ...this.#patient(),
      ...takingControl(this.#settings),
    };
    const open = () => new this.#addon.Push(options);
    return this.keep(new ZeromqPusher(open, context)).dial();
  }

  subscribe(
    address: string,
    topic: string,
    { proofTimeout = 0, maxUnread }: SubscribeOptions = {},
  ): Subscription {
    const context = this.#dialling(address);
    checkTopic(topic);
    if (Buffer.byteLength(topic) > LONGEST_TOPIC) {
      throw invalidCall(
        `a topic over ZeroMQ has at most ${LONGEST_TOPIC} bytes, not ${Buffer.byteLength(topic)}`,
      );
    }
    const options = {
      receiveHighWaterMark: maxUnread ?? PUBLISHED,
      ...this.#options(address),
      ...this.#patient(),
      ...RECEIVING,
    };
    const open = () => new this.#addon.Subscriber(options);
    return this.keep(
      new ZeromqSubscription(open, topic, Math.max(proofTimeout, this.#settings.subscriptionMargin), context),
    ).dial();
  }

  pull(address: string): Puller {
    const context = this.#dialling(address);
    const options = { ...this.#options(address), ...this.#patient(), ...RECEIVING };
    const open = () => new this.#addon.Pull(options);
    return this.keep(new ZeromqPuller(open, context)).dial();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    // Sending must not wait: replies to peers that do not read are dropped, and checks for gone peers must not wait for them.
    const open = (options: BindOptions) => new this.#addon.Router({ ...options, sendTimeout: 0 });
    return this.#bind(address, open, (socket) => new ZeromqReply(socket, this, answer));
  }

  async bindPull(address: string): Promise<BoundPull> {
    const marks = { receiveHighWaterMark: PULL_MARK };
    const open = (options: BindOptions) => new this.#addon.Pull({ ...marks, ...options, ...this.#patient() });
    return this.#bind(address, open, (socket) => new ZeromqPull(socket, this));
  }

  async bindPush(address: string): Promise<BoundPush> {
    const small = takingControl(this.#settings);
    const open = (options: BindOptions) => new this.#addon.Push({ ...options, ...this.#patient(), ...small });
    return this.#bind(address, open, (socket) => new ZeromqPush(socket, this));
  }

  async bindPublish(address: string): Promise<BoundPublish> {
    const marks = { sendHighWaterMark: PUBLISH_MARK };
    const small = { ...takingControl(this.#settings), receiveHighWaterMark: SUBSCRIPTION_MARK };
    const Publisher = countingTopics(this.#addon);
    const open = (options: BindOptions) => {
      const socket = new Publisher({
        ...marks,
        ...options,
        ...this.#patient(),
        ...small,
        sendTimeout: 0,
        noDrop: true,
      });
      // Every subscription gets a confirmation, also to a topic that a dead connection still holds.
      socket.verbosity = 'allSubsUnsubs';
      return socket;
    };
    return this.#bind(address, open, (socket) => new ZeromqPublish(socket, this, this.#settings));
  }

  protected checkAddress(address: string): void {
    checkZeromqAddress(address);
  }

  #dialling(address: string): DialContext {
    this.checkUse(address);
    checkDialAddress(address);
    return {
      address,
      host: this,
      encrypted: this.#settings.curve !== undefined,
      settings: this.#settings,
    };
  }

  #options(address: string) {
    return socketOptions(this.#addon, this.#settings, address, 'dial');
  }

  /**
   * Options of links on which a slow peer may have to wait, or this end is slow itself. ZeroMQ reads a heartbeat only after the messages before
   * it. It would take a waiting peer for dead and discard what is on the way to it, or abort the process (zeromq/libzmq#4767, #4364). It also
   * aborts the process when it sends a heartbeat to a peer that is gone and left unread messages (#4841). Peers answer the system's own probes
   * however slow they are.
   */
  #patient() {
    const seconds = (this.#settings.heartbeatInterval || UNTIL_PROBED) / 1_000;
    return {
      heartbeatInterval: 0,
      heartbeatTimeout: 0,
      heartbeatTimeToLive: 0,
      tcpKeepaliveIdle: clamp(Math.ceil(seconds)),
      tcpKeepaliveInterval: clamp(Math.ceil(seconds / PROBES)),
      tcpKeepaliveCount: PROBES,
    };
  }

  async #bind<S extends Socket, B extends Bound<S>>(
    address: string,
    open: (options: BindOptions) => S,
    make: (socket: S) => B,
  ): Promise<B> {
    this.checkUse(address);
    const options = socketOptions(this.#addon, this.#settings, address, 'bind');
    let bound: B | undefined;
    const check = this.#clientKeys?.use(this.#addon, (reason) => bound?.refuse(reason));
    try {
      // Enforced: without an answer about a key, libzmq admits no peer.
      const decided = check && { context: check.context, zapDomain: check.zapDomain, zapEnforceDomain: true };
      bound = make(openSocket(`bind ${address}`, () => open({ ...options, ...decided })));
      await bound.bind(address, () => check?.release());
      return this.keep(bound);
    } catch (error) {
      check?.release();
      throw error;
    }
  }
}
