/** A transport within one process, written from `frond/transport` alone as a stranger would: it imports nothing else. */
import {
  type Answer,
  BaseConnection,
  BatchQueue,
  type Binding,
  type BindingConnection,
  type BindingTransport,
  type BoundPull,
  type BoundPush,
  type Bytes,
  type Channel,
  type ChannelHost,
  checkTopic,
  type Delivery,
  inspectValue,
  invalidCall,
  PalmError,
  type PendingReply,
  type Puller,
  type Pusher,
  Readiness,
  type RequestOrigin,
  type SubscribeOptions,
  type Subscription,
} from '../../transports/shared/index.ts';

const MANY = 10_000;

/** What is bound, by address, and who waits for it. */
interface Wires {
  readonly ends: Map<string, End>;
  readonly dialled: Set<Dialled>;
  next: number;
}

type End =
  | { readonly kind: 'reply'; answer(request: Bytes, from: RequestOrigin): Promise<Bytes> }
  | { readonly kind: 'pull'; readonly queue: BatchQueue<Bytes> }
  | { readonly kind: 'push' | 'publish'; readonly takers: Set<Dialled> };

export function loopback(): BindingTransport {
  const wires: Wires = { ends: new Map(), dialled: new Set(), next: 0 };
  return {
    name: 'loopback',
    checkAddress,
    open: async () => new LoopbackConnection(wires),
  };
}

function checkAddress(address: string): void {
  if (!/^loop:\S+$/.test(address))
    throw invalidCall(`loopback dials 'loop:name', not ${inspectValue(address)}`);
}

class Dialled extends Readiness implements Channel, Puller {
  readonly queue = new BatchQueue<Bytes>(MANY);
  protected readonly wires: Wires;
  protected readonly host: ChannelHost;
  readonly address: string;

  constructor(wires: Wires, host: ChannelHost, address: string) {
    super();
    this.wires = wires;
    this.host = host;
    this.address = address;
    wires.dialled.add(this);
    host.report({ type: 'connecting', address }, this);
    queueMicrotask(() => this.look());
  }

  get end(): End | undefined {
    return this.wires.ends.get(this.address);
  }

  /** Takes note of what is bound at the address now. */
  look(): void {
    const { end } = this;
    if (this.isClosed || end === undefined) return;
    if (end.kind === 'push' || end.kind === 'publish') end.takers.add(this);
    this.host.report({ type: 'connected', address: this.address }, this);
    this.setReady();
  }

  give(_delivery: Delivery): void {}

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return this.queue;
  }

  async close(): Promise<void> {
    const { end } = this;
    if (end !== undefined && 'takers' in end) end.takers.delete(this);
    this.wires.dialled.delete(this);
    this.queue.end();
    this.host.release(this);
    this.setClosed(new PalmError('CLOSED', `the connection to ${this.address} is closed`, { sent: false }));
  }
}

class LoopbackPusher extends Dialled implements Pusher {
  async send(frames: readonly Bytes[]): Promise<void> {
    await this.ready();
    const { end } = this;
    if (end?.kind === 'pull') end.queue.push(frames);
  }
}

class LoopbackSubscription extends Readiness implements Subscription {
  readonly isProved = true;
  readonly #queue = new BatchQueue<Delivery>(MANY);
  readonly #wire: Dialled;

  constructor(wires: Wires, host: ChannelHost, address: string, topic: string) {
    super();
    this.#wire = new Dialled(wires, host, address);
    this.#wire.give = (delivery) => {
      if (delivery.topic.startsWith(topic)) this.#queue.push([delivery]);
    };
    this.#wire.ready().then(
      () => this.setReady(),
      () => {},
    );
  }

  [Symbol.asyncIterator](): AsyncIterator<Delivery[], undefined> {
    return this.#queue;
  }

  async close(): Promise<void> {
    await this.#wire.close();
    this.#queue.end();
    this.setClosed(
      new PalmError('CLOSED', `the subscription at ${this.#wire.address} is closed`, { sent: false }),
    );
  }
}

class LoopbackConnection extends BaseConnection implements BindingConnection {
  readonly #wires: Wires;

  constructor(wires: Wires) {
    super();
    this.#wires = wires;
  }

  protected checkAddress(address: string): void {
    checkAddress(address);
  }

  request(address: string, frame: Bytes): PendingReply {
    this.checkUse(address);
    const end = this.#wires.ends.get(address);
    const from: RequestOrigin = { link: this, onGone: () => () => {} };
    const nobody = new PalmError('DISCONNECTED', `nobody answers at ${address}`, { sent: false });
    const reply = end?.kind === 'reply' ? end.answer(frame, from) : Promise.reject(nobody);
    return { reply, cancel: () => {} };
  }

  push(address: string): Pusher {
    this.checkUse(address);
    return this.keep(new LoopbackPusher(this.#wires, this, address));
  }

  subscribe(address: string, topic: string, _options?: SubscribeOptions): Subscription {
    this.checkUse(address);
    checkTopic(topic);
    return this.keep(new LoopbackSubscription(this.#wires, this, address, topic));
  }

  pull(address: string): Puller {
    this.checkUse(address);
    return this.keep(new Dialled(this.#wires, this, address));
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    return this.#bind(address, { kind: 'reply', answer: async (...args) => answer(...args) });
  }

  async bindPull(address: string): Promise<BoundPull> {
    const queue = new BatchQueue<Bytes>(MANY);
    const stop = () => queue.end();
    const binding = this.#bind(address, { kind: 'pull', queue }, stop);
    return { ...binding, stop, [Symbol.asyncIterator]: () => queue };
  }

  async bindPush(address: string): Promise<BoundPush> {
    const takers = new Set<Dialled>();
    const binding = this.#bind(address, { kind: 'push', takers });
    return {
      ...binding,
      get peers() {
        return takers.size;
      },
      onPeers: () => {},
      send: async (frames) => {
        const [first] = takers;
        first?.queue.push(frames);
      },
    };
  }

  async bindPublish(
    address: string,
  ): Promise<Binding & { publish(deliveries: readonly Delivery[]): Promise<void> }> {
    const takers = new Set<Dialled>();
    const binding = this.#bind(address, { kind: 'publish', takers });
    const publish = async (deliveries: readonly Delivery[]) => {
      for (const delivery of deliveries) for (const taker of takers) taker.give(delivery);
    };
    return { ...binding, publish };
  }

  #bind(address: string, end: End, closed = () => {}): Binding {
    this.checkUse(address);
    const own = address === 'loop:*' ? `loop:${++this.#wires.next}` : address;
    this.#wires.ends.set(own, end);
    for (const dialled of this.#wires.dialled) if (dialled.address === own) dialled.look();
    return this.keep({
      address: own,
      close: async () => {
        this.#wires.ends.delete(own);
        closed();
      },
    });
  }
}
