/** Clients that never stay: they leave nothing that lasts, and take nobody's place for good. */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';
import { MiB, testRelayChildren } from './relay-child.ts';

const besieged = testRelays();
const children = testRelayChildren();

const MOST = 60;
const ROUNDS = 4;
const ABREAST = 30;

/** Opens everything that a client has, asks for what takes a while, and is gone without a word. */
async function vanish(peer: RawPeer): Promise<void> {
  await peer.openCalls();
  peer.send(
    [Type.open, 3, 3, 'server', ''],
    [Type.request, 1, 'server', envelope({ client: peer.id, function: '_.get', payload: bytes('name') })],
    [
      Type.send,
      1,
      1,
      [envelope({ client: `${peer.id}/1`, function: 'server.echo', payload: new Uint8Array(10_000) })],
    ],
  );
  peer.socket.terminate();
  await peer.end();
}

it('remembers only so many who vanished, only for so long, and keeps nothing of them', async () => {
  const resumeWindow = 500;
  const relay = await children({}, { maxConnections: MOST, maxConnectionsPerAddress: MOST, resumeWindow });
  const round = async () => {
    for (let left = ROUNDS; left > 0; left--) {
      await Promise.all(Array.from({ length: ABREAST }, async () => vanish(await relay.peer())));
      expect(await relay.figure('sessions')).toBeLessThanOrEqual(MOST);
    }
    while ((await relay.figure('sessions')) > 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await relay.figure('held_bytes')).toBeLessThan(MiB);
    return (await relay.memory()).heapUsed;
  };
  // What is made once, whoever comes, is no growth.
  await round();
  const before = await round();
  const after = await relay.meanwhile(round);
  console.log(`heap ${(before / MiB).toFixed(1)} MiB, then ${(after / MiB).toFixed(1)} MiB`);
  expect(after - before).toBeLessThan(2 * MiB);
}, 30_000);

async function again(relay: Besieged, peer: RawPeer): Promise<RawPeer> {
  const next = await relay.dial();
  const welcome = await next.greet('attacker-token', peer.session, peer.received);
  expect(welcome[3]).toBe(true);
  next.received = peer.received;
  next.sent = peer.sent;
  return next;
}

it('has one session of a client that reconnects without end, and its last socket works', async () => {
  const relay = await besieged();
  let peer = await relay.peer();
  await peer.openCalls();
  await relay.meanwhile(async () => {
    for (let i = 0; i < 100; i++) {
      if (i % 2 === 0) peer.socket.terminate();
      peer = await again(relay, peer);
    }
    expect((await peer.call('last', 'server.upper')).status).toBe(0);
    while (relay.relay.connections > 2) await new Promise(setImmediate);
  });
  expect(await relay.figure('sessions')).toBe(2);
  expect(await relay.figure('sessions_total{outcome="resumed"}')).toBe(100);
});

it('gives places back to who left, however it left', async () => {
  const relay = await besieged({ limits: { maxConnectionsPerAddress: 4, greetingTimeout: 10_000 } });
  await relay.meanwhile(async () => {
    for (let i = 0; i < 60; i++) {
      const peer = i % 2 === 0 ? await relay.peer() : await relay.dial();
      if (i % 3 === 0) peer.socket.close(1000);
      else if (i % 3 === 1) peer.socket.terminate();
      else peer.sendBytes(bytes('garbage'));
      await peer.end();
      while (relay.relay.connections > 1) await new Promise(setImmediate);
    }
  });
});
