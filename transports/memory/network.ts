import type { Macrotasks } from '../../src/async/macrotask.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { inspectValue, invalidCall, PalmError } from '../../src/protocol/errors.ts';
import type { Delivery, RequestOrigin } from '../../src/transport.ts';

/** A bound end, as the dialling ends see it. */
export type Endpoint =
  | { readonly kind: 'reply'; answer(request: Bytes, from: RequestOrigin): Promise<Bytes> }
  /** What `take` gives resolves when more may be sent; undefined when that is at once. */
  | { readonly kind: 'pull'; take(frames: readonly Bytes[]): Promise<void> | undefined }
  | { readonly kind: 'push'; attach(taker: Taker<Bytes>): void; detach(taker: Taker<Bytes>): void }
  | { readonly kind: 'publish'; attach(taker: Taker<Delivery>): void; detach(taker: Taker<Delivery>): void };

export type EndpointKind = Endpoint['kind'];
export type EndpointOf<K extends EndpointKind> = Extract<Endpoint, { readonly kind: K }>;

/** A dialling end that items are handed to. */
export interface Taker<T> {
  readonly topic: string;
  /** Whether it takes no more for now. */
  readonly isFull: boolean;
  /** Resolves when it takes more, or never will. */
  room(): Promise<void>;
  give(items: readonly T[]): void;
}

/** A dialling end, told when what it dialled is there and when it is gone. */
export interface Dialler {
  bound(endpoint: Endpoint): void;
  gone(error: PalmError): void;
}

/** The addresses of one process or page. Dialling comes before or after binding, as with ZeroMQ. */
export class MemoryNetwork {
  readonly later: Macrotasks;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #diallers = new Map<string, Set<Dialler>>();
  #chosen = 0;

  constructor(later: Macrotasks) {
    this.later = later;
  }

  /** @returns the address, chosen when it was left open. @throws PalmError `INVALID_CALL` when it is taken. */
  bind(address: string, endpoint: Endpoint): string {
    const own = address === ANY ? `memory://${++this.#chosen}` : address;
    if (this.#endpoints.has(own))
      throw invalidCall(`${own} is bound already; bind '${ANY}' to have one chosen`);
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

/** A reply of the asker's own: a plain one is the value as the store keeps it. Other frames are made to be sent. */
export function copyReply(reply: Bytes): Bytes {
  return new Uint8Array(reply);
}

/** An address whose last part the network chooses. */
export const ANY = 'memory://*';

const ADDRESS = /^memory:\/\/\S+$/;

/** @throws PalmError `INVALID_CALL` when it is no `memory://name`. */
export function checkMemoryAddress(address: unknown): void {
  if (typeof address !== 'string' || !ADDRESS.test(address)) {
    throw invalidCall(`the memory transport dials 'memory://name', not ${inspectValue(address)}`);
  }
}
