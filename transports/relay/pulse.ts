import type { Line } from './session/socket.ts';

/** Slices of a heartbeat, so that ten thousand pings are not one moment's work. */
const SLICES = 16;

/** Sends the heartbeats of all connections, and cuts those that are silent. One timer for all. */
export class Pulse {
  readonly #timer: ReturnType<typeof setInterval>;
  /** Which slice a connection is in for good: its heartbeats are to be even, whoever comes and goes. */
  readonly #slices = new WeakMap<Line, number>();
  #turn = 0;
  #next = 0;

  constructor(heartbeat: number, lines: () => Iterable<Line>) {
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % SLICES;
        for (const line of lines()) if (this.#sliceOf(line) === this.#turn) line.beat();
      },
      Math.max(1, heartbeat / SLICES),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sliceOf(line: Line): number {
    const slice = this.#slices.get(line) ?? this.#next++ % SLICES;
    this.#slices.set(line, slice);
    return slice;
  }
}
