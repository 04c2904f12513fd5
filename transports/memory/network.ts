import type { Macrotasks } from '../../src/async/macrotask.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { inspectValue, invalidCall, PalmError } from '../../src/protocol/errors.ts';
import type { Delivery, RequestOrigin } from '../../src/transport.ts';

/** A bound end, as the dialling ends see it. */
export type Endpoint =
  | { readonly kind: 'reply'; answer(request: Bytes, from: RequestOrigin): Promise<Bytes> }
  /** `take` returns a promise that resolves when more may be sent, or undefined when more may be sent at once. */
  | { readonly kind: 'pull'; take(frames: readonly Bytes[], from: object): Promise<void> | undefined }
  | { readonly kind: 'push'; attach(taker: Taker<Bytes>): void; detach(taker: Taker<Bytes>): void }
  | { readonly kind: 'publish'; attach(taker: Taker<Delivery>): void; detach(taker: Taker<Delivery>): void };

export type EndpointKind = Endpoint['kind'];
export type EndpointOf<K extends EndpointKind> = Extract<Endpoint, { readonly kind: K }>;

/** A dialling end that receives items. */
export interface Taker<T> {
  readonly topic: string;
  /** Whether it has no room now. */
  readonly isFull: boolean;
  /** Resolves when it has room again, or is closed. */
  room(): Promise<void>;
  give(items: readonly T[]): void;
}

/** A dialling end. It is told when the end that it dialled is bound, and when that is gone. */
export interface Dialler {
  bound(endpoint: Endpoint): void;
  gone(error: PalmError): void;
}

/** The addresses of one process or page. As with ZeroMQ, an address may be dialled before it is bound. */
export class MemoryNetwork {
  readonly later: Macrotasks;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #diallers = new Map<string, Set<Dialler>>();
  #chosen = 0;

  constructor(later: Macrotasks) {
    this.later = later;
  }

  /** @returns the address, which is chosen for `memory://*`. @throws PalmError `INVALID_CALL` when it is taken. */
  bind(address: string, endpoint: Endpoint): string {
    const own = address === ANY ? `memory://${++this.#chosen}` : address;
    if (this.#endpoints.has(own))
      throw invalidCall(`${own} is already bound: choose another name, or bind '${ANY}' for a free one`);
    this.#endpoints.set(own, endpoint);
    for (const dialler of this.#diallers.get(own) ?? []) dialler.bound(endpoint);
    return own;
  }

  unbind(address: string): void {
    if (!this.#endpoints.delete(address)) return;
    const error = new PalmError('DISCONNECTED', `the server at ${address} is gone`, { sent: 'unknown' });
    for (const dialler of this.#diallers.get(address) ?? []) dialler.gone(error);
  }

  dial(address: string, dialler: Dialler): void {
    const diallers = this.#diallers.get(address) ?? new Set();
    this.#diallers.set(address, diallers.add(dialler));
    const endpoint = this.#endpoints.get(address);
    if (endpoint !== undefined) dialler.bound(endpoint);
  }

  hangUp(address: string, dialler: Dialler): void {
    const diallers = this.#diallers.get(address);
    diallers?.delete(dialler);
    if (diallers?.size === 0) this.#diallers.delete(address);
  }
}

/** Copies a reply for the client that gets it: the reply may be the very value that the server's store keeps. */
export function copyReply(reply: Bytes): Bytes {
  return new Uint8Array(reply);
}

/** The address for which the network chooses a name. */
export const ANY = 'memory://*';

const ADDRESS = /^memory:\/\/\S+$/;

/** @throws PalmError `INVALID_CALL` when it is not `memory://name`. */
export function checkMemoryAddress(address: unknown): void {
  if (typeof address !== 'string' || !ADDRESS.test(address)) {
    throw invalidCall(`the memory transport dials 'memory://name', not ${inspectValue(address)}`);
  }
}
