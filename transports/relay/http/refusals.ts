/** Refuses upgrades in a way that tells clients the reason. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { startTimer } from '../../../src/async/timers.ts';
import { closeReason } from '../../relay-protocol/close-codes.ts';
import { PEER_SUBPROTOCOL, SUBPROTOCOL } from '../../relay-protocol/frames.ts';

/** Why an upgrade is refused. */
export interface Refusal {
  /** HTTP status, for clients that do not speak frond's protocol. */
  readonly status: number;
  /** Close code for clients that do. Left out, they get the status too. */
  readonly code?: number;
  readonly reason: string;
}

/** Milliseconds that a client gets to read the refusal and to close its side. */
const TIMEOUT = 1_000;

/** The most bytes that it may send meanwhile: its greeting may be under way. */
const MOST_READ = 65_536;

/** Refused sockets that may stay open for that at once. Others are closed as soon as the answer has left. */
const MOST_LINGERING = 64;

/**
 * Refuses upgrades. Only Node tells a program the HTTP status of a WebSocket that failed, so for a client of frond the relay
 * completes the handshake and closes the WebSocket at once, with a code and the reason. Both answers are written together as
 * bytes, without a WebSocket object. What the client sends is dropped, and its socket is closed within a second.
 */
export class Refusals {
  #lingering = 0;

  refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    const { code, reason } = refusal;
    const destroy = () => socket.destroy();
    socket.on('error', destroy);
    socket.once('close', startTimer(TIMEOUT, destroy));
    const closing = code === undefined ? undefined : acceptAndClose(request, code, reason);
    if (closing === undefined || this.#lingering >= MOST_LINGERING) {
      socket.end(closing ?? httpAnswer(refusal), destroy);
      return;
    }
    this.#lingering++;
    socket.once('close', () => {
      this.#lingering--;
    });
    // Unread bytes would reset the connection before the client has read the reason.
    let read = 0;
    socket.on('data', ({ length }: Buffer) => {
      read += length;
      if (read > MOST_READ) destroy();
    });
    socket.on('end', destroy);
    socket.end(closing);
  }
}

function httpAnswer({ status, reason }: Refusal): string {
  const body = `${reason}\n`;
  return `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** What completes a key to the answer of a handshake (RFC 6455, 1.3). */
const HANDSHAKE_ID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** A close frame that is not masked (RFC 6455, 5.5.1). */
const CLOSE_FRAME = 0x88;

/** The answer to a handshake followed by a close frame; undefined for a request that is not from a client of frond, or from a relay. */
function acceptAndClose(
  { method, headers }: IncomingMessage,
  code: number,
  reason: string,
): Buffer | undefined {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  const key = headers['sec-websocket-key'] ?? '';
  const protocol = [SUBPROTOCOL, PEER_SUBPROTOCOL].find((own) => offered?.includes(own));
  const isClient =
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/\dA-Za-z]{22}==$/.test(key);
  if (!isClient || protocol === undefined) return undefined;
  const accept = createHash('sha1')
    .update(key + HANDSHAKE_ID)
    .digest('base64');
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`;
  const text = Buffer.from(closeReason(reason));
  const frame = Buffer.from([CLOSE_FRAME, 2 + text.length, code >> 8, code & 0xff]);
  return Buffer.concat([Buffer.from(head), frame, text]);
}
