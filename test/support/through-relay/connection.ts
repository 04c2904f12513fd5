import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { PalmError } from '../../../src/protocol/errors.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BoundPull,
  BoundPush,
  CloseOptions,
  Connection,
  ConnectionStatus,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../../../src/transport.ts';
import type { Directory, Use } from './directory.ts';
import {
  UnwrappingSubscription,
  unwrappingPull,
  unwrapRequest,
  WrappingPusher,
  wrapRequest,
} from './wrapping.ts';

export interface ThroughSettings {
  readonly upstream: Transport;
  /** The transport that dials the relay, for what it says of addresses. */
  readonly names: Transport;
  readonly directory: Directory;
  readonly bound: BindingConnection;
  readonly dialled: Connection;
  readonly isStock: boolean;
  readonly wrap: boolean;
}

/** Binds upstream and dials through the relay. */
export class ThroughConnection implements BindingConnection {
  readonly closed: Promise<PalmError | undefined>;
  readonly #settings: ThroughSettings;
  readonly #addresses: string[] = [];

  constructor(settings: ThroughSettings) {
    this.#settings = settings;
    const { bound, dialled } = settings;
    this.closed = dialled.closed.then(async (error) => {
      await bound.close();
      return error;
    });
  }

  /** The relay gives ids. The suites of clients wish for theirs all the same. */
  identify(wished?: string): Promise<void> {
    const { dialled, wrap } = this.#settings;
    return dialled.identify(wrap ? wished : undefined);
  }

  get id(): string {
    return this.#settings.dialled.id;
  }

  get keyPrefix(): string {
    return this.#settings.dialled.keyPrefix;
  }

  request(address: string, frame: Bytes): PendingReply {
    const { dialled, wrap } = this.#settings;
    return dialled.request(this.#name(address, 'db'), wrap ? wrapRequest(this.id, frame) : frame);
  }

  push(address: string): Pusher {
    const { dialled, wrap } = this.#settings;
    const name = this.#name(address, 'push');
    const pusher = dialled.push(name);
    return wrap ? new WrappingPusher(pusher, () => this.id, name) : pusher;
  }

  subscribe(address: string, topic: string, options?: SubscribeOptions): Subscription {
    const { dialled, wrap, directory } = this.#settings;
    const name = this.#name(address, 'subscribe');
    if (!wrap || topic === '') return dialled.subscribe(name, topic, options);
    const subscription = dialled.subscribe(name, `${this.id}/${topic}`, options);
    directory.subscribed(address, dialled);
    return new UnwrappingSubscription(subscription, () => this.id);
  }

  pull(address: string): Puller {
    return this.#settings.dialled.pull(this.#name(address, 'pull'));
  }

  get trouble(): string {
    return this.#settings.dialled.trouble;
  }

  status(): AsyncIterable<ConnectionStatus> {
    const { dialled, directory } = this.#settings;
    // At once: what happens before the first is read counts too.
    const statuses = dialled.status();
    return (async function* () {
      for await (const status of statuses) {
        if (status.type === 'closed') yield status;
        else for (const address of directory.addressesOf(status.address)) yield { ...status, address };
      }
    })();
  }

  async close(options?: CloseOptions): Promise<void> {
    const { bound, dialled } = this.#settings;
    await Promise.all([dialled.close(options), bound.close(options)]);
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    const { bound, wrap } = this.#settings;
    // What the relay itself asks gets the answer of a server that knows nothing.
    const answerWrapped: Answer = (request, from) => {
      const frame = unwrapRequest(request);
      return frame === undefined ? new Uint8Array(0) : answer(frame, from);
    };
    return this.#keep(await bound.bindReply(address, wrap ? answerWrapped : answer));
  }

  async bindPull(address: string): Promise<BoundPull> {
    const { bound, wrap } = this.#settings;
    const pull = this.#keep(await bound.bindPull(address));
    return wrap ? unwrappingPull(pull) : pull;
  }

  async bindPush(address: string): Promise<BoundPush> {
    return this.#keep(await this.#settings.bound.bindPush(address));
  }

  async bindPublish(
    address: string,
  ): Promise<Binding & { publish(deliveries: readonly Delivery[]): Promise<void> }> {
    const { bound, wrap, directory } = this.#settings;
    const publisher = this.#keep(await bound.bindPublish(address));
    if (!wrap) return publisher;
    return {
      address: publisher.address,
      close: (options) => publisher.close(options),
      publish: (deliveries) => publisher.publish(directory.forSubscribers(publisher.address, deliveries)),
    };
  }

  #name(address: string, use: Use): string {
    const { directory, upstream, names } = this.#settings;
    return directory.nameAt(upstream, names, address, use);
  }

  #keep<B extends Binding>(binding: B): B {
    this.#addresses.push(binding.address);
    this.#settings.directory.bound(binding.address, this.#addresses, this.#settings.isStock);
    return binding;
  }
}
