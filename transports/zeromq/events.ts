import type { Event, Socket } from 'zeromq';

/** Events read in a row before others get their turn: the addon gives what is there without waiting. */
const LONGEST_RUN = 64;

/**
 * Milliseconds between two such runs when connections cannot be accepted. Without descriptors libzmq tries again and again and tells of each time,
 * 300 000 times a second: that alone kept a process from ever doing anything else. What it has to say waits in a queue of 2 000,
 * and while that is full libzmq waits, too.
 */
const PAUSE = 2;

/** What a socket's monitor has to say. */
export class EventReader {
  readonly #observer: Socket['events'];
  #run = 0;

  /** @param socket - opened with its monitor, so that this cannot fail. */
  constructor(socket: Socket) {
    this.#observer = socket.events;
  }

  /** The next event; undefined once the socket is closed and everything is told. */
  async next(): Promise<Event | undefined> {
    try {
      const event = await this.#observer.receive();
      if (event.type === 'end') return undefined;
      if (++this.#run % LONGEST_RUN === 0) {
        if (event.type === 'accept:error') await new Promise((resolve) => setTimeout(resolve, PAUSE));
        else await new Promise(setImmediate);
      }
      return event;
    } catch {
      return undefined;
    }
  }
}

/** For what is told of rarely, the more rarely the more there is of it. */
export function isPowerOfTwo(count: number): boolean {
  return Math.log2(count) % 1 === 0;
}
