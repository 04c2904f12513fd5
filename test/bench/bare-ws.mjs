/**
 * A WebSocket server of the package ws that accepts, reads, and knows who is there, with the relay's options, until stdin
 * ends: node bare-ws.mjs. Prints its URL. What comes it sends back.
 */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { answerMemory } from './settled.mjs';

const server = createServer();
const sockets = new Set();
const webSocketServer = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: 4 * 1_048_576 + 65_536,
});
server.on('upgrade', (request, socket, head) => {
  webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
    sockets.add(webSocket);
    webSocket.on('message', (message) => webSocket.send(message));
    webSocket.on('close', () => sockets.delete(webSocket));
    webSocket.on('error', () => {});
  });
});
server.listen(0, '127.0.0.1', 4_096, () => console.log(`ws://127.0.0.1:${server.address().port}`));
answerMemory();
process.stdin.on('end', () => process.exit());
