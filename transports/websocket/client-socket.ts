import { startTimer } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { SUBPROTOCOL } from '../relay-protocol/frames.ts';
import type { WebSocketConstructor, WebSocketLike } from './options.ts';

/** How a socket ended. */
export interface SocketEnd {
  /** A close code; 1006 when the connection broke or was never made (RFC 6455, 7.4.1). */
  readonly code: number;
  readonly reason: string;
}

export interface SocketEvents {
  opened(): void;
  received(message: Bytes): void;
  ended(end: SocketEnd): void;
}

const ABNORMAL = 1006;
/** `WebSocket.OPEN`. */
const OPEN = 1;
/** `WebSocket.CLOSED`. */
const CLOSED = 3;

/**
 * One WebSocket. Its end is reported once, whichever event the platform ends it with: some fire `error` without `close`.
 */
export class ClientSocket {
  readonly #socket: WebSocketLike;
  readonly #events: SocketEvents;
  #stopTimer: () => void;
  #hasEnded = false;

  /** @param timeout - milliseconds until it must be open and {@link established} called. */
  constructor(WebSocket: WebSocketConstructor, url: string, timeout: number, events: SocketEvents) {
    this.#events = events;
    const socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket = socket;
    // Before anything arrives: a Blob would be read later than messages after it.
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      if (!this.#hasEnded) events.opened();
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onerror = (event: { readonly message?: unknown }) => this.#fail(event);
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
    this.#stopTimer = startTimer(timeout, () =>
      this.drop(CloseCode.silent, `no greeting from ${url} within ${timeout} ms`),
    );
  }

  /** Both greetings have been exchanged. */
  established(): void {
    this.#stopTimer();
  }

  send(message: Bytes): void {
    try {
      const { readyState } = this.#socket;
      // While it closes nothing can be sent. The log keeps the message and sends it again.
      if (readyState === OPEN) this.#socket.send(message);
      else if (readyState === CLOSED) this.#fail({});
    } catch (error) {
      // On Cloudflare Workers a socket ends with the request that opened it, without an event.
      this.#fail({ message: messageOf(error) });
    }
  }

  /** Closes it from this side. */
  drop(code: number, reason: string): void {
    this.#end({ code, reason });
    // Some platforms refuse this while it is connecting, or refuse some codes.
    try {
      this.#socket.close(code >= 3_000 ? code : CloseCode.normal);
    } catch {
      this.#socket.close();
    }
  }

  #take(data: unknown): void {
    if (this.#hasEnded) return;
    // Not `instanceof`: the buffer may be of another realm, as in some test runners.
    const { byteLength } = Object(data) as Partial<ArrayBuffer>;
    if (byteLength === undefined) this.drop(CloseCode.badFrame, 'a text message came');
    else this.#events.received(new Uint8Array(data as ArrayBuffer));
  }

  #fail({ message }: { readonly message?: unknown }): void {
    // Browsers do not say why.
    const reason = typeof message === 'string' && message !== '' ? message : 'no connection';
    this.#end({ code: ABNORMAL, reason });
  }

  #end(end: SocketEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopTimer();
    this.#events.ended(end);
  }
}
