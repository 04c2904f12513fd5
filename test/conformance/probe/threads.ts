/**
 * A transport over MessagePorts that was written from docs/guide/transports.md alone, with `frond/transport`. It shows what a second
 * implementer needs, and its mutants show what the suite notices.
 */
import {
  type Answer,
  BaseConnection,
  type Binding,
  type BindingConnection,
  type BindingTransport,
  type BoundPull,
  type BoundPush,
  type Bytes,
  checkTopic,
  type Delivery,
  inspectValue,
  invalidCall,
  type PendingReply,
  type Puller,
  type Pusher,
  type SubscribeOptions,
  type Subscription,
} from '../../../transports/shared/index.ts';
import { ThreadPublish, ThreadPull, ThreadPush, ThreadReply } from './bound.ts';
import { ThreadPuller, ThreadPusher, ThreadRequester, ThreadSubscription } from './dialled.ts';
import { Hub } from './hub.ts';

/** Deliveries that a subscription holds unread, unless it says otherwise. */
const MAX_UNREAD = 10_000;

function checkAddress(address: unknown): void {
  if (typeof address === 'string' && /^thread:\/\/([\w.-]+|\*)$/.test(address)) return;
  throw invalidCall(`threads() dials 'thread://name', not ${inspectValue(address)}`);
}

export function threads(): BindingTransport {
  const hub = new Hub();
  return {
    name: 'threads',
    checkAddress,
    open: async () => new ThreadConnection(hub),
  };
}

class ThreadConnection extends BaseConnection implements BindingConnection {
  readonly #hub: Hub;
  readonly #requesters = new Map<string, ThreadRequester>();

  constructor(hub: Hub) {
    super();
    this.#hub = hub;
  }

  request(address: string, frame: Bytes): PendingReply {
    this.checkUse(address);
    let requester = this.#requesters.get(address);
    if (requester === undefined) {
      requester = this.keep(new ThreadRequester(this.#hub, this, address, 'reply')).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  push(address: string): Pusher {
    this.checkUse(address);
    return this.keep(new ThreadPusher(this.#hub, this, address, 'pull')).dial();
  }

  pull(address: string): Puller {
    this.checkUse(address);
    return this.keep(new ThreadPuller(this.#hub, this, address, 'push')).dial();
  }

  subscribe(address: string, topic: string, options: SubscribeOptions = {}): Subscription {
    this.checkUse(address);
    checkTopic(topic);
    const maxUnread = options.maxUnread ?? MAX_UNREAD;
    return this.keep(new ThreadSubscription(this.#hub, this, address, topic, maxUnread)).dial();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    this.checkUse(address);
    return this.keep(new ThreadReply(this.#hub, this, answer).bind(address));
  }

  async bindPull(address: string): Promise<BoundPull> {
    this.checkUse(address);
    return this.keep(new ThreadPull(this.#hub, this, 'pull').bind(address));
  }

  async bindPush(address: string): Promise<BoundPush> {
    this.checkUse(address);
    return this.keep(new ThreadPush(this.#hub, this, 'push').bind(address));
  }

  async bindPublish(
    address: string,
  ): Promise<Binding & { publish(deliveries: readonly Delivery[]): Promise<void> }> {
    this.checkUse(address);
    return this.keep(new ThreadPublish(this.#hub, this, 'publish').bind(address));
  }

  protected checkAddress(address: string): void {
    checkAddress(address);
  }
}
