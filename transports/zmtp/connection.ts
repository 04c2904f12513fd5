import { ReadTurns } from '../../src/async/read-turns.ts';
import { READ_TURN } from '../../src/flow-control.ts';
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
import { checkZmtpAddress, checkZmtpDialAddress } from './address.ts';
import type { BindContext, Bound } from './bound.ts';
import { ZmtpPublish } from './bound-publish.ts';
import { ZmtpPull } from './bound-pull.ts';
import { ZmtpPush } from './bound-push.ts';
import { ZmtpReply } from './bound-reply.ts';
import type { DialContext } from './dialled.ts';
import { LocalSystem } from './local-system.ts';
import type { Mechanism } from './mechanism.ts';
import type { ZmtpSettings } from './options.ts';
import { OwnBytes, Views } from './own-bytes.ts';
import { ZmtpPusher } from './pusher.ts';
import { ZmtpPuller, ZmtpSubscription } from './receiving.ts';
import { ZmtpRequester } from './requester.ts';

/** What secures the links of a connection: those that it dials, and those that it binds. */
export interface Mechanisms {
  readonly dialled?: Mechanism | undefined;
  readonly bound?: Mechanism | undefined;
}

export class ZmtpConnection extends BaseConnection implements BindingConnection {
  readonly #settings: ZmtpSettings;
  readonly #mechanisms: Mechanisms;
  readonly #own = new OwnBytes();
  readonly #turns: ReadTurns;
  readonly #system = new LocalSystem();
  readonly #requesters = new Map<string, ZmtpRequester>();

  /** @param turns - shared by all connections of one transport: the links of a process wait for each other. */
  constructor(
    settings: ZmtpSettings,
    mechanisms: Mechanisms = {},
    turns: ReadTurns = new ReadTurns(READ_TURN),
  ) {
    super();
    this.#turns = turns;
    this.#settings = settings;
    this.#mechanisms = mechanisms;
  }

  request(address: string, frame: Bytes): PendingReply {
    let requester = this.#requesters.get(address);
    if (requester === undefined || requester.isClosed) {
      requester = this.keep(new ZmtpRequester(this.#dialling(address))).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  push(address: string): Pusher {
    return this.keep(new ZmtpPusher(this.#dialling(address))).dial();
  }

  subscribe(address: string, topic: string, options: SubscribeOptions = {}): Subscription {
    const context = this.#dialling(address);
    checkTopic(topic);
    if (Buffer.byteLength(topic) > LONGEST_TOPIC) {
      throw invalidCall(
        `a topic over ZMTP has at most ${LONGEST_TOPIC} bytes, not ${Buffer.byteLength(topic)}`,
      );
    }
    const own = options.once === true && context.mechanism === undefined ? new Views() : context.own;
    return this.keep(new ZmtpSubscription({ ...context, own }, topic, options)).dial();
  }

  pull(address: string): Puller {
    return this.keep(new ZmtpPuller(this.#dialling(address))).dial();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    return this.#bind(address, (context) => new ZmtpReply(context, answer));
  }

  async bindPull(address: string): Promise<BoundPull> {
    return this.#bind(address, (context) => new ZmtpPull(context));
  }

  async bindPush(address: string): Promise<BoundPush> {
    return this.#bind(address, (context) => new ZmtpPush(context));
  }

  async bindPublish(address: string): Promise<BoundPublish> {
    return this.#bind(address, (context) => new ZmtpPublish(context));
  }

  protected checkAddress(address: string): void {
    checkZmtpAddress(address);
  }

  #dialling(address: string): DialContext {
    this.checkUse(address);
    checkZmtpDialAddress(address);
    const mechanism = this.#mechanisms.dialled;
    return {
      address,
      host: this,
      settings: this.#settings,
      own: this.#own,
      turns: this.#turns,
      system: this.#system,
      mechanism,
    };
  }

  async #bind<B extends Bound>(address: string, make: (context: BindContext) => B): Promise<B> {
    this.checkUse(address);
    // Kept before it is bound, so that closing the connection meanwhile closes it.
    const mechanism = this.#mechanisms.bound;
    const bound = this.keep(
      make({
        host: this,
        settings: this.#settings,
        own: this.#own,
        turns: this.#turns,
        system: this.#system,
        mechanism,
      }),
    );
    try {
      return await bound.bind(address);
    } catch (error) {
      this.release(bound);
      throw error;
    }
  }
}
