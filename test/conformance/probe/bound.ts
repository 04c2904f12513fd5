/** The ends of `threads()` that are bound. */
import {
  type Answer,
  BatchQueue,
  type Binding,
  type BoundPull,
  type BoundPush,
  type Bytes,
  type ChannelHost,
  type CloseOptions,
  type Delivery,
  HeldDeliveries,
  invalidCall,
  PalmError,
} from '../../../transports/shared/index.ts';
import { WINDOW } from './dialled.ts';
import type { End, Hub, Kind } from './hub.ts';
import { costOf, Link, type Message, pack, packDeliveries, unpack } from './link.ts';
import { Outlet } from './outlet.ts';

/** Deliveries that wait for one subscriber, beside those that it has not read. */
const MAX_WAITING = 50_000;

abstract class Bound implements Binding, End {
  address = '';
  readonly kind: Kind;
  protected readonly links = new Set<Link>();
  protected isClosed = false;
  readonly #hub: Hub;
  readonly #host: ChannelHost;

  constructor(hub: Hub, host: ChannelHost, kind: Kind) {
    this.#hub = hub;
    this.#host = host;
    this.kind = kind;
  }

  bind(wished: string): this {
    const address = this.#hub.bind(wished, this);
    if (address === undefined) throw invalidCall(`${wished} is bound already: bind another name`);
    this.address = address;
    return this;
  }

  linked(port: MessagePort): void {
    const link = new Link(port, (message, from) => this.take(message, from));
    this.links.add(link);
    link.onGone(() => {
      this.links.delete(link);
      this.detached(link);
    });
    this.attached(link);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.drain(options.timeout ?? 1_000);
    this.#hub.unbind(this.address);
    for (const link of [...this.links]) link.close();
    this.#host.release(this);
  }

  protected closedError(): PalmError {
    return new PalmError('CLOSED', `${this.address} is closed`, { sent: false });
  }

  protected attached(_link: Link): void {}
  protected detached(_link: Link): void {}
  protected async drain(_timeout: number): Promise<void> {}
  protected abstract take(message: Message, link: Link): void;
}

export class ThreadReply extends Bound {
  readonly #answer: Answer;

  constructor(hub: Hub, host: ChannelHost, answer: Answer) {
    super(hub, host, 'reply');
    this.#answer = answer;
  }

  protected take(message: Message, link: Link): void {
    if (message.type !== 'request') return;
    const { id, packed } = message;
    const [request = new Uint8Array(0)] = unpack(packed);
    const origin = { link, onGone: (listener: () => void) => link.onGone(listener) };
    const answer = this.#answer(request, origin);
    const reply = (frame: Bytes) => link.post({ type: 'reply', id, packed: pack([frame]) });
    void Promise.resolve(answer).then(reply);
  }
}

export class ThreadPull extends Bound implements BoundPull {
  /** Each frame with its link, which gets credit when the frame is read. */
  readonly #queue = new BatchQueue<{ readonly link: Link; readonly frame: Bytes }>(Number.POSITIVE_INFINITY);
  #isStopped = false;

  [Symbol.asyncIterator](): AsyncIterator<Bytes[], undefined> {
    return {
      next: async () => {
        const { value } = await this.#queue.next();
        if (value === undefined) return { done: true, value };
        const frames = value.map(({ frame }) => frame);
        if (!this.#isStopped)
          for (const { link, frame } of value) link.post({ type: 'credit', amount: costOf([frame]) });
        return { done: false, value: frames };
      },
    };
  }

  stop(): void {
    this.#isStopped = true;
    this.#queue.end();
  }

  override async close(options?: CloseOptions): Promise<void> {
    await super.close(options);
    this.#queue.end();
  }

  protected override attached(link: Link): void {
    if (!this.#isStopped) link.post({ type: 'credit', amount: WINDOW });
  }

  protected take(message: Message, link: Link): void {
    if (message.type === 'frames') this.#queue.push(unpack(message.packed).map((frame) => ({ link, frame })));
  }
}

export class ThreadPush extends Bound implements BoundPush {
  readonly #outlet = new Outlet();
  readonly #pullers = new Set<Link>();
  readonly #listeners: (() => void)[] = [];

  get peers(): number {
    return this.#pullers.size;
  }

  onPeers(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async send(frames: readonly Bytes[]): Promise<void> {
    if (this.isClosed) throw this.closedError();
    await this.#outlet.send(frames);
  }

  protected override attached(link: Link): void {
    this.#outlet.add(link);
  }

  protected override detached(link: Link): void {
    this.#outlet.delete(link);
    if (this.#pullers.delete(link)) this.#tellPeers();
  }

  protected take(message: Message, link: Link): void {
    if (message.type !== 'credit') return;
    if (!this.#pullers.has(link)) {
      this.#pullers.add(link);
      link.post({ type: 'proved' });
      this.#tellPeers();
    }
    this.#outlet.grant(link, message.amount);
  }

  protected override async drain(timeout: number): Promise<void> {
    if (this.links.size > 0) await this.#outlet.drained(timeout);
    this.#outlet.fail(this.closedError());
  }

  #tellPeers(): void {
    for (const listener of this.#listeners) listener();
  }
}

interface Subscriber {
  readonly topic: string;
  room: number;
  readonly waiting: Delivery[];
}

export class ThreadPublish extends Bound {
  readonly #subscribers = new Map<Link, Subscriber>();
  readonly #held = new HeldDeliveries(() => {});

  async publish(deliveries: readonly Delivery[]): Promise<void> {
    if (this.isClosed) throw this.closedError();
    const taken = new Set<Delivery>();
    for (const [link, subscriber] of this.#subscribers) {
      const own = deliveries.filter(({ topic }) => topic.startsWith(subscriber.topic));
      for (const delivery of own) taken.add(delivery);
      this.#give(link, subscriber, own);
    }
    for (const delivery of deliveries) if (delivery.mayWait && !taken.has(delivery)) this.#held.add(delivery);
  }

  override async close(options?: CloseOptions): Promise<void> {
    await super.close(options);
    this.#held.clear();
  }

  protected take(message: Message, link: Link): void {
    if (message.type === 'subscribe') {
      const subscriber = { topic: message.topic, room: message.amount, waiting: [] };
      this.#subscribers.set(link, subscriber);
      link.post({ type: 'proved' });
      this.#give(link, subscriber, this.#held.release(message.topic));
    } else if (message.type === 'credit') {
      const subscriber = this.#subscribers.get(link);
      if (subscriber === undefined) return;
      subscriber.room += message.amount;
      this.#give(link, subscriber, []);
    }
  }

  protected override detached(link: Link): void {
    this.#subscribers.delete(link);
  }

  #give(link: Link, subscriber: Subscriber, deliveries: readonly Delivery[]): void {
    const { waiting } = subscriber;
    const room = Math.max(0, MAX_WAITING + subscriber.room - waiting.length);
    for (const delivery of deliveries.slice(0, room)) waiting.push(delivery);
    if (waiting.length > 0 && subscriber.room > 0) {
      const leaving = waiting.splice(0, subscriber.room);
      subscriber.room -= leaving.length;
      link.post(packDeliveries(leaving));
    }
    if (deliveries.length > room) link.post({ type: 'lost' });
  }
}
