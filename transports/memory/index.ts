/** `frond/memory`: clients and servers in one process or page. */
import { macrotasks } from '../../src/async/macrotask.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { checkTopic } from '../../src/protocol/topics.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BindingTransport,
  BoundPublish,
  BoundPull,
  BoundPush,
  PendingReply,
  Puller,
  Pusher,
  Subscription,
} from '../../src/transport.ts';
import { BaseConnection } from '../shared/base-connection.ts';
import { MemoryPublish, MemoryPull, MemoryPush, MemoryReply } from './bound.ts';
import { MemoryPuller, MemoryPusher, MemoryRequester, MemorySubscription } from './dialled.ts';
import { checkMemoryAddress, MemoryNetwork } from './network.ts';

/**
 * Makes a transport within one process or page. Addresses are `memory://name`; binding `memory://*` chooses a name. Servers and clients
 * that are to reach each other must share one transport: each call makes a separate network.
 *
 * @example
 * const transport = memory();
 * await using server = await Server.start({ transport, name: 'server', … });
 * await using client = await Client.connect({ transport, serverName: 'server', dbAddress: server.dbAddress });
 */
export function memory(): BindingTransport {
  const network = new MemoryNetwork(macrotasks());
  return {
    name: 'memory',
    checkAddress: checkMemoryAddress,
    freeAddress: () => 'memory://*',
    open: async () => new MemoryConnection(network),
  };
}

class MemoryConnection extends BaseConnection implements BindingConnection {
  readonly #network: MemoryNetwork;
  readonly #requesters = new Map<string, MemoryRequester>();

  constructor(network: MemoryNetwork) {
    super();
    this.#network = network;
  }

  request(address: string, frame: Bytes): PendingReply {
    this.checkUse(address);
    let requester = this.#requesters.get(address);
    if (requester === undefined) {
      requester = this.keep(new MemoryRequester(this.#network, address, this)).dial();
      this.#requesters.set(address, requester);
    }
    return requester.request(frame);
  }

  push(address: string): Pusher {
    this.checkUse(address);
    return this.keep(new MemoryPusher(this.#network, address, this)).dial();
  }

  subscribe(address: string, topic: string): Subscription {
    this.checkUse(address);
    checkTopic(topic);
    return this.keep(new MemorySubscription(this.#network, address, topic, this)).dial();
  }

  pull(address: string): Puller {
    this.checkUse(address);
    return this.keep(new MemoryPuller(this.#network, address, this)).dial();
  }

  async bindReply(address: string, answer: Answer): Promise<Binding> {
    this.checkUse(address);
    return this.keep(new MemoryReply(this.#network, this, answer).bind(address));
  }

  async bindPull(address: string): Promise<BoundPull> {
    this.checkUse(address);
    return this.keep(new MemoryPull(this.#network, this).bind(address));
  }

  async bindPush(address: string): Promise<BoundPush> {
    this.checkUse(address);
    return this.keep(new MemoryPush(this.#network, this).bind(address));
  }

  async bindPublish(address: string): Promise<BoundPublish> {
    this.checkUse(address);
    return this.keep(new MemoryPublish(this.#network, this).bind(address));
  }

  protected checkAddress(address: string): void {
    checkMemoryAddress(address);
  }
}
