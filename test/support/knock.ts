/** Upgrades by hand: with any headers, and the HTTP status that they come to. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { within } from './wait.ts';

export type Headers = Readonly<Record<string, string>>;

/** What a WebSocket begins with. */
const UPGRADE: Headers = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol': 'frond.v1',
};

/**
 * Tries to open a WebSocket, and gives what came of it: 101 when it is open, the close code when it is closed with the very
 * answer, and else the HTTP status.
 * @param isBrief - whether it hangs up then.
 */
export function knock(port: number, headers: Headers = {}, path = '/', isBrief = true): Promise<number> {
  const status = new Promise<number>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { ...UPGRADE, ...headers } });
    asked.on('upgrade', (_, socket, head) => {
      // One that stays ends with the relay.
      socket.on('error', () => {});
      if (isBrief) socket.destroy();
      resolve(closeCodeIn(head) ?? 101);
    });
    asked.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end();
  });
  return within(2_000, status, 'the answer to an upgrade');
}

/** Of a close frame that came in one piece with the answer, as a relay writes both. */
function closeCodeIn(head: Buffer): number | undefined {
  return head[0] === 0x88 && head.length >= 4 ? head.readUInt16BE(2) : undefined;
}

/** The text of such a request. */
export function upgradeText(path = '/', headers: Headers = {}): string {
  const lines = Object.entries({ Host: 'localhost', ...UPGRADE, ...headers });
  return [`GET ${path} HTTP/1.1`, ...lines.map(([key, value]) => `${key}: ${value}`), '', ''].join('\r\n');
}

/** A TCP connection, open. */
export async function openTcp(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await within(2_000, new Promise((resolve) => socket.once('connect', resolve)), 'connecting');
  return socket;
}

/** The text that came on a socket until `enough` of it, or its end. */
export async function readText(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  const read = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (enough(text)) resolve();
    });
    socket.on('close', () => resolve());
  });
  await within(4_000, read, 'the answer on a socket');
  return text;
}
