/** A transport made of others: a role takes from one of them, and gives to another. */
import { AsyncQueue } from '../../src/async/async-queue.ts';
import { STATUS_BACKLOG } from '../../src/flow-control.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { inspectValue, invalidCall, messageOf, type PalmError } from '../../src/protocol/errors.ts';
import type {
  Answer,
  Binding,
  BindingConnection,
  BindingTransport,
  BindOptions,
  BoundPublish,
  BoundPull,
  BoundPush,
  CloseOptions,
  ConnectionStatus,
  PendingReply,
  Puller,
  Pusher,
  RequestEnd,
  SharedStore,
  SubscribeOptions,
  Subscription,
} from '../../src/transport.ts';

/**
 * Makes one transport of several, for roles that stand between them: each address goes to the first transport that reads it. Addresses that a
 * role is not given are chosen beside its `dbAddress`, or by the first transport. A connection is closed when one of its parts is.
 * @throws PalmError `INVALID_CALL` for something that is not a transport which binds.
 * @example
 * // A stage of a pipeline on ZeroMQ, behind which clients read on NATS.
 * const stage = await Pipeline.start({
 *   transport: bridge(nats(), zmtp()),
 *   name: 'second',
 *   previous: 'first',
 *   previousDbAddress: 'tcp://10.0.0.5:5555',
 *   dbAddress: 'nats:second',
 *   functions,
 * });
 */
export function bridge(...transports: readonly BindingTransport[]): BindingTransport {
  for (const transport of transports)
    if (typeof transport?.open !== 'function' || typeof transport.checkAddress !== 'function')
      throw invalidCall(`bridge takes transports, such as nats() and zmtp(), not ${inspectValue(transport)}`);
  const [first] = transports;
  if (first === undefined) throw invalidCall('bridge takes the transports that it joins, at least one');
  const takers = transports.map((transport) => ({ transport }));
  return {
    name: transports.map(({ name }) => name).join('+'),
    checkAddress: (address) => void takerOf(takers, address),
    resolveAddress: (advertised, via) => {
      const { transport: taker } = takerOf(takers, via);
      // An address of another transport does not depend on where it was learnt.
      return reads(taker, advertised) ? (taker.resolveAddress?.(advertised, via) ?? advertised) : advertised;
    },
    freeAddress: (beside, option) => {
      const taker = beside === undefined ? first : takerOf(takers, beside).transport;
      const address = taker.freeAddress?.(beside, option);
      if (address !== undefined) return address;
      throw invalidCall(
        `${option ?? 'an address'} must be given: the transport ${taker.name} does not choose addresses`,
      );
    },
    open: async () => {
      const parts: Part[] = [];
      try {
        for (const transport of transports) parts.push({ transport, connection: await transport.open() });
      } catch (error) {
        await Promise.all(parts.map(({ connection }) => connection.close()));
        throw error;
      }
      return new BridgeConnection(parts);
    },
  };
}

interface Taker {
  readonly transport: BindingTransport;
}

interface Part extends Taker {
  readonly connection: BindingConnection;
}

function reads(transport: BindingTransport, address: string): boolean {
  try {
    transport.checkAddress(address);
    return true;
  } catch {
    return false;
  }
}

/** @throws PalmError `INVALID_CALL` with what each of them says when none reads the address. */
function takerOf<T extends Taker>(takers: readonly T[], address: string): T {
  const reasons: string[] = [];
  for (const taker of takers) {
    try {
      taker.transport.checkAddress(address);
      return taker;
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw invalidCall(reasons.join('; or '));
}

class BridgeConnection implements BindingConnection {
  readonly #parts: readonly Part[];
  readonly closed: Promise<PalmError | undefined>;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.closed = Promise.race(parts.map(({ connection }) => connection.closed)).then(async (error) => {
      await this.close();
      return error;
    });
  }

  /** The first part may change what was wished; the others have to have the same. */
  async identify(wished?: string): Promise<void> {
    for (const { connection } of this.#parts) await connection.identify(this.id || wished);
  }

  get id(): string {
    return this.#parts[0]?.connection.id ?? '';
  }

  get keyPrefix(): string {
    return this.#parts[0]?.connection.keyPrefix ?? '';
  }

  get trouble(): string {
    return this.#parts.map(({ connection }) => connection.trouble).join('');
  }

  request(address: string, frame: Bytes): PendingReply {
    return this.#at(address).request(address, frame);
  }

  requestEach(address: string, found: (end: RequestEnd) => void): () => void {
    return this.#at(address).requestEach?.(address, found) ?? (() => {});
  }

  push(address: string): Pusher {
    return this.#at(address).push(address);
  }

  subscribe(address: string, topic: string, options?: SubscribeOptions): Subscription {
    return this.#at(address).subscribe(address, topic, options);
  }

  pull(address: string): Puller {
    return this.#at(address).pull(address);
  }

  async bindReply(address: string, answer: Answer, options?: BindOptions): Promise<Binding> {
    return this.#at(address).bindReply(address, answer, options);
  }

  async bindPull(address: string, options?: BindOptions): Promise<BoundPull> {
    return this.#at(address).bindPull(address, options);
  }

  async bindPush(address: string): Promise<BoundPush> {
    return this.#at(address).bindPush(address);
  }

  async bindPublish(address: string, options?: BindOptions): Promise<BoundPublish> {
    return this.#at(address).bindPublish(address, options);
  }

  settles(address: string): boolean {
    return this.#at(address).settles?.(address) === true;
  }

  sharedStore(address: string): SharedStore | undefined {
    return this.#at(address).sharedStore?.(address);
  }

  status(): AsyncIterableIterator<ConnectionStatus> {
    const queue = new AsyncQueue<ConnectionStatus>();
    const sources = this.#parts.map(({ connection }) => connection.status()[Symbol.asyncIterator]());
    const pump = async (source: AsyncIterator<ConnectionStatus>) => {
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        if (next.value.type !== 'closed') queue.push(next.value);
        if (queue.size > STATUS_BACKLOG) queue.take();
      }
    };
    const pumping = Promise.all(sources.map(pump));
    void pumping.then(async () => {
      queue.push({ type: 'closed', error: await this.closed });
      queue.end();
    });
    return {
      next: () => queue.next(),
      return: async () => {
        queue.clear();
        for (const source of sources) await source.return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async close(options?: CloseOptions): Promise<void> {
    await Promise.all(this.#parts.map(({ connection }) => connection.close(options)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #at(address: string): BindingConnection {
    return takerOf(this.#parts, address).connection;
  }
}
