import type { Router } from 'zeromq';
import { harmless } from '../../src/async/harmless.ts';
import { startTimer } from '../../src/async/timers.ts';
import type { RequestOrigin } from '../../src/transport.ts';

/**
 * Milliseconds from news that someone went to the looks who: several go together, a socket hears of it a moment later, and it has
 * a route for as long as something that came over it is not read. So a route is looked at, too, that somebody begins to watch.
 */
const LOOKS = [20, 200, 1_000, 5_000] as const;

interface Watched {
  readonly route: Uint8Array;
  readonly listeners: Set<() => void>;
  /** End the looks at it alone. */
  readonly stops: readonly (() => void)[];
}

/**
 * Finds out which peers of a ROUTER are gone. Its monitor tells only that some peer is; a message to a peer that is not
 * there is refused, when it is asked to be (ZMQ_ROUTER_MANDATORY). What is sent to see that is one empty part, which REQ
 * and DEALER pass over.
 */
export class RouteWatch {
  readonly #socket: Router;
  readonly #watched = new Map<string, Watched>();
  readonly #stops = new Map<number, () => void>();

  constructor(socket: Router) {
    this.#socket = socket;
  }

  /** Where a request came from whose route begins with this id, which libzmq gives each link: a number that it counts up. */
  origin(route: Uint8Array): RequestOrigin {
    return {
      get link() {
        return keyOf(route);
      },
      onGone: (listener) => this.#watch(route, listener),
    };
  }

  /** Calls `listener` when the peer of the route is gone. Gives the function that ends this. */
  #watch(route: Uint8Array, listener: () => void): () => void {
    const key = keyOf(route);
    const entry = this.#watched.get(key) ?? {
      route: route.slice(),
      listeners: new Set(),
      stops: LOOKS.map((delay) => startTimer(delay, () => this.#look(key))),
    };
    this.#watched.set(key, entry);
    entry.listeners.add(listener);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size === 0) this.#forget(key, entry);
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
    for (const [key, entry] of this.#watched) this.#forget(key, entry);
  }

  #forget(key: string, entry: Watched): boolean {
    if (this.#watched.get(key) !== entry) return false;
    for (const stop of entry.stops) stop();
    return this.#watched.delete(key);
  }

  async #look(key: string): Promise<void> {
    const entry = this.#watched.get(key);
    if (entry === undefined || this.#socket.closed) return;
    try {
      await this.#knock(entry.route);
    } catch (error) {
      if (!isGone(error) || !this.#forget(key, entry)) return;
      for (const listener of [...entry.listeners]) harmless(listener);
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

function keyOf(route: Uint8Array): string {
  return Buffer.from(route.buffer, route.byteOffset, route.length).toString('latin1');
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EHOSTUNREACH';
}

const NO_BYTES = new Uint8Array(0);
