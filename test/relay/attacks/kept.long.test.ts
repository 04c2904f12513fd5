/** What a relay keeps for its clients, in both directions: all of it counts, is bounded, and is gone in the end. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Pull } from 'zeromq';
import { type ClientFrame, Type } from '../../../transports/relay-protocol/frames.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { ALL, type Besieged, type BesiegedOptions, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { readText, upgradeText } from '../../support/knock.ts';
import { megabytes } from '../../support/leftovers.ts';
import { envelope, messageOf, type RawPeer } from '../../support/relay-peer.ts';
import { eventually, within } from '../../support/wait.ts';

const MiB = 1_048_576;

const besieged = testRelays();

/** A relay with a server `stuck` beside, which is there and takes nothing once the system's buffers are full. */
async function besiegedAndStuck(options: BesiegedOptions = {}): Promise<Besieged> {
  const pull = new Pull({ receiveHighWaterMark: 1, receiveBufferSize: 4_096, linger: 0 });
  await pull.bind('tcp://127.0.0.1:*');
  const stuck = { pushAddress: pull.lastEndpoint ?? '', functions: ['stuck.*'] };
  const relay = await besieged({
    transport: zeromq(),
    servers: { stuck },
    identities: { one: ALL },
    ...options,
  });
  relay.own({ close: async () => pull.close() });
  return relay;
}

async function openPush(peer: RawPeer, channel: number, server: string): Promise<void> {
  peer.send([Type.open, channel, 1, server, '']);
  await peer.next((frame) => frame[0] === Type.ready && frame[1] === channel);
}

function callOf(peer: RawPeer, size: number, server = 'stuck'): Uint8Array<ArrayBuffer> {
  return envelope({ client: `${peer.id}/1`, function: `${server}.f`, payload: new Uint8Array(size) });
}

/** Resolves when the relay has worked on what the peer sent. */
async function settled(peer: RawPeer, id: number): Promise<void> {
  await peer.ask(id, 'server', envelope({ client: peer.id, function: '_.get', payload: bytes('name') }));
}

/** Sends until the server takes no more: the buffers of the system and of ZeroMQ are full, and the relay holds what comes. */
async function fill(relay: Besieged, size: number): Promise<void> {
  const peer = await relay.peer('one');
  await openPush(peer, 1, 'stuck');
  for (let i = 0; i < 100; i++) {
    peer.send([Type.send, 1, 1, [callOf(peer, size)]]);
    const hasLeft = eventually(async () => (await relay.figure('held_bytes')) < size, 500);
    if (
      await hasLeft.then(
        () => false,
        () => true,
      )
    )
      return;
  }
  throw new Error('the server takes it all');
}

it('a topic has 1 024 characters at most', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    const topic = (length: number) => `${peer.id}/`.padEnd(length, 'x');
    for (const [channel, length] of [1_023, 1_024].entries()) {
      peer.send([Type.open, channel, 2, 'server', topic(length)]);
      await peer.next((frame) => frame[0] === Type.ready && frame[1] === channel);
    }
    peer.send([Type.open, 9, 2, 'server', topic(1_025)]);
    expect(await peer.end()).toMatchObject({ code: 4400 });
  });
  expect(await relay.figure('sessions')).toBe(1);
});

it('the window is for a server, over all channels to it', async () => {
  const relay = await besiegedAndStuck({ limits: { window: 300_000, maxHeld: 64 * MiB } });
  await relay.meanwhile(async () => {
    const filled = async (peer: RawPeer, sizes: readonly number[]) => {
      for (const [i, size] of sizes.entries()) {
        await openPush(peer, i, 'stuck');
        peer.send([Type.send, i, 1, [callOf(peer, size)]]);
      }
    };
    await fill(relay, 250_000);
    const within = await relay.peer('one');
    await filled(within, [100_000, 100_000, 90_000, 100_000]);
    await settled(within, 1);
    const over = await relay.peer('one');
    await filled(over, [100_000, 100_000, 100_000, 100_000]);
    expect(await over.end()).toMatchObject({
      code: 4400,
      reason: expect.stringContaining('more bytes than its window'),
    });
    await settled(within, 2);
  });
});

it('counts what clients left behind that are gone, and hands a server no more than it may', async () => {
  const relay = await besiegedAndStuck();
  const before = await megabytes();
  const leave = async () => {
    const peer = await relay.peer('one');
    await openPush(peer, 1, 'stuck');
    peer.send([Type.send, 1, 1, [callOf(peer, MiB / 2), callOf(peer, MiB / 2 - 100)]]);
    await settled(peer, 1);
    peer.socket.close(1000);
    await peer.end();
  };
  await relay.meanwhile(async () => {
    for (let i = 0; i < 40; i++) await leave();
  });
  await eventually(async () => (await relay.figure('connections')) === 1);
  // A turn of 1 MiB and one message more are with the transport, and 16 batches in ZeroMQ.
  expect(await relay.figure('held_bytes')).toBeLessThan(4 * MiB);
  expect((await megabytes()) - before).toBeLessThan(32);
});

