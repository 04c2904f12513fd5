/** `frond/nats`: clusters on NATS, with JetStream. */
import type { Bytes } from '../../src/protocol/bytes.ts';
import { checkTopic } from '../../src/protocol/topics.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BindingTransport,
  BindOptions,
  BoundPublish,
  BoundPull,
  BoundPush,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  RequestEnd,
  SharedStore,
  SubscribeOptions,
  Subscription,
} from '../../src/transport.ts';
import { BaseConnection } from '../shared/base-connection.ts';
import { NatsPublish, NatsPull, NatsPush, NatsReply } from './bound.ts';
import { CallLanes } from './call-lanes.ts';
import { NatsPuller, NatsPusher, NatsRequester } from './dialled.ts';
import { EachEnd } from './each-end.ts';
import { Frames } from './frames.ts';
import type { NatsHost } from './host.ts';
import { NatsLink } from './link.ts';
import { ANY, besideOf, ClusterNames, checkNatsAddress, chosen, isChosen, numbered } from './names.ts';
import { type NatsOptions, type NatsSettings, resolveOptions } from './options.ts';
import { loadPackages, type Packages } from './packages.ts';
import { PromptCalls } from './prompt-calls.ts';
import { NatsSharedStore } from './shared-store.ts';
import { SharedSubscription } from './shared-subscription.ts';
import { NatsStore } from './store.ts';
import { NatsSubscription } from './subscription.ts';

export type { NatsOptions, NatsTls } from './options.ts';

/**
 * Makes a transport over NATS, with calls and results in streams of its JetStream. Addresses are `nats:<server>`, the same one for all that
 * a server binds; binding `nats:*` chooses a name. It needs nats-server 2.11 with JetStream, and the packages `@nats-io/transport-node` and
 * `@nats-io/jetstream`, which it loads at its first use.
 *
 * @throws PalmError `INVALID_CALL` that names an unacceptable option.
 * @example
 * const transport = nats({ servers: 'nats://127.0.0.1:4222' });
 * await using server = await Server.start({ transport, name: 'server', dbAddress: 'nats:server', … });
 */
export function nats(options: NatsOptions = {}): BindingTransport {
  const settings = resolveOptions(options);
  return {
    name: 'nats',
    checkAddress: checkNatsAddress,
    freeAddress: (beside = ANY, option = '') => besideOf(chosen(beside), option),
    open: async () => new NatsConnection(settings, loadPackages()),
  };
}

class NatsConnection extends BaseConnection implements BindingConnection, NatsHost {
  readonly link: NatsLink;
  readonly names: ClusterNames;
  readonly frames: Frames;
  readonly promptCalls: PromptCalls = new PromptCalls();
  readonly lanes: CallLanes = new CallLanes();
  readonly #requesters = new Map<string, NatsRequester>();
  #store: NatsStore | undefined;

  constructor(settings: NatsSettings, packages: Packages) {
    super();
    this.link = new NatsLink(settings, packages);
    this.names = new ClusterNames(settings.cluster);
    this.frames = new Frames(this.names, settings);
  }

  request(address: string, frame: Bytes): PendingReply {
    this.checkUse(address);
    let requester = this.#requesters.get(address);
    if (requester === undefined) {
      requester = this.keep(new NatsRequester(this, address)).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  requestEach(address: string, found: (end: RequestEnd) => void): () => void {
    this.checkUse(address);
    const ends = this.keep(new EachEnd(this, address, found));
    ends.start();
    return () => void ends.close();
  }

  push(address: string): Pusher {
    this.checkUse(address);
    return this.keep(new NatsPusher(this, address)).dial();
  }

  subscribe(address: string, topic: string, options: SubscribeOptions = {}): Subscription {
    this.checkUse(address);
    checkTopic(topic);
    const { shared } = options;
    const subscription =
      shared !== undefined && this.settles(address) && this.settles(shared)
        ? new SharedSubscription(this, address, topic, shared)
        : new NatsSubscription(this, address, topic, options);
    return this.keep(subscription).dial();
  }

  settles(address: string): boolean {
    this.checkUse(address);
    return !isChosen(address);
  }

  async store(address: string, delivery: Delivery): Promise<void> {
    this.checkUse(address);
    this.#store ??= this.keep(new NatsStore(this));
    await this.#store.add(address, delivery);
  }

  pull(address: string): Puller {
    this.checkUse(address);
    return this.keep(new NatsPuller(this, address)).dial();
  }

  sharedStore(address: string): SharedStore | undefined {
    // Whoever lets the system choose the name shares it with nobody.
    return address === ANY ? undefined : new NatsSharedStore(this, address);
  }

  async bindReply(address: string, answer: Answer, options?: BindOptions): Promise<Binding> {
    this.checkUse(address);
    return this.#bind(new NatsReply(this, chosen(address), answer, options));
  }

  async bindPull(address: string, options?: BindOptions): Promise<BoundPull> {
    this.checkUse(address);
    return this.#bindNumbered(address, (own) => new NatsPull(this, own, options));
  }

  async bindPush(address: string): Promise<BoundPush> {
    this.checkUse(address);
    return this.#bindNumbered(address, (own) => new NatsPush(this, own));
  }

  async bindPublish(address: string, options?: BindOptions): Promise<BoundPublish> {
    this.checkUse(address);
    return this.#bind(new NatsPublish(this, chosen(address), options));
  }

  protected checkAddress(address: string): void {
    checkNatsAddress(address);
  }

  protected override async hangUp(): Promise<void> {
    await this.link.close();
  }

  async #bindNumbered<T extends NatsPull | NatsPush>(
    address: string,
    make: (address: string) => T,
  ): Promise<T> {
    const addressOf = numbered(address);
    if (addressOf === undefined) return this.#bind(make(chosen(address)));
    for (let number = 1; ; number++) {
      const end = make(addressOf(number));
      if (await end.isTaken()) continue;
      // Another one may have come to it in between, or at the same time.
      const isBound = await end.bind().then(
        () => true,
        async (error: unknown) => {
          if (!(await end.isTaken())) throw error;
          return false;
        },
      );
      if (!isBound) continue;
      if (!(await end.mustYield())) return this.keep(end);
      await end.close();
    }
  }

  async #bind<T extends Binding & { bind(): Promise<unknown> }>(end: T): Promise<T> {
    await end.bind();
    return this.keep(end);
  }
}
