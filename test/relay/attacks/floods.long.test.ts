/** More connections than there are places for, and ones whose address cannot be told. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { testRelays } from '../../support/besieged-relay.ts';
import { knock, upgradeText } from '../../support/knock.ts';
import { within } from '../../support/wait.ts';

const besieged = testRelays();

const FLOOD = 5_000;
const BATCH = 250;
const LIMIT = 100;
const SAMPLE = 200;

interface Answered {
  readonly socket: Socket;
  /** Of HTTP, or the close code of what was closed with the very answer. */
  readonly status: number;
}

/** Asks for a WebSocket, and does not hang up when there is none. */
async function ask(port: number): Promise<Answered> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(upgradeText());
  const [head] = await within(4_000, once(socket, 'data'), 'an answer');
  const text = (head as Buffer).toString('latin1');
  const [, first = '', second = ''] = /\r\n\r\n\x88.(.)(.)/s.exec(text) ?? [];
  const code = first.charCodeAt(0) * 256 + second.charCodeAt(0);
  return { socket, status: code || Number(text.split(' ')[1]) };
}

/** An end that is gone answers with a reset. One that is half open would stay for as long as the attacker likes. */
async function isReset(socket: Socket): Promise<void> {
  // The reset that comes back is seen by the next write.
  while (!socket.closed) {
    socket.write('still here');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it(`answers ${FLOOD} connections from one address, and lets go of those there is no place for`, async () => {
  const { port, meanwhile, figure } = await besieged({
    limits: { maxConnectionsPerAddress: LIMIT, greetingTimeout: 60_000 },
  });
  const answered: Answered[] = [];
  while (answered.length < FLOOD) {
    const batch = () => Promise.all(Array.from({ length: BATCH }, () => ask(port)));
    answered.push(...(await meanwhile(batch)));
  }
  const held = answered.filter(({ status }) => status === 101);
  const refused = answered.filter(({ status }) => status === 4429);
  // One place is that of the client that works.
  expect([held.length, refused.length]).toEqual([LIMIT - 1, FLOOD - LIMIT + 1]);
  expect(await figure('connections')).toBe(LIMIT);
  expect(await figure('handshakes_total{status="429"}')).toBe(refused.length);
  await meanwhile(async () => {
    await within(
      4_000,
      Promise.all(refused.slice(-SAMPLE).map(({ socket }) => isReset(socket))),
      'the resets',
    );
  });
  for (const { socket } of answered) socket.destroy();
  await meanwhile(async () => {
    for (let status = 0; status !== 101; ) status = await knock(port);
  });
}, 60_000);

it('answers those whose address cannot be told with 500, and logs why', async () => {
  const { port, meanwhile, log } = await besieged({
    addressOf: (headers) => {
      if (headers['x-forwarded-for'] === 'nonsense') throw new Error('no address in it');
      return '192.0.2.1';
    },
  });
  await meanwhile(async () => {
    expect(await knock(port, { 'X-Forwarded-For': 'nonsense' })).toBe(500);
    expect(await knock(port)).toBe(101);
  });
  expect(log.filter((line) => line.includes('no address in it'))).toHaveLength(1);
});

it('counts the places of all addresses together', async () => {
  let next = 0;
  const { port, meanwhile } = await besieged({
    addressOf: () => `192.0.2.${++next}`,
    limits: { maxConnections: 3 },
  });
  await meanwhile(async () => {
    const all = await Promise.all([1, 2, 3].map(() => ask(port)));
    expect(all.map(({ status }) => status).sort()).toEqual([101, 101, 4429]);
    for (const { socket } of all) socket.destroy();
  });
});
