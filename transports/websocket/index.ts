/** `frond/websocket`: access to a cluster through a relay, over the platform's `WebSocket`: browsers, Deno, Bun, Node 22 and later. */
import type { Transport } from '../../src/transport.ts';
import { parseRelayedAddress } from '../relay-protocol/server-address.ts';
import { WebsocketConnection } from './connection.ts';
import { resolveOptions, type WebSocketConstructor, type WebsocketOptions } from './options.ts';

export type { TokenProvider, WebSocketConstructor, WebSocketLike, WebsocketOptions } from './options.ts';

/**
 * A transport to the servers behind a relay. Their addresses are the names that the relay has for them, so a client needs no
 * `dbAddress`. A connection that breaks is made again, and continues where it was. When the relay has forgotten the session,
 * calls under way fail with `LOST`.
 *
 * @param url - `ws://…` or `wss://…`; in a page also relative to it.
 * @throws PalmError `INVALID_CALL` for a URL or option that is not acceptable.
 * @example
 * const transport = websocket('wss://relay.example/', { token: () => fetchToken() });
 * await using client = await Client.connect({ transport, serverName: 'demo' });
 */
export function websocket(url: string | URL, options: WebsocketOptions = {}): Transport {
  const platform = (globalThis as { WebSocket?: unknown }).WebSocket as WebSocketConstructor | undefined;
  const settings = resolveOptions(url, options, platform);
  return {
    name: 'websocket',
    checkAddress: parseRelayedAddress,
    open: async () => new WebsocketConnection(settings),
  };
}
