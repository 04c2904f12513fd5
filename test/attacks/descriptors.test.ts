/** Processes that may have few descriptors, and strangers who take all of them. */
import { connect, type Socket } from 'node:net';
import { ChannelKind, Type } from '../../transports/relay-protocol/frames.ts';
import { portOf } from '../support/ports.ts';
import type { RawPeer } from '../support/relay-peer.ts';
import { within } from '../support/wait.ts';
import { enter, flushed } from './clients.ts';
import { attack, type Field, pause, times } from './field.ts';
import { HONEST_TOKEN, MASTER, oneServer, QUIET, SERVER, SEVERAL, tokens } from './parts.ts';
import type { Target } from './target.ts';

const FEW = 128;
const STRANGERS = times(300, 3_000);
/** Milliseconds that the places are kept. */
const KEPT = times(1_500, 10_000);

/** Connections that say nothing, or so much. */
async function crowd(field: Field, ports: readonly number[], text = ''): Promise<void> {
  const sockets: Socket[] = [];
  for (let i = 0; i < STRANGERS; i++) {
    const socket = connect({
      port: field.random.pick(ports),
      host: '127.0.0.1',
      localAddress: `127.0.3.${1 + (i % 200)}`,
    });
    socket.on('error', () => {});
    if (text !== '') socket.write(text);
    sockets.push(field.own({ close: () => socket.destroy() }) && socket);
    if (i % 50 === 0) await pause(5);
  }
  await pause(KEPT);
  for (const socket of sockets) socket.destroy();
  await pause(100);
}

const SENT = `${STRANGERS} connections to a process that may have ${FEW} descriptors`;
const bounds = { growth: 64 };

attack('4 few descriptors: a relay and strangers', async (field) => {
  const { ups } = await field.serve(oneServer());
  const servers = { [SERVER]: ups[0]?.addresses.db_address };
  const { target, url, port } = await field.relay({ servers, tokens: tokens() }, { descriptors: FEW });
  const honest = [{ url, token: HONEST_TOKEN, server: SERVER, path: `${SERVER}.upper` }];
  await field.besiege(target, { sent: SENT, bounds, honest }, async (fell) => {
    await crowd(field, [port]);
    const peer = await enter(field, url, 0, HONEST_TOKEN);
    if (peer === undefined) fell('nobody comes in any more');
  });
});

/** Milliseconds that a descriptor, and a channel, may take to be taken. */
const TAKEN = 100;
const ANSWERED = 300;

/** Connects until the process has so many descriptors left, or takes no more. */
async function takeAllBut(target: Target, left: number, port: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let before = target.descriptors, refused = 0; FEW - before > left && refused < 3; ) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.3.1' }).on('error', () => {});
    sockets.push(socket);
    for (let waited = 0; target.descriptors === before && waited < TAKEN && !target.hasEnded; waited += 2) {
      await pause(2);
    }
    const now = target.descriptors;
    if (now <= before) refused++;
    before = now;
  }
  return sockets;
}

/** Resolves when so many channels were opened or refused. */
async function settled(peer: RawPeer, count: number): Promise<void> {
  for (let left = count; left > 0; left--) {
    await peer.next(([type]) => type === Type.ready || type === Type.refused || type === Type.broken);
    peer.frames.length = 0;
  }
}

/** Descriptors that are left when a client opens something new, from so many down to none. */
const LEFT = 16;
const ROUNDS = times(1, 10);

attack('4 few descriptors: a relay and a worker', async (field) => {
  const { ups } = await field.serve(SEVERAL, 3);
  const dbOf = (name: string) => ups.find((up) => up.name === name)?.addresses.db_address ?? '';
  const servers = { [QUIET]: dbOf(QUIET), [MASTER]: dbOf(MASTER) };
  const { target, url, port } = await field.relay({ servers, tokens: tokens() }, { descriptors: FEW });
  const honest = [{ url, token: HONEST_TOKEN, server: QUIET, path: `${QUIET}.upper` }];
  const sent = `a client opens channels to work, call and listen, while ${LEFT} to 0 of ${FEW} descriptors are left`;
  await field.besiege(target, { sent, bounds, honest }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      for (let left = LEFT; left >= 0; left -= 2) {
        const peer = await enter(field, url, 0);
        if (peer === undefined) continue;
        const sockets = await takeAllBut(target, left, port);
        for (const [channel, kind] of KINDS.entries()) {
          const server = kind === ChannelKind.push ? `${MASTER}/results` : MASTER;
          const topic = kind === ChannelKind.subscribe ? `${peer.id}/` : '';
          peer.send([Type.open, channel + 1, kind, server, topic]);
        }
        await flushed(peer);
        await within(ANSWERED, settled(peer, KINDS.length), 'the channels').catch(() => {});
        for (const socket of sockets) socket.destroy();
        peer.socket.terminate();
        if (target.hasEnded) return;
      }
    }
  });
});

const { pull, push, subscribe } = ChannelKind;
const KINDS = [pull, pull, push, subscribe, ...Array.from({ length: 12 }, () => pull)];

attack('4 few descriptors: a server and strangers', async (field) => {
  const { target, ups } = await field.serve(oneServer(), 1, { descriptors: FEW });
  const { addresses } = ups[0] ?? { addresses: { db_address: '' } };
  const honest = [{ db: addresses.db_address, server: SERVER, path: `${SERVER}.upper` }];
  await field.besiege(target, { sent: SENT, bounds, honest }, () =>
    crowd(field, Object.values(addresses).map(portOf)),
  );
});
