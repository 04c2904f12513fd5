import type { ServerSocket } from './socket.ts';

/** Slices of a heartbeat, so that ten thousand pings are not sent at once. */
const SLICES = 16;

/** Sends the heartbeats of all connections, and cuts silent clients. One timer for all. */
export class Heartbeats {
  readonly #timer: ReturnType<typeof setInterval>;
  /** Slice of each connection. It does not change, so that the heartbeats stay even while others come and go. */
  readonly #slices = new WeakMap<ServerSocket, number>();
  #turn = 0;
  #next = 0;

  constructor(heartbeat: number, sockets: () => Iterable<ServerSocket>) {
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % SLICES;
        for (const socket of sockets()) if (this.#sliceOf(socket) === this.#turn) socket.beat();
      },
      Math.max(1, heartbeat / SLICES),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sliceOf(socket: ServerSocket): number {
    const slice = this.#slices.get(socket) ?? this.#next++ % SLICES;
    this.#slices.set(socket, slice);
    return slice;
  }
}
