/** Connections that are reset, at every stage of what they could have become. */
import { connect, type Socket } from 'node:net';
import { openTcp, readText, upgradeText } from '../relay/attacks/knock.ts';
import { attack, type Field, pause, times } from './field.ts';
import { HONEST_TOKEN, oneServer, SERVER, tokens } from './parts.ts';

const ROUNDS = times(15, 1_000);
const ABREAST = 8;

/** Greeting of a client, cut off: the head of a masked binary frame of 100 bytes, and a few of them. */
const HALF_A_FRAME = Buffer.from([0x82, 0x80 | 100, 1, 2, 3, 4, 0x93, 0, 0]);

type Stage = (port: number) => Promise<Socket>;

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

function stagesAt(path: string): Stage[] {
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

async function reset(field: Field, port: number, path: string): Promise<void> {
  const stages = stagesAt(path);
  const all = Array.from({ length: ROUNDS }, () => stages).flat();
  const lane = async () => {
    for (let next = all.pop(); next !== undefined; next = all.pop()) {
      const socket = await next(port);
      if (field.random.oneIn(2)) await pause(field.random.below(4));
      socket.resetAndDestroy();
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
}

const SENT = `${ROUNDS} resets at each of ${stagesAt('/').length} stages`;

attack('3 resets at a relay', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const path = '/frond';
  const { target, url, port } = await field.relay({ servers, tokens: tokens(), path });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  const bounds = { growth: 64, descriptors: 100 };
  await field.besiege(target, { sent: SENT, bounds, honest }, () => reset(field, port, path));
});

attack('3 resets at the demo', async (field) => {
  const { target, relay: url, token, port } = await field.demo();
  const honest = [{ url, token, server: 'demo', path: 'demo.upper' }];
  const bounds = { growth: 64, descriptors: 100 };
  await field.besiege(target, { sent: SENT, bounds, honest }, () => reset(field, port, '/relay'));
});
