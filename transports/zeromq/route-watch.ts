import type { Router } from 'zeromq';
import { harmless } from '../../src/async/harmless.ts';
import { startTimer } from '../../src/async/timers.ts';
import type { RequestOrigin } from '../../src/transport.ts';

/**
 * Milliseconds from the news that some peer went to each check of which one. Several may go together, the socket learns of it a moment later, and it
 * keeps a route while messages from it are unread. For the same reason a route is checked when somebody begins to watch it.
 */
const LOOKS = [20, 200, 1_000, 5_000] as const;

interface Watched {
  readonly route: Uint8Array;
  readonly listeners: Set<() => void>;
  /** Stop the checks of this route alone. */
  readonly stops: readonly (() => void)[];
}

/**
 * Finds out which peers of a ROUTER are gone. Its monitor only says that some peer is gone. With ZMQ_ROUTER_MANDATORY a send to a peer that is gone
 * fails. The check sends one empty part, which REQ and DEALER ignore.
 */
export class RouteWatch {
  readonly #socket: Router;
  readonly #watched = new Map<string, Watched>();
  readonly #stops = new Map<number, () => void>();
  #isClosed = false;

  constructor(socket: Router) {
    this.#socket = socket;
  }

  /** The origin of a request whose route begins with this id. libzmq gives each link an id, which it counts up. */
  origin(route: Uint8Array): RequestOrigin {
    return {
      get link() {
        return keyOf(route);
      },
      onGone: (listener) => this.#watch(route, listener),
    };
  }

  /**
   * Calls `listener` when the peer of the route is gone.
   * @returns the function that removes the listener.
   */
  #watch(route: Uint8Array, listener: () => void): () => void {
    if (this.#isClosed) return () => {};
    const key = keyOf(route);
    const entry = this.#watched.get(key) ?? {
      // The slice of a Buffer would be no copy.
      route: new Uint8Array(route),
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
    this.#isClosed = true;
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

  /** With a sendTimeout of 0 the addon sends in this turn or not at all, so the option does not affect other replies. */
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
