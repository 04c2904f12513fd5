import type { Event, Socket } from 'zeromq';
import { RUN } from '../../src/flow-control.ts';
import { PalmError } from '../../src/protocol/errors.ts';

/** What a socket's monitor has to say about the one peer it dials. */
export interface MonitorEvents {
  /** The peer is there and both sides agree. `took` is how long the handshake lasted, in milliseconds. */
  connected(took: number): void;
  disconnected(reason: string): void;
  reconnecting(attempt: number, delay: number): void;
  /** The peer is there and will not have us; `final` when ZeroMQ has given up dialling it. */
  refused(error: PalmError, final: boolean): void;
}

/** Handshakes that must fail in a row before a key counts as wrong: a server that is going down fails one too. */
const FAILURES_OF_A_WRONG_KEY = 2;

/**
 * Follows a dialling socket until it is closed.
 * @param encrypted - whether the socket has CURVE keys: a server that cannot read ours just hangs up, and without
 * this a wrong key would look like a server that is down (zeromq/libzmq#2227).
 */
export async function watchLink(
  socket: Socket,
  address: string,
  encrypted: boolean,
  events: MonitorEvents,
): Promise<void> {
  const news = new EventReader(socket);
  let dialledAt = performance.now();
  let attempt = 0;
  let failures = 0;
  let isUp = false;
  let explained = false;
  for (;;) {
    const event = await news.next();
    if (event === undefined) return;
    switch (event.type) {
      case 'connect':
        dialledAt = performance.now();
        explained = false;
        break;
      case 'handshake':
        attempt = 0;
        failures = 0;
        isUp = true;
        events.connected(performance.now() - dialledAt);
        break;
      case 'disconnect':
        if (isUp) events.disconnected(`the peer at ${address} is gone`);
        // ZeroMQ has no event for a peer whose kind of socket does not fit: it hangs up and gives up.
        else if (!explained) events.refused(misfit(address), true);
        isUp = false;
        break;
      case 'connect:retry':
        attempt++;
        events.reconnecting(attempt, event.interval);
        break;
      case 'handshake:error:protocol':
        explained = true;
        events.refused(protocolError(address, event.error), true);
        break;
      case 'handshake:error:auth':
        explained = true;
        events.refused(forbidden(address, 'the server refused this client'), false);
        break;
      case 'handshake:error:other':
        explained = true;
        failures++;
        if (encrypted && failures >= FAILURES_OF_A_WRONG_KEY) {
          events.refused(
            forbidden(
              address,
              'the server hung up during the CURVE handshake: curve.serverKey is not its key, or another kind of socket is there',
            ),
            false,
          );
        }
        break;
      default:
    }
  }
}

function forbidden(address: string, text: string): PalmError {
  return new PalmError('FORBIDDEN', `${address}: ${text}`, { sent: false });
}

function protocolError(address: string, cause: Error & { readonly code?: string }): PalmError {
  if (cause.code === 'ERR_ZMTP_MECHANISM_MISMATCH') {
    return forbidden(
      address,
      'one side wants CURVE encryption and the other does not; give or remove the curve option',
    );
  }
  return misfit(address, cause);
}

function misfit(address: string, cause?: unknown): PalmError {
  const text = `${address} is no ZeroMQ socket of the kind that is needed here; is it the address of another service?`;
  return new PalmError('PROTOCOL', text, { sent: false, ...(cause !== undefined && { cause }) });
}

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
      if (++this.#run % RUN === 0) {
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
