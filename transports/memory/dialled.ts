/** The dialling ends: what a connection's verbs give. */

import { BatchQueue, type ByteMark } from '../../src/async/batch-queue.ts';
import { type Deferred, deferred, PendingReplies } from '../../src/async/deferred.ts';
import { harmless } from '../../src/async/harmless.ts';
import { Readiness } from '../../src/async/readiness.ts';
import { atMost } from '../../src/async/timers.ts';
import { PUBLISHED_BYTES_IN_PROCESS, PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import type {
  Channel,
  CloseOptions,
  Delivery,
  PendingReply,
  Puller,
  Pusher,
  Subscription,
} from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import {
  copyReply,
  type Dialler,
  type Endpoint,
  type EndpointKind,
  type EndpointOf,
  type MemoryNetwork,
  type Taker,
} from './network.ts';

/** Bytes that a delivery costs beside its frames. */
const DELIVERY_OVERHEAD = 256;

abstract class Dialled<K extends EndpointKind> extends Readiness implements Channel, Dialler {
  protected readonly network: MemoryNetwork;
  readonly address: string;
  readonly #kind: K;
  readonly #host: ChannelHost;
  #endpoint: EndpointOf<K> | undefined;

  constructor(network: MemoryNetwork, address: string, kind: K, host: ChannelHost) {
    super();
    this.network = network;
    this.address = address;
    this.#kind = kind;
    this.#host = host;
  }

  protected get endpoint(): EndpointOf<K> | undefined {
    return this.#endpoint;
  }

  /** Dials. It is not part of the constructor, because `bound` may be called at once and needs the complete subclass. */
  dial(): this {
    this.#host.report({ type: 'connecting', address: this.address }, this);
    this.network.dial(this.address, this);
    return this;
  }

  bound(endpoint: Endpoint): void {
    if (endpoint.kind !== this.#kind) {
      const text = `${this.address} is bound to ${endpoint.kind}, not to ${this.#kind}`;
      this.setRefused(new PalmError('PROTOCOL', text, { sent: false }));
      return;
    }
    this.#endpoint = endpoint as EndpointOf<K>;
    this.attach(this.#endpoint);
    this.#host.report({ type: 'connected', address: this.address }, this);
    this.setReady();
  }

  gone(error: PalmError): void {
    if (this.#endpoint === undefined) return;
    this.#endpoint = undefined;
    this.#host.report({ type: 'disconnected', address: this.address, reason: error.message }, this);
    this.setBroken(error);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.network.hangUp(this.address, this);
    this.#host.release(this);
    if (this.#endpoint !== undefined) this.detach(this.#endpoint);
    this.#endpoint = undefined;
    this.setClosed(new PalmError('CLOSED', `the connection to ${this.address} is closed`, { sent: false }));
  }

  protected slow(queued: number): void {
    this.#host.report({ type: 'slow', address: this.address, queued }, this);
  }

  protected attach(_endpoint: EndpointOf<K>): void {}
  protected detach(_endpoint: EndpointOf<K>): void {}
}

export class MemoryRequester extends Dialled<'reply'> {
  readonly #pending = new PendingReplies<Bytes>();
  /** Requests that the server has. */
  readonly #asked = new Set<number>();
  readonly #onGone = new Set<() => void>();
  readonly #origin = {
    link: this.#onGone,
    onGone: (listener: () => void) => {
      if (this.endpoint === undefined) this.network.later(() => this.#onGone.delete(listener) && listener());
      this.#onGone.add(listener);
      return () => this.#onGone.delete(listener);
    },
  };

  constructor(network: MemoryNetwork, address: string, host: ChannelHost) {
    super(network, address, 'reply', host);
    this.onBreak((error) => {
      this.#asked.clear();
      this.#pending.failAll(error);
    });
  }

  request(frame: Bytes): PendingReply {
    const { id, reply } = this.#pending.add();
    const send = () => {
      if (!this.#pending.has(id)) return;
      const { endpoint } = this;
      if (endpoint === undefined) return whenReady();
      this.#asked.add(id);
      endpoint.answer(frame, this.#origin).then((answer) => {
        this.#asked.delete(id);
        this.#pending.settle(id, copyReply(answer));
      });
    };
    const whenReady = () => {
      this.ready().then(
        () => this.network.later(send),
        (error) => this.#pending.fail(id, error),
      );
    };
    whenReady();
    return { reply, cancel: (reason) => this.#pending.fail(id, reason) };
  }

  override async close(): Promise<void> {
    await super.close();
    const closed = (sent: false | 'unknown') =>
      new PalmError('CLOSED', `the connection to ${this.address} was closed before the reply`, { sent });
    for (const id of this.#asked) this.#pending.fail(id, closed('unknown'));
    this.#pending.failAll(closed(false));
  }

  protected override detach(): void {
    for (const listener of this.#onGone) harmless(listener);
    this.#onGone.clear();
  }
}

export class MemoryPusher extends Dialled<'pull'> implements Pusher {
  /** Sends that wait for the server to read. */
  readonly #heldUp = new Set<Deferred<void>>();
  #idle: Deferred<void> | undefined;

  constructor(network: MemoryNetwork, address: string, host: ChannelHost) {
    super(network, address, 'pull', host);
    this.onBreak((error) => this.#giveUp(error));
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    while (this.endpoint === undefined) await this.ready();
    const taking = this.endpoint.take(frames, this);
    if (taking === undefined) return;
    const sent = deferred<void>();
    this.#heldUp.add(sent);
    taking.then(() => this.#settled(sent));
    await sent.promise;
  }

  override async close(options: CloseOptions = {}): Promise<void> {
    const { timeout = 0 } = options;
    if (!this.isClosed && timeout > 0 && this.#heldUp.size > 0) {
      this.#idle ??= deferred();
      await atMost(timeout, this.#idle.promise);
    }
    await super.close();
    const text = `the connection to ${this.address} was closed before the server took the message`;
    this.#giveUp(new PalmError('CLOSED', text, { sent: 'unknown' }));
  }

  #settled(sent: Deferred<void>): void {
    this.#heldUp.delete(sent);
    sent.resolve();
    if (this.#heldUp.size === 0) this.#idle?.resolve();
  }

  #giveUp(error: PalmError): void {
    for (const sent of this.#heldUp) sent.reject(error);
    this.#heldUp.clear();
    this.#idle?.resolve();
  }
}

/** The common part of puller and subscription: a queue that the bound end fills. */
abstract class Receiving<K extends 'push' | 'publish', T> extends Dialled<K> implements Taker<T> {
  readonly topic: string;
  protected readonly queue: BatchQueue<T>;

  constructor(
    network: MemoryNetwork,
    address: string,
    kind: K,
    topic: string,
    host: ChannelHost,
    mark: ByteMark<T>,
    most: number,
  ) {
    super(network, address, kind, host);
    this.topic = topic;
    this.queue = new BatchQueue<T>(most, mark);
  }

  get isFull(): boolean {
    return this.queue.isFull;
  }

  room(): Promise<void> {
    return this.queue.room();
  }

  abstract give(items: readonly T[]): void;

  [Symbol.asyncIterator](): AsyncIterator<T[], undefined> {
    return this.queue;
  }

  override async close(): Promise<void> {
    await super.close();
    this.queue.end();
  }
}

export class MemoryPuller extends Receiving<'push', Bytes> implements Puller {
  constructor(network: MemoryNetwork, address: string, host: ChannelHost) {
    const mark = { sizeOf: (frame: Bytes) => frame.length, bytes: PULLED_BYTES };
    super(network, address, 'push', '', host, mark, PULLED);
  }

  give(frames: readonly Bytes[]): void {
    this.queue.push(frames);
  }

  protected override attach(endpoint: EndpointOf<'push'>): void {
    endpoint.attach(this);
  }

  protected override detach(endpoint: EndpointOf<'push'>): void {
    endpoint.detach(this);
  }
}

export class MemorySubscription extends Receiving<'publish', Delivery> implements Subscription {
  readonly isProved = true;

  constructor(network: MemoryNetwork, address: string, topic: string, host: ChannelHost) {
    const mark = { sizeOf: sizeOfDelivery, bytes: PUBLISHED_BYTES_IN_PROCESS };
    super(network, address, 'publish', topic, host, mark, Number.POSITIVE_INFINITY);
  }

  give(deliveries: readonly Delivery[]): void {
    if (this.queue.isFull) {
      this.slow(this.queue.size);
      const text = `${this.queue.size} deliveries from ${this.address} are unread, so newer ones were dropped: read faster`;
      this.setBroken(new PalmError('LOST', text, { sent: true }));
      this.setReady();
      return;
    }
    this.queue.push(deliveries);
  }

  protected override attach(endpoint: EndpointOf<'publish'>): void {
    endpoint.attach(this);
  }

  protected override detach(endpoint: EndpointOf<'publish'>): void {
    endpoint.detach(this);
  }
}

function sizeOfDelivery({ topic, frames }: Delivery): number {
  let size = DELIVERY_OVERHEAD + topic.length;
  for (const { length } of frames) size += length;
  return size;
}
