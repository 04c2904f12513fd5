import type { Router } from 'zeromq';
import { startTimer } from '../../src/async/deadline.ts';

/** Milliseconds from news that someone went to the look who: several go together, and a socket hears of it a moment later. */
const LOOKS = [20, 200] as const;

/**
 * Finds out which peers of a ROUTER are gone. Its monitor tells only that some peer is; a message to a peer that is not
 * there is refused, when it is asked to be (ZMQ_ROUTER_MANDATORY). What is sent to see that is one empty part, which REQ
 * and DEALER pass over.
 */
export class RouteWatch {
  readonly #socket: Router;
  readonly #watched = new Map<string, { readonly route: Uint8Array; readonly listeners: Set<() => void> }>();
  readonly #stops = new Map<number, () => void>();

  constructor(socket: Router) {
    this.#socket = socket;
  }

  /** Calls `listener` when the peer of the route is gone. Gives the function that ends this. */
  watch(route: Uint8Array, listener: () => void): () => void {
    const key = Buffer.from(route.buffer, route.byteOffset, route.length).toString('latin1');
    const entry = this.#watched.get(key) ?? { route: route.slice(), listeners: new Set() };
    this.#watched.set(key, entry);
    entry.listeners.add(listener);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size === 0 && this.#watched.get(key) === entry) this.#watched.delete(key);
    };
  }

  someoneWent(): void {
    for (const delay of LOOKS) {
      if (this.#watched.size === 0 || this.#stops.has(delay)) continue;
      const look = () => {
        this.#stops.delete(delay);
        for (const key of [...this.#watched.keys()]) this.#look(key);
      };
      this.#stops.set(delay, startTimer(delay, look));
    }
  }

  close(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
    this.#watched.clear();
  }

  async #look(key: string): Promise<void> {
    const entry = this.#watched.get(key);
    if (entry === undefined || this.#socket.closed) return;
    try {
      await this.#knock(entry.route);
    } catch (error) {
      if (!isGone(error) || this.#watched.get(key) !== entry) return;
      this.#watched.delete(key);
      for (const listener of [...entry.listeners]) listener();
    }
  }

  /** The addon sends in this very turn or not at all, with a sendTimeout of 0: so no reply to others meets the option. */
  #knock(route: Uint8Array): Promise<void> {
    this.#socket.mandatory = true;
    try {
      return this.#socket.send([route, NO_BYTES]);
    } finally {
      this.#socket.mandatory = false;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EHOSTUNREACH';
}

const NO_BYTES = new Uint8Array(0);
