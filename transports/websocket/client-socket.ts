import { startTimer } from '../../src/async/timers.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { messageOf } from '../../src/protocol/errors.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { SUBPROTOCOL } from '../relay-protocol/frames.ts';
import type { WebSocketConstructor, WebSocketLike } from './options.ts';

/** How a socket ended. */
export interface SocketEnd {
  /** A close code; 1006 when the link broke or was never made (RFC 6455, 7.4.1). */
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
 * One WebSocket, from its making to its end, which is told once whichever event the platform ends it with: some fire
 * `error` without `close`.
 */
export class ClientSocket {
  readonly #socket: WebSocketLike;
  readonly #events: SocketEvents;
  #stopTimer: () => void;
  #hasEnded = false;

  /** @param timeout - milliseconds it may take to open and to be called {@link established}. */
  constructor(WebSocket: WebSocketConstructor, url: string, timeout: number, events: SocketEvents) {
    this.#events = events;
    const socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket = socket;
    // Before anything arrives: a Blob is read later than what comes after it.
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

  /** The greetings are over. */
  established(): void {
    this.#stopTimer();
  }

  send(message: Bytes): void {
    try {
      const { readyState } = this.#socket;
      // Between its closing and the event that tells of it nothing can be sent; it is kept and sent again.
      if (readyState === OPEN) this.#socket.send(message);
      else if (readyState === CLOSED) this.#fail({});
    } catch (error) {
      // On Cloudflare Workers a socket is the request's that made it, and ends with that without an event.
      this.#fail({ message: messageOf(error) });
    }
  }

  /** Ends it from this side. */
  drop(code: number, reason: string): void {
    this.#end({ code, reason });
    // While it is connecting, and with some codes, platforms refuse.
    try {
      this.#socket.close(code === CloseCode.normal || code >= 3_000 ? code : CloseCode.normal);
    } catch {
      this.#socket.close();
    }
  }

  #take(data: unknown): void {
    if (this.#hasEnded) return;
    // Not `instanceof`: it may be of another realm, as where tests run in one of their own.
    const { byteLength } = Object(data) as Partial<ArrayBuffer>;
    if (byteLength === undefined) this.drop(CloseCode.badFrame, 'the relay sent a text');
    else this.#events.received(new Uint8Array(data as ArrayBuffer));
  }

  #fail({ message }: { readonly message?: unknown }): void {
    // Browsers do not tell.
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
