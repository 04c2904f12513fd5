/** Upgrades of a relay's port, up to every stage of what they could have become. */
import { connect, type Socket } from 'node:net';
import { openTcp, readText, upgradeText } from '../support/knock.ts';
import { type Field, pause } from './field.ts';

/** Greeting of a client, cut off: the head of a masked binary frame of 100 bytes, and a few of them. */
const HALF_A_FRAME = Buffer.from([0x82, 0x80 | 100, 1, 2, 3, 4, 0x93, 0, 0]);

export type Stage = (port: number) => Promise<Socket>;

/** What was sent, and not answered yet. */
const sent =
  (text: string): Stage =>
  async (port) => {
    const socket = await openTcp(port);
    await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    return socket;
  };

/** What was answered. */
const answered =
  (text: string, more?: Buffer): Stage =>
  async (port) => {
    const socket = await sent(text)(port);
    await readText(socket, (answer) => answer.includes('\r\n\r\n'));
    if (more !== undefined && !socket.destroyed) socket.write(more);
    return socket;
  };

/** More comes at once behind the request, and the end of it with it. */
const hasty =
  (text: string): Stage =>
  async (port) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(text);
    socket.write(HALF_A_FRAME);
    await pause(1);
    return socket;
  };

export function stagesAt(path: string): Stage[] {
  const whole = upgradeText(path);
  const paths = [path, '/', '/elsewhere', `${path}/../x`, '//', `/${'x'.repeat(4_000)}`];
  const cuts = [0, 1, 20, whole.length >> 1, whole.length - 2];
  return [
    ...cuts.map((cut) => sent(whole.slice(0, cut))),
    ...paths.flatMap((own) => [sent(upgradeText(own)), answered(upgradeText(own)), hasty(upgradeText(own))]),
    ...paths.map((own) => answered(upgradeText(own), HALF_A_FRAME)),
    answered(upgradeText(path, { Origin: 'https://evil.example' })),
    answered(upgradeText(path, { 'Sec-WebSocket-Version': '7' })),
    answered(upgradeText(path, { 'Sec-WebSocket-Key': 'short' })),
    answered('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'),
    sent('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc'),
    sent('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'),
    sent('CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n'),
  ];
}

/** Goes so far, and resets the connection. */
export async function resetAt(field: Field, stage: Stage, port: number): Promise<void> {
  const socket = await stage(port);
  if (field.random.oneIn(2)) await pause(field.random.below(4));
  socket.resetAndDestroy();
}
