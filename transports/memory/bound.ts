/** The bound ends. */

import { type Deferred, deferred } from '../../src/async/deferred.ts';
import { harmless } from '../../src/async/harmless.ts';
import { PeerQueue } from '../../src/async/peer-queue.ts';
import { PULLED, PULLED_BYTES } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { PalmError } from '../../src/protocol/errors.ts';
import { isTakenBy } from '../../src/protocol/topics.ts';
import type { Answer, Binding, BoundPublish, BoundPull, BoundPush, Delivery } from '../../src/transport.ts';
import type { ChannelHost } from '../shared/base-connection.ts';
import { HeldDeliveries } from '../shared/held-deliveries.ts';
import type { Endpoint, MemoryNetwork, Taker } from './network.ts';

const sizeOf = (frame: Bytes) => frame.length;

abstract class Bound implements Binding {
  protected readonly network: MemoryNetwork;
  readonly #host: ChannelHost;
  #address = '';
  #closed = false;

  constructor(network: MemoryNetwork, host: ChannelHost) {
    this.network = network;
    this.#host = host;
  }

  get address(): string {
    return this.#address;
  }

  protected get isClosed(): boolean {
    return this.#closed;
  }

  bind(address: string): this {
    this.#address = this.network.bind(address, this.endpoint());
    return this;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.network.unbind(this.#address);
    this.#host.release(this);
  }

  protected abstract endpoint(): Endpoint;
}

export class MemoryReply extends Bound {
  readonly #answer: Answer;

  constructor(network: MemoryNetwork, host: ChannelHost, answer: Answer) {
    super(network, host);
    this.#answer = answer;
  }

  protected endpoint(): Endpoint {
    return { kind: 'reply', answer: async (request, from) => this.#answer(request, from) };
  }
}

export class MemoryPull extends Bound implements BoundPull {
  readonly #queue = new PeerQueue<Bytes>(PULLED, { sizeOf, bytes: PULLED_BYTES });
  /** Frames of this turn of events, by who sent them. */
  #arrived = new Map<object, Bytes[]>();
  #arrivedFrames = 0;
  #arrivedBytes = 0;
  #delivered: Promise<void> | undefined;

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.#queue;
  }

  stop(): void {
    this.#queue.end();
  }

  override async close(): Promise<void> {
    await super.close();
    this.#queue.end();
  }

  protected endpoint(): Endpoint {
    return { kind: 'pull', take: (frames, from) => this.#take(frames, from) };
  }

  /** Collects frames until the next macrotask, so that they travel in batches and other events get their turn. */
  #take(frames: readonly Bytes[], from: object): Promise<void> | undefined {
    this.#delivered ??= this.#deliver();
    const own = this.#arrived.get(from) ?? [];
    this.#arrived.set(from, own);
    for (const frame of frames) {
      own.push(frame);
      this.#arrivedBytes += frame.length;
    }
    this.#arrivedFrames += frames.length;
    const isMuch = this.#arrivedFrames >= PULLED || this.#arrivedBytes >= PULLED_BYTES;
    if (!isMuch && !this.#queue.isFullFor(from)) return undefined;
    return this.#delivered.then(() => this.#queue.room(from));
  }

  async #deliver(): Promise<void> {
    await new Promise<void>((resolve) => this.network.later(resolve));
    const arrived = this.#arrived;
    this.#arrived = new Map();
    this.#arrivedFrames = 0;
    this.#arrivedBytes = 0;
    this.#delivered = undefined;
    for (const [from, frames] of arrived) this.#queue.push(from, frames);
  }
}

export class MemoryPush extends Bound implements BoundPush {
  readonly #takers: Taker<Bytes>[] = [];
  readonly #listeners: (() => void)[] = [];
  #next = 0;
  /** Resolves when the sends that wait may look again. */
  #change: Deferred<void> | undefined;
  /** Pullers whose room is awaited. Each is asked once, so that one which never reads gathers no listeners. */
  readonly #awaited = new Set<Taker<Bytes>>();

  get peers(): number {
    return this.#takers.length;
  }

  onPeers(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    for (const frame of frames) {
      let taker = this.#free();
      while (taker === undefined) {
        if (this.isClosed) throw new PalmError('CLOSED', `${this.address} is closed`, { sent: false });
        await this.#changed();
        taker = this.#free();
      }
      taker.give([frame]);
    }
  }

  override async close(): Promise<void> {
    await super.close();
    this.#wake();
  }

  protected endpoint(): Endpoint {
    return {
      kind: 'push',
      attach: (taker) => {
        this.#takers.push(taker);
        this.#wake();
        this.#tellPeers();
      },
      detach: (taker) => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        this.#tellPeers();
      },
    };
  }

  /** The next puller in turn that has room. */
  #free(): Taker<Bytes> | undefined {
    for (let i = 0; i < this.#takers.length; i++) {
      const taker = this.#takers[this.#next++ % this.#takers.length];
      if (taker?.isFull === false) return taker;
    }
    return undefined;
  }

  /** Resolves when a puller comes, takes something or goes, and when this end closes. */
  #changed(): Promise<void> {
    this.#change ??= deferred();
    for (const taker of this.#takers) {
      if (this.#awaited.has(taker)) continue;
      this.#awaited.add(taker);
      taker.room().then(() => {
        this.#awaited.delete(taker);
        this.#wake();
      });
    }
    return this.#change.promise;
  }

  #tellPeers(): void {
    for (const listener of this.#listeners) harmless(listener);
  }

  #wake(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}

export class MemoryPublish extends Bound implements BoundPublish {
  readonly #takers = new Set<Taker<Delivery>>();
  #published: Delivery[] = [];
  readonly #held = new HeldDeliveries(() => {});
  readonly #listeners: ((topic: string, isThere: boolean) => void)[] = [];

  onSubscribers(listener: (topic: string, isThere: boolean) => void): void {
    this.#listeners.push(listener);
  }

  async publish(deliveries: readonly Delivery[]): Promise<void> {
    if (this.isClosed) throw new PalmError('CLOSED', `${this.address} is closed`, { sent: false });
    if (this.#published.length === 0) this.network.later(() => this.#deliver());
    for (const delivery of deliveries) this.#published.push(delivery);
  }

  override async close(): Promise<void> {
    this.#deliver();
    // As over a network, readers get what was published before they learn of the end.
    await new Promise<void>((resolve) => this.network.later(resolve));
    await super.close();
    this.#held.clear();
  }

  protected endpoint(): Endpoint {
    return {
      kind: 'publish',
      attach: (taker) => {
        this.#takers.add(taker);
        this.#tell(taker.topic, true);
        const waiting = this.#held.release(taker.topic);
        if (waiting.length > 0) taker.give(waiting);
      },
      detach: (taker) => {
        this.#takers.delete(taker);
        for (const { topic } of this.#takers) if (topic === taker.topic) return;
        this.#tell(taker.topic, false);
      },
    };
  }

  #tell(topic: string, isThere: boolean): void {
    for (const listener of this.#listeners) harmless(() => listener(topic, isThere));
  }

  #deliver(): void {
    const published = this.#published;
    this.#published = [];
    for (const taker of this.#takers) {
      const own = published.filter(({ topic }) => isTakenBy(topic, taker.topic));
      if (own.length > 0) taker.give(own);
    }
    if (this.isClosed) return;
    for (const delivery of published) {
      if (delivery.mayWait && !this.#hasTaker(delivery.topic)) this.#held.add(delivery);
    }
  }

  #hasTaker(topic: string): boolean {
    for (const taker of this.#takers) if (isTakenBy(topic, taker.topic)) return true;
    return false;
  }
}