it('a small call that waits counts for the message that it came in', async () => {
  const relay = await besiegedAndStuck({ limits: { maxHeld: 4 * MiB } });
  await relay.meanwhile(async () => {
    await fill(relay, MiB - 1_000);
    const peer = await relay.peer('one');
    await openPush(peer, 1, 'stuck');
    const sent = 8;
    for (let i = 0; i < sent; i++) {
      // Of a generation that is over: passed over, and yet in the same piece of memory.
      peer.send([Type.send, 1, 99, [new Uint8Array(MiB - 1_000)]], [Type.send, 1, 1, [callOf(peer, 10)]]);
    }
    expect(await peer.end()).toMatchObject({
      code: 4413,
      reason: expect.stringContaining('sends more than its servers take'),
    });
  });
});

/** A WebSocket by hand that has said so much of a binary message of `size` bytes, and says no more. */
async function half(
  port: number,
  greeting: Uint8Array | undefined,
  said: number,
  size: number,
): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(upgradeText());
  await readText(socket, (text) => text.includes('\r\n\r\n'));
  if (greeting !== undefined) {
    socket.write(frameHead(greeting.length));
    socket.write(greeting);
    await once(socket, 'data');
  }
  socket.write(frameHead(size));
  socket.write(new Uint8Array(said));
  return socket;
}

/** Of a binary message, masked with zeros. */
function frameHead(size: number): Uint8Array {
  const head = new Uint8Array(14);
  head.set([0x82, 0x80 | 127]);
  new DataView(head.buffer).setBigUint64(2, BigInt(size));
  return head;
}

it.each([
  ['of clients', true, 3 * MiB],
  ['of strangers', false, 60_000],
])('counts messages %s that are not whole', async (_, isGreeted, said) => {
  const most = 4 * said;
  const relay = await besieged({ limits: { maxHeldTotal: most, greetingTimeout: 60_000 } });
  const sockets: Socket[] = [];
  await relay.meanwhile(async () => {
    const greeting = isGreeted ? helloOf('attacker-token') : undefined;
    for (let i = 0; i < 3; i++) sockets.push(await half(relay.port, greeting, said, 4 * MiB));
    await eventually(async () => (await relay.figure('held_bytes')) >= 2.5 * said);
    const ended = new Promise<void>((resolve) => {
      for (let i = 0; i < 3; i++) {
        half(relay.port, greeting, said, 4 * MiB).then((socket) => {
          sockets.push(socket);
          for (const own of sockets) own.once('close', resolve).resume();
        });
      }
    });
    await within(4_000, ended, 'an end');
    expect(await relay.figure('held_bytes')).toBeLessThanOrEqual(most);
  });
  for (const socket of sockets) socket.destroy();
  await eventually(async () => (await relay.figure('connections')) === 1);
  if (!isGreeted) expect(await relay.figure('held_bytes')).toBeLessThan(20_000);
});

function helloOf(token: string): Uint8Array {
  return messageOfOne([Type.hello, token, null, 0]);
}

function messageOfOne(frame: ClientFrame): Uint8Array {
  return messageOf([frame], 0, 0);
}

it('counts tokens and workers, which are kept as long as the session', async () => {
  const token = 't'.repeat(8_000);
  const relay = await besieged({ identities: { [token]: { ...ALL, name: 'long' } } });
  await relay.meanwhile(async () => {
    const before = await relay.figure('held_bytes');
    const peer = await relay.peer(token);
    expect((await relay.figure('held_bytes')) - before).toBeGreaterThan(7_000);
    for (let i = 0; i < 100; i++) {
      const worker = {
        client: `${peer.id}/${i}`,
        pipeline: 'w'.repeat(100),
        cache: '1',
        stage: 1,
        features: 6,
      };
      peer.send([Type.request, i, 'server', envelope({ ...worker, function: '_.work' })]);
    }
    await settled(peer, 1_000);
    expect((await relay.figure('held_bytes')) - before).toBeGreaterThan(7_000 + 100 * 456);
    const again = await relay.dial();
    await again.greet(token, peer.session, peer.received);
    expect((await relay.figure('held_bytes')) - before).toBeLessThan(8_000 + 100 * 2_000);
  });
});

it('has counted down to what is open when all is over', async () => {
  const relay = await besieged({ limits: { resumeWindow: 200 } });
  const idle = await relay.figure('held_bytes');
  const peers = await Promise.all(Array.from({ length: 5 }, () => relay.peer()));
  for (const [i, peer] of peers.entries()) {
    await peer.openCalls();
    await peer.call('1', 'server.upper');
    await peer.ask(
      1,
      'server',
      envelope({ client: peer.id, function: '_.set', cache: 'k', payload: bytes('v') }),
    );
    peer.send([Type.close, 1], [Type.request, 2, 'server', callOf(peer, 10)], [Type.cancel, 2]);
    await settled(peer, 3);
    if (i % 2 === 0) peer.socket.close(1000);
    else peer.socket.terminate();
  }
  await eventually(async () => (await relay.figure('sessions')) === 1);
  await eventually(async () => (await relay.figure('held_bytes')) <= idle);
});
