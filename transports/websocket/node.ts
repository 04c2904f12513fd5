/** `frond/websocket` in Node: the platform's own `WebSocket` from Node 22 on, the package ws before. */
import type { Transport } from '../../src/transport.ts';
import { didNotLoad } from '../shared/peer-package.ts';
import type { WebsocketOptions } from './index.ts';
import { websocketOn } from './on-ws.ts';

export type { TokenProvider, WebSocketConstructor, WebSocketLike, WebsocketOptions } from './index.ts';

/** As in the platform's build (see there); opening a connection loads `ws` where the platform has no `WebSocket`. */
export function websocket(url: string | URL, options: WebsocketOptions = {}): Transport {
  return websocketOn(loadWs, url, options);
}

/** @throws PalmError `INVALID_CALL` naming the command that installs it, or why it cannot be loaded. */
async function loadWs(): Promise<typeof import('ws')> {
  try {
    return await import('ws');
  } catch (cause) {
    throw didNotLoad('the websocket transport, where there is no global WebSocket,', 'ws', cause);
  }
}
