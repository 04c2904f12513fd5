import type { Line } from './line.ts';

/** Slices of a heartbeat, so that ten thousand pings are not one moment's work. */
const SLICES = 16;

/** Sends the heartbeats of all connections, and cuts those that are silent. One timer for all. */
export class Pulse {
  readonly #timer: ReturnType<typeof setInterval>;
  #turn = 0;

  constructor(heartbeat: number, lines: () => Iterable<Line>) {
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % SLICES;
        let index = 0;
        for (const line of lines()) if (index++ % SLICES === this.#turn) line.beat();
      },
      Math.max(1, heartbeat / SLICES),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
