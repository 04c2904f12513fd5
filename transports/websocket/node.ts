/** `frond/websocket` in Node: on the platform's `WebSocket` from Node 22 on, on the package ws before. */

import { startTimer } from '../../src/async/timers.ts';
import { RECEIVED_BYTES } from '../../src/flow-control.ts';
import type { Transport } from '../../src/transport.ts';
import * as CloseCode from '../relay-protocol/close-codes.ts';
import { loadWs } from '../relay-protocol/load-ws.ts';
import { websocket as onPlatform, type WebSocketConstructor, type WebsocketOptions } from './index.ts';

export type { TokenProvider, WebSocketConstructor, WebSocketLike, WebsocketOptions } from './index.ts';

/** As in index.ts. Where the platform has no `WebSocket`, opening a connection loads the package ws. */
export function websocket(url: string | URL, options: WebsocketOptions = {}): Transport {
  return websocketOn(() => loadWs(NEEDED_BY), url, options);
}

const NEEDED_BY = 'the websocket transport, where there is no global WebSocket,';

type LoadWs = () => Promise<Pick<typeof import('ws'), 'WebSocket'>>;

/** As {@link websocket}, with the package ws that `load` gives. */
export function websocketOn(load: LoadWs, url: string | URL, options: WebsocketOptions = {}): Transport {
  if (options.WebSocket !== undefined || typeof globalThis.WebSocket === 'function')
    return onPlatform(url, options);
  const checked = onPlatform(url, { ...options, WebSocket: Unloaded });
  return {
    ...checked,
    open: async () => onPlatform(url, { ...options, WebSocket: await constructorOf(load) }).open(),
  };
}

/** A placeholder for the class while options are checked. */
const Unloaded = class {} as unknown as WebSocketConstructor;

/** The WebSocket class for one connection. */
async function constructorOf(load: LoadWs): Promise<WebSocketConstructor> {
  const { WebSocket } = await load();
  // Compression costs a relay much memory for each connection, and a job's messages do not need it.
  let wasOpen = false;
  const Plain = class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { perMessageDeflate: false, maxPayload: RECEIVED_BYTES });
      this.on('open', () => {
        wasOpen = true;
      });
      // Added first, so that it runs before other listeners.
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

/** Milliseconds that a relay gets to answer the closing handshake, which keeps the process alive. */
const CLOSE_TIMEOUT = 1_000;

/**
 * Close codes for HTTP statuses that refuse the upgrade, which other platforms hide. They count only until the first connection:
 * later the URL is known to be right, and something else answers in place of a relay that is away.
 */
const CODE_OF: Readonly<Record<number, number>> = {
  400: CloseCode.unsupportedVersion,
  401: CloseCode.forbidden,
  403: CloseCode.forbidden,
  404: CloseCode.unsupportedVersion,
  426: CloseCode.unsupportedVersion,
};

/** Codes of errors where the other side does not speak TLS, or not HTTP. */
const OTHER_PROTOCOL = /^(EPROTO|ERR_SSL_|HPE_)/;
/** Codes of errors where the certificate is not trusted, or belongs to another host. */
const BAD_CERTIFICATE = /CERT|SIGNATURE|ISSUER/;

/** The close code for an error that the next attempt would have, too. */
function certainCode(code = ''): number | undefined {
  if (OTHER_PROTOCOL.test(code)) return CloseCode.unsupportedVersion;
  return BAD_CERTIFICATE.test(code) ? CloseCode.forbidden : undefined;
}
