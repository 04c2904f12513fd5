/** Which names behind the relay stand for which addresses of the upstream transport. */
import type { Connection, Delivery, Transport } from '../../../src/transport.ts';
import type { UpstreamTarget } from '../../../transports/relay/options.ts';

/** What an address is dialled for. */
export type Use = 'db' | 'push' | 'subscribe' | 'pull';

const KEYS = {
  db: 'dbAddress',
  push: 'pushAddress',
  subscribe: 'subAddress',
  pull: 'workerPushAddress',
} as const;

/**
 * The name that raw servers bear. A target with no dbAddress must be called as its server is, since nobody can ask that,
 * and only raw servers are dialled at other addresses than their cache's.
 */
const PALM_NAME = 'raw';

/** Servers of the later stages of pipelines: nothing is sent to them, but a relay lets nothing pass to servers it does not know. */
const LATER: Readonly<Record<string, UpstreamTarget>> = { second: { functions: ['*.*'] } };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Directory {
  /** Whether an address stands for itself: one name for each, and for each use. */
  readonly #isEach: boolean;
  readonly #targets = new Map<string, Mutable<UpstreamTarget>>();
  readonly #names = new Map<string, string>();
  /** By address, the addresses that were bound on the same connection: those of one server. */
  readonly #bound = new Map<string, readonly string[]>();
  readonly #stock = new Set<string>();
  /** By address, who subscribed there. */
  readonly #subscribers = new Map<string, Set<Connection>>();

  constructor(isEach: boolean) {
    this.#isEach = isEach;
  }

  target(name: string): UpstreamTarget | undefined {
    return this.#targets.get(name) ?? LATER[name];
  }

  /** An address was bound, along with the others of its server. */
  bound(address: string, all: readonly string[], isStock: boolean): void {
    this.#bound.set(address, all);
    if (isStock) this.#stock.add(address);
  }

  /** @throws PalmError `INVALID_CALL` for what is neither an address of the upstream transport nor a name that is known. */
  checkAddress(upstream: Transport, names: Transport, address: string): void {
    if (this.#targets.has(address)) return;
    try {
      upstream.checkAddress(address);
    } catch (refusal) {
      names.checkAddress(address);
      throw refusal;
    }
  }

  /**
   * The name to dial for an address of the upstream transport. A name that is known stands for itself, and so does what
   * neither side can read: whoever dials it is to refuse it.
   * @throws PalmError `INVALID_CALL` for a name that is not known.
   */
  nameAt(upstream: Transport, names: Transport, address: string, use: Use): string {
    try {
      this.checkAddress(upstream, names, address);
    } catch (refusal) {
      if (isReadable(names, address)) throw refusal;
      return address;
    }
    return this.#targets.has(address) ? address : this.#name(address, use);
  }

  subscribed(address: string, subscriber: Connection): void {
    const all = this.#subscribers.get(address) ?? new Set();
    this.#subscribers.set(address, all.add(subscriber));
  }

  /** Deliveries under the topics that the relay lets subscribers have: each begins with the id of one of them. */
  forSubscribers(address: string, deliveries: readonly Delivery[]): readonly Delivery[] {
    return [...(this.#subscribers.get(address) ?? [])].flatMap(({ id }) =>
      deliveries.map(({ topic, frames }) => ({ topic: `${id}/${topic}`, frames })),
    );
  }

  /** What status events call a name: the addresses that it stands for, which the suites know. */
  addressesOf(name: string): readonly string[] {
    const target = this.#targets.get(name);
    if (target === undefined) return [name];
    const { dbAddress, pushAddress, subAddress, workerPushAddress } = target;
    const own = [dbAddress, pushAddress, subAddress, workerPushAddress].filter((one) => one !== undefined);
    if (this.#isEach) return own;
    return [...new Set(own.flatMap((address) => this.#bound.get(address) ?? [address]))];
  }

  #name(address: string, use: Use): string {
    const key = this.#isEach || use === 'db' ? `${use} ${address}` : PALM_NAME;
    const name = this.#names.get(key) ?? (key === PALM_NAME ? PALM_NAME : `t${this.#names.size + 1}`);
    this.#names.set(key, name);
    const target = this.#targets.get(name) ?? {};
    target[KEYS[use]] = address;
    if (this.#isEach || this.#stock.has(address)) target.functions = ['*.*'];
    this.#targets.set(name, target);
    return name;
  }
}

function isReadable(transport: Transport, address: string): boolean {
  try {
    transport.checkAddress(address);
    return true;
  } catch {
    return false;
  }
}
