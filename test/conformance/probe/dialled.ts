/** The ends of `threads()` that dial. */
import {
  BatchQueue,
  type Bytes,
  type Channel,
  type ChannelHost,
  type CloseOptions,
  type Delivery,
  PalmError,
  PendingReplies,
  type PendingReply,
  type Puller,
  type Pusher,
  Readiness,
  type Subscription,
} from '../../../transports/shared/index.ts';
import type { End, Hub, Kind } from './hub.ts';
import { costOf, Link, type Message, pack, unpack, unpackDeliveries } from './link.ts';
import { Outlet } from './outlet.ts';

/** What may be on its way to one reader, in bytes with 128 for each frame. */
export const WINDOW = 1_024 * 1_024;

abstract class Dialled extends Readiness implements Channel, End {
  readonly address: string;
  readonly kind: Kind;
  protected link: Link | undefined;
  protected refusal: PalmError | undefined;
  readonly #hub: Hub;
  readonly #host: ChannelHost;

  constructor(hub: Hub, host: ChannelHost, address: string, kind: Kind) {
    super();
    this.#hub = hub;
    this.#host = host;
    this.address = address;
    this.kind = kind;
  }

  dial(): this {
    this.#host.report({ type: 'connecting', address: this.address }, this);
    this.#hub.dial(this.address, this);
    return this;
  }

  linked(port: MessagePort): void {
    this.refusal = undefined;
    const link = new Link(port, (message) => this.take(message));
    this.link = link;
    link.onGone(() => this.#broken());
    this.#host.report({ type: 'connected', address: this.address }, this);
    this.attached(link);
  }

  misfit(bound: Kind): void {
    const text = `${this.address} is bound to ${bound}, and was dialled for ${this.kind}`;
    this.refusal = new PalmError('PROTOCOL', text, { sent: false });
    this.setRefused(this.refusal);
    this.failed(this.refusal);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    if (this.isClosed) return;
    const error = new PalmError('CLOSED', `the connection to ${this.address} is closed`, { sent: false });
    this.refusal = error;
    if (this.link !== undefined) await this.drain(options.timeout ?? 1_000);
    this.#hub.hangUp(this.address, this);
    this.setClosed(error);
    this.link?.close();
    this.failed(error);
    this.#host.release(this);
  }

  protected abstract attached(link: Link): void;
  protected abstract take(message: Message): void;
  /** What waits is given up. */
  protected failed(_error: PalmError): void {}
  protected async drain(_timeout: number): Promise<void> {}

  #broken(): void {
    this.link = undefined;
    if (this.isClosed) return;
    const error = new PalmError('DISCONNECTED', `the peer at ${this.address} is gone`, { sent: 'unknown' });
    this.#host.report({ type: 'disconnected', address: this.address, reason: error.message }, this);
    this.failed(error);
    this.setBroken(error);
    this.#hub.dial(this.address, this);
  }
}

export class ThreadRequester extends Dialled {
  readonly #replies = new PendingReplies<Bytes>();
  readonly #unsent = new Map<number, Bytes>();

  request(frame: Bytes): PendingReply {
    if (this.refusal !== undefined) return { reply: Promise.reject(this.refusal), cancel: () => {} };
    const { id, reply } = this.#replies.add();
    if (this.link === undefined) this.#unsent.set(id, frame);
    else this.link.post({ type: 'request', id, packed: pack([frame]) });
    const cancel = (reason: unknown) => {
      this.#unsent.delete(id);
      this.#replies.fail(id, reason);
    };
    return { reply, cancel };
  }

  protected attached(link: Link): void {
    for (const [id, frame] of this.#unsent) link.post({ type: 'request', id, packed: pack([frame]) });
    this.#unsent.clear();
    this.setReady();
  }

  protected take(message: Message): void {
    if (message.type !== 'reply') return;
    const [reply] = unpack(message.packed);
    if (reply !== undefined) this.#replies.settle(message.id, reply);
  }

  protected override failed(error: PalmError): void {
    for (const id of this.#unsent.keys()) this.#replies.fail(id, error);
    this.#unsent.clear();
    // The others have left.
    this.#replies.failAll(new PalmError(error.code, error.message, { sent: 'unknown' }));
  }
}

export class ThreadPusher extends Dialled implements Pusher {
  readonly #outlet = new Outlet();

  async send(frames: readonly Bytes[]): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    await this.#outlet.send(frames);
  }

  protected attached(link: Link): void {
    this.#outlet.add(link);
    link.onGone(() => this.#outlet.delete(link));
    this.setReady();
  }

  protected take(message: Message): void {
    if (message.type === 'credit' && this.link !== undefined) this.#outlet.grant(this.link, message.amount);
  }

  protected override failed(error: PalmError): void {
    this.#outlet.fail(error);
  }

  protected override async drain(timeout: number): Promise<void> {
    await this.#outlet.drained(timeout);
  }
}

abstract class Receiver<T> extends Dialled {
  protected readonly queue = new BatchQueue<T>(Number.POSITIVE_INFINITY);

  [Symbol.asyncIterator](): AsyncIterator<T[], undefined> {
    return {
      next: async () => {
        const batch = await this.queue.next();
        if (batch.value !== undefined)
          this.link?.post({ type: 'credit', amount: this.creditFor(batch.value) });
        return batch;
      },
    };
  }

  override async close(options?: CloseOptions): Promise<void> {
    await super.close(options);
    this.queue.end();
  }

  /** Credit that the reader gives back with a batch. */
  protected abstract creditFor(batch: readonly T[]): number;
}

export class ThreadPuller extends Receiver<Bytes> implements Puller {
  protected attached(link: Link): void {
    link.post({ type: 'credit', amount: WINDOW });
  }

  protected creditFor(batch: readonly Bytes[]): number {
    return costOf(batch);
  }

  protected take(message: Message): void {
    if (message.type === 'proved') this.setReady();
    else if (message.type === 'frames') this.queue.push(unpack(message.packed));
  }
}

export class ThreadSubscription extends Receiver<Delivery> implements Subscription {
  isProved = false;
  readonly #topic: string;
  readonly #maxUnread: number;

  constructor(hub: Hub, host: ChannelHost, address: string, topic: string, maxUnread: number) {
    super(hub, host, address, 'publish');
    this.#topic = topic;
    this.#maxUnread = maxUnread;
  }

  protected attached(link: Link): void {
    link.post({ type: 'subscribe', topic: this.#topic, amount: this.#maxUnread });
  }

  protected creditFor(batch: readonly Delivery[]): number {
    return batch.length;
  }

  protected take(message: Message): void {
    if (message.type === 'deliveries') this.queue.push(unpackDeliveries(message));
    else if (message.type === 'proved') {
      this.isProved = true;
      this.setReady();
    } else if (message.type === 'lost') {
      const text = `${this.address} dropped deliveries that were not read: read faster`;
      this.setBroken(new PalmError('LOST', text, { sent: true }));
      this.setReady();
    }
  }
}
