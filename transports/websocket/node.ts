/** `frond/websocket` in Node: the platform's own `WebSocket` from Node 22 on, the package ws before. */

import { startTimer } from '../../src/async/timers.ts';
import { RECEIVED_BYTES } from '../../src/flow-control.ts';
import type { Transport } from '../../src/transport.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { loadWs } from '../relay-protocol/load-ws.ts';
import { websocket as onPlatform, type WebSocketConstructor, type WebsocketOptions } from './index.ts';

export type { TokenProvider, WebSocketConstructor, WebSocketLike, WebsocketOptions } from './index.ts';

/** As in the platform's build (see there); opening a connection loads `ws` where the platform has no `WebSocket`. */
export function websocket(url: string | URL, options: WebsocketOptions = {}): Transport {
  return websocketOn(() => loadWs(NEEDED_BY), url, options);
}

const NEEDED_BY = 'the websocket transport, where there is no global WebSocket,';

// The client's side on the package ws, where the platform has no `WebSocket` of its own.

type LoadWs = () => Promise<Pick<typeof import('ws'), 'WebSocket'>>;

/** As in the platform's build (see there); opening a connection has `load` give `ws` where the platform has no `WebSocket`. */
export function websocketOn(load: LoadWs, url: string | URL, options: WebsocketOptions = {}): Transport {
  if (options.WebSocket !== undefined || typeof globalThis.WebSocket === 'function')
    return onPlatform(url, options);
  const checked = onPlatform(url, { ...options, WebSocket: Unloaded });
  return {
    ...checked,
    open: async () => onPlatform(url, { ...options, WebSocket: await constructorOf(load) }).open(),
  };
}

/** Stands for the constructor while only options are checked. */
const Unloaded = class {} as unknown as WebSocketConstructor;

/** The constructor for one connection. */
async function constructorOf(load: LoadWs): Promise<WebSocketConstructor> {
  const { WebSocket } = await load();
  // Compression costs a relay much memory for each connection, and the messages of a job do not need it.
  let wasOpen = false;
  const Plain = class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { perMessageDeflate: false, maxPayload: RECEIVED_BYTES });
      this.on('open', () => {
        wasOpen = true;
      });
      // Before anybody else hears of it.
      this.on('error', (error: NodeJS.ErrnoException) => {
        const code = wasOpen ? undefined : certainCode(error.code);
        if (code !== undefined) this.emit('close', code, Buffer.from(`${error.message} (${error.code})`));
      });
      this.on('unexpected-response', (request, { statusCode = 0, statusMessage = '' }) => {
        this.emit(
          'close',
          (wasOpen ? undefined : CODE_OF[statusCode]) ?? ABNORMAL,
          Buffer.from(`HTTP ${statusCode} ${statusMessage}`),
        );
        request.destroy();
      });
    }

    override close(code?: number, reason?: string): void {
      this.once(
        'close',
        startTimer(CLOSE_TIMEOUT, () => this.terminate()),
      );
      super.close(code, reason);
    }
  };
  return Plain as unknown as WebSocketConstructor;
}

const ABNORMAL = 1006;

/** Milliseconds that a relay gets to answer the closing handshake: until then the process does not end. */
const CLOSE_TIMEOUT = 1_000;

/**
 * A relay that refuses before there is a WebSocket says so by HTTP, which no other platform tells. Once there was one the
 * URL is right, and what refuses is there in place of a relay that is away.
 */
const CODE_OF: Readonly<Record<number, number>> = {
  400: CloseCode.unsupportedVersion,
  401: CloseCode.forbidden,
  403: CloseCode.forbidden,
  404: CloseCode.unsupportedVersion,
  426: CloseCode.unsupportedVersion,
};

/** Of TLS: what speaks no TLS, or something that is no HTTP. */
const OTHER_PROTOCOL = /^(EPROTO|ERR_SSL_|HPE_)/;
/** A certificate that cannot be trusted, or is another's. */
const BAD_CERTIFICATE = /CERT|SIGNATURE|ISSUER/;

/** The close code for an error that the next attempt would have, too; once there was a link, it may be of what is there for a while. */
function certainCode(code = ''): number | undefined {
  if (OTHER_PROTOCOL.test(code)) return CloseCode.unsupportedVersion;
  return BAD_CERTIFICATE.test(code) ? CloseCode.forbidden : undefined;
}
