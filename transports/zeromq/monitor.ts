import type { Event, Socket } from 'zeromq';
import { RUN } from '../../src/flow-control.ts';
import { PalmError } from '../../src/protocol/errors.ts';

/** The events of the one peer that a socket dials. */
export interface MonitorEvents {
  /** Whether an event concerns an endpoint that is not dialled any more, and says nothing. */
  isOver?(endpoint: string): boolean;
  /** The handshake is done. It took `took` milliseconds. */
  connected(took: number): void;
  disconnected(reason: string): void;
  reconnecting(attempt: number, delay: number): void;
  /** The peer refuses. `final` is true when ZeroMQ has given up dialling. */
  refused(error: PalmError, final: boolean): void;
}

/** How many handshakes in a row must fail until a key counts as wrong. A server that stops also fails one. */
const FAILURES_OF_A_WRONG_KEY = 2;

/**
 * Follows a dialling socket until it is closed.
 * @param encrypted - whether the socket has CURVE keys. A server that cannot read ours hangs up without a reason, so a wrong key would otherwise
 * look like a server that is down (zeromq/libzmq#2227).
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
    if (event.type !== 'unknown' && events.isOver?.(event.address) === true) continue;
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
        // ZeroMQ has no event for a kind of socket that does not fit: it hangs up and gives up.
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
  const text = `${address} is not a ZeroMQ socket of the right kind; is it the address of another service?`;
  return new PalmError('PROTOCOL', text, { sent: false, ...(cause !== undefined && { cause }) });
}

/**
 * Milliseconds between two runs of events when connections cannot be accepted. Without descriptors libzmq retries and sends an event for each
 * attempt, 300,000 a second, which left the process no time for anything else. Events wait in a queue of 2,000; while it is full, libzmq waits too.
 */
const PAUSE = 2;

/** Reads the events of a socket's monitor. */
export class EventReader {
  readonly #observer: Socket['events'];
  #run = 0;

  /** @param socket - its monitor must be open, so that this cannot fail. */
  constructor(socket: Socket) {
    this.#observer = socket.events;
  }

  /** The next event; undefined once the socket is closed and all events are read. */
  async next(): Promise<Exclude<Event, { readonly type: 'end' }> | undefined> {
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

/** Whether to report the event with this number: the more there are, the more rarely. */
export function isPowerOfTwo(count: number): boolean {
  return Math.log2(count) % 1 === 0;
}
