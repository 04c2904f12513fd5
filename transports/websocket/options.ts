import { checkTimeout } from '../../src/checks.ts';
import { invalidCall, mustBe } from '../../src/protocol/errors.ts';

/**
 * What a client needs of the platform's `WebSocket`. Listeners are written as methods, whose parameters are compared both ways: the
 * platform's own take more of an event than is given here.
 */
export interface WebSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** 0 to 3, as the platform counts: connecting, open, closing, closed. */
  readonly readyState: number;
  /** Sends one binary message. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Closes the socket. */
  close(code?: number, reason?: string): void;
  /** Called when the socket is open. */
  onopen: { listen(event: never): void }['listen'] | null;
  /** Called with each message. */
  onmessage: { listen(event: { readonly data: unknown }): void }['listen'] | null;
  /** Called when the socket failed; `onclose` follows. */
  onerror: { listen(event: never): void }['listen'] | null;
  /** Called when the socket is closed, with the close code. */
  onclose: { listen(event: { readonly code: number; readonly reason: string }): void }['listen'] | null;
}

/** Makes a WebSocket, as `new WebSocket(url, protocol)` does. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** Returns the token for each new connection. */
export type TokenProvider = () => string | undefined | Promise<string | undefined>;

/** Options of `websocket()`. */
export interface WebsocketOptions {
  /**
   * The token that the client shows the relay: a string, or a function that returns one for each connection, so that a fresh token
   * replaces an expired one. It travels in the first message, never in the URL.
   */
  readonly token?: string | TokenProvider | undefined;
  /** Milliseconds that the token may take, and then the attempt to connect. Default 10 000. */
  readonly connectTimeout?: number | undefined;
  /** The most milliseconds between two attempts. Delays are random, up to a bound that begins at 200 and doubles. Default 30 000. */
  readonly maxDelay?: number | undefined;
  /** The WebSocket class. Default: the platform's. */
  readonly WebSocket?: WebSocketConstructor | undefined;
}

export interface WebsocketSettings {
  readonly url: string;
  readonly token: TokenProvider;
  /** Whether the token may be another one when it is asked for again. */
  readonly isTokenFresh: boolean;
  readonly connectTimeout: number;
  readonly maxDelay: number;
  readonly WebSocket: WebSocketConstructor;
}

/** @throws PalmError `INVALID_CALL` naming the option that is not acceptable. */
export function resolveOptions(
  url: string | URL,
  options: WebsocketOptions,
  platform: WebSocketConstructor | undefined,
): WebsocketSettings {
  const { token, connectTimeout = 10_000, maxDelay = 30_000 } = options;
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function') {
    throw mustBe('token', 'a string or a function that returns one', token);
  }
  const WebSocket = options.WebSocket ?? platform;
  if (WebSocket === undefined) {
    throw invalidCall('this platform has no WebSocket: give the option WebSocket');
  }
  return {
    url: checkUrl(url),
    token: typeof token === 'function' ? token : () => token,
    isTokenFresh: typeof token === 'function',
    connectTimeout: checkTimeout('connectTimeout', connectTimeout),
    maxDelay: checkTimeout('maxDelay', maxDelay),
    WebSocket,
  };
}

function checkUrl(url: string | URL): string {
  const text = String(url);
  // A page may give its relay's URL as a path alone.
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  const parsed = parse(text, base);
  if (parsed !== undefined) parsed.protocol = parsed.protocol.replace('http', 'ws');
  if (parsed?.protocol !== 'ws:' && parsed?.protocol !== 'wss:') {
    throw mustBe("the relay's URL", 'ws://… or wss://…', text);
  }
  if (parsed.username !== '' || parsed.password !== '' || parsed.searchParams.has('token')) {
    throw invalidCall('a token in a URL would show in logs: give the option token');
  }
  parsed.hash = '';
  return parsed.href;
}

/** Some platforms, such as React Native, have no `URL.canParse`. */
function parse(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
