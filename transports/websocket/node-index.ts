/** `frond/websocket` in Node. `websocketOn` is for the command alone, which brings its own `ws`. */
export type { TokenProvider, WebSocketConstructor, WebSocketLike, WebsocketOptions } from './node.ts';
export { websocket } from './node.ts';
