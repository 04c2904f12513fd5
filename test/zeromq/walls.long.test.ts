/** Peers that speak by hand to what is bound: nothing that they send runs, fills or fells anything. */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import type { BindingConnection } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes } from '../support/bytes.ts';
import { first, until, within } from '../support/wait.ts';
import { dialAs, dialRaw, frameOf, subscriptionTo } from '../support/zmtp.ts';
import { MiB, startWalls } from './walls-child.ts';

const any = 'tcp://127.0.0.1:*';
const http = (method: string, extra = '') =>
  Buffer.from(`${method} / HTTP/1.1\r\nHost: 127.0.0.1\r\n${extra}\r\n${'\x02'.repeat(600)}`, 'latin1');

/** What begins otherwise than ZMTP 3 does. */
const STRANGERS: readonly (readonly [string, Uint8Array])[] = [
  ['HTTP GET', http('GET')],
  ['HTTP POST', http('POST', 'Content-Length: 600\r\n')],
  ['a WebSocket', http('GET', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n')],
  ['a TLS ClientHello', Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(194, 7)])],
  ['ZMTP 1.0', Buffer.from([1, 0, 1, 1, 6, 0, 1, 97, 98, 99, 100])],
  ['ZMTP 1.0 in the long form', Buffer.concat([Buffer.from('ff00000000000000010001016100', 'hex')])],
  ['ZMTP 2.0', Buffer.from('ff00000000000000017f0108000000046162636400017a', 'hex')],
  ['ZMTP 1.0 that says so', Buffer.from('ff00000000000000017f0008000000046162636400017a', 'hex')],
];

describe('what is not ZMTP 3', () => {
  let connection: BindingConnection;
  beforeEach(async () => {
    connection = await zeromq().open();
  });
  afterEach(() => connection.close({ timeout: 0 }));

  /** Binds one of each kind. Gives the addresses, and what came of all that was sent there. */
  async function bindAll(host = '127.0.0.1') {
    const address = `tcp://${host}:*`;
    const came: string[] = [];
    const reply = await connection.bindReply(address, (request) => {
      came.push('a request');
      return request;
    });
    const pull = await connection.bindPull(address);
    const push = await connection.bindPush(address);
    push.onPeers(() => came.push('a puller'));
    const publish = await connection.bindPublish(address);
    const reading = (async () => {
      for await (const batch of { [Symbol.asyncIterator]: () => pull[Symbol.asyncIterator]() }) {
        came.push(...batch.map(() => 'a frame'));
      }
    })();
    return { bound: { reply, pull, push, publish }, came, reading };
  }

  it.each(['127.0.0.1', '[::1]'])('is refused by every kind of bound socket at %s', async (host) => {
    const { bound, came } = await bindAll(host);
    for (const { address } of Object.values(bound)) {
      for (const [name, opening] of STRANGERS) {
        await using peer = await dialRaw(address);
        await peer.write(opening);
        await within(4_000, peer.closed, `the end of ${name}`);
        // The beginning of a greeting leaves before anything is known of the peer.
        expect(peer.received).toBeLessThan(20);
      }
    }
    expect(came).toEqual([]);
  });

  it('is refused, and what is ZMTP 3.0 or 3.1 is not', async () => {
    const { bound, came } = await bindAll();
    for (const minor of [0, 1]) {
      await using peer = await dialAs('PUSH', bound.pull.address, { minor });
      await peer.write(frameOf(Buffer.from('x')));
      await within(
        4_000,
        until(() => came.length === minor + 1),
      );
    }
    expect(came).toEqual(['a frame', 'a frame']);
  });

  it('is a PROTOCOL error for who dials it, at once and with nothing read', async () => {
    for (const [name, opening] of STRANGERS) {
      const sockets: Socket[] = [];
      const server: NetServer = createServer((socket) => {
        sockets.push(socket.on('error', () => {}));
        socket.write(opening);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = `tcp://127.0.0.1:${(server.address() as { port: number }).port}`;
      const channels = [
        connection.push(address),
        connection.pull(address),
        connection.subscribe(address, 't/'),
      ];
      for (const channel of channels) {
        await expect(within(4_000, channel.ready(), name)).rejects.toMatchObject({ code: 'PROTOCOL' });
        await channel.close();
      }
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('a message over the limit', () => {
  it('that is sent is refused before it leaves, and one at the limit arrives', async () => {
    const transport = zeromq({ maxMessageSize: 10_000 });
    await using server = await transport.open();
    await using client = await transport.open();
    const pull = await server.bindPull(any);
    const reply = await server.bindReply(any, (request) => request);
    const pusher = client.push(pull.address);
    await expect(pusher.send([bytes('x'), new Uint8Array(10_001)])).rejects.toMatchObject({
      code: 'TOO_LARGE',
      sent: false,
      message: expect.stringContaining('maxMessageSize'),
    });
    await expect(client.request(reply.address, new Uint8Array(10_001)).reply).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
    await pusher.send([new Uint8Array(10_000)]);
    const { value } = await within(4_000, pull[Symbol.asyncIterator]().next());
    expect(value?.map(({ length }) => length)).toEqual([10_000]);
    expect(await client.request(reply.address, new Uint8Array(10_000)).reply).toHaveLength(10_000);
  });

  it('has a default, and ends the connection of a peer that sends it', async () => {
    await using connection = await zeromq().open();
    const pull = await connection.bindPull(any);
    const push = await connection.bindPush(any);
    const reply = await connection.bindReply(any, (request) => request);
    const publish = await connection.bindPublish(any);
    const cases = [
      ['PUSH', pull, 64 * MiB],
      ['DEALER', reply, 64 * MiB],
      ['PULL', push, 1_152],
      ['SUB', publish, 1_152],
    ] as const;
    for (const [type, { address }, limit] of cases) {
      await using peer = await dialAs(type, address);
      const head = Buffer.alloc(9);
      head[0] = 2;
      head.writeBigUInt64BE(BigInt(limit + 1), 1);
      await peer.write(head);
      await peer.hungUp();
    }
  });

  it('that a server sends ends the connection of who dialled it', async () => {
    await using server = await zeromq().open();
    await using client = await zeromq({ maxMessageSize: 1_000 }).open();
    const publish = await server.bindPublish(any);
    const subscription = client.subscribe(publish.address, 'me/');
    await within(4_000, subscription.ready());
    const cut = first(client.status(), ({ type }) => type === 'disconnected');
    await publish.publish([{ topic: 'me/1', frames: [new Uint8Array(1_001)] }]);
    await within(4_000, cut);
  });

  it('bounds topics too, before they are sent', async () => {
    await using connection = await zeromq().open();
    const publish = await connection.bindPublish(any);
    const longest = `${'t'.repeat(1_023)}/`;
    await within(4_000, connection.subscribe(publish.address, longest).ready());
    expect(() => connection.subscribe(publish.address, `t${longest}`)).toThrowError(
      expect.objectContaining({ code: 'INVALID_CALL' }),
    );
  });
});

describe('a server in a process of its own', () => {
  it('lets go of a peer that subscribes to 20 MiB, and does not grow', async () => {
    await using child = await startWalls();
    const honest = await child.connect();
    await child.serves(honest);
    const before = child.memory();
    await using peer = await dialAs('SUB', child.addresses.pub);
    await peer.write(subscriptionTo(Buffer.alloc(20 * MiB, 97)));
    await peer.hungUp();
    await child.serves(honest);
    expect(child.memory('VmHWM') - before).toBeLessThan(30 * MiB);
  });

  it.each([
    ['short', 1_000_000, 20],
    ['as long as they may be', 20_000, 1_000],
  ])('bounds what subscriptions take, with topics that are %s', async (_, count, length) => {
    await using child = await startWalls();
    const honest = await child.connect();
    await child.serves(honest);
    const before = child.memory();
    await using peer = await dialAs('SUB', child.addresses.pub);
    for (let sent = 0; sent < count && !peer.isClosed; sent += 1_000) {
      const some = Array.from({ length: 1_000 }, (_, i) => {
        // Different from the first byte on, so that they share as little as can be.
        const name = [...String(sent + i)].reverse().join('');
        return subscriptionTo(name.padEnd(length, '.'));
      });
      await peer.write(Buffer.concat(some));
    }
    await peer.hungUp(10_000);
    await child.serves(honest);
    await child.serves();
    expect(child.memory('VmHWM') - before).toBeLessThan(250 * MiB);
  });

  it('counts subscriptions that another peer takes back for them', async () => {
    await using child = await startWalls();
    await child.serves();
    const before = child.memory();
    await using holder = await dialAs('SUB', child.addresses.pub);
    await using other = await dialAs('SUB', child.addresses.pub);
    for (let sent = 0; sent < 10_000 && !holder.isClosed; sent += 100) {
      const topics = Array.from({ length: 100 }, (_, i) =>
        [...String(sent + i)].reverse().join('').padEnd(1_000, '.'),
      );
      await holder.write(Buffer.concat(topics.map(subscriptionTo)));
      await other.write(Buffer.concat(topics.map((topic) => frameOf(Buffer.from(`\0${topic}`)))));
    }
    await holder.hungUp(10_000);
    await child.serves();
    // 10 000 such topics take 480 MiB. How far libzmq gets before it is looked is the machine's haste: 190 alone, 272 beside others.
    expect(child.memory('VmHWM') - before).toBeLessThan(350 * MiB);
  });

  it('holds little for peers that ask and never read, and for many identities', async () => {
    await using child = await startWalls();
    const honest = await child.connect();
    await child.serves(honest);
    await honest.set(new Uint8Array(MiB), 'large');
    const before = child.memory();
    const get = new EnvelopeCodec().encode(palmMessage({ function: 'server.get', payload: bytes('large') }));
    const request = Buffer.concat([frameOf(new Uint8Array(0), true), frameOf(get)]);
    const peers = await Promise.all(
      Array.from({ length: 16 }, (_, i) => dialAs('DEALER', child.addresses.db, { identity: `peer ${i}` })),
    );
    for (const peer of peers) {
      peer.socket.pause();
      await peer.write(Buffer.concat(Array.from({ length: 2_000 }, () => request)));
    }
    for (let i = 0; i < 500; i++) {
      await using peer = await dialAs('DEALER', child.addresses.db, { identity: `identity ${i}` });
      await peer.write(request);
    }
    await child.serves(honest);
    await child.serves();
    expect(child.memory('VmHWM') - before).toBeLessThan(150 * MiB);
    // Not before the process is gone: libzmq aborts it when a peer is reset whose requests wait to be read (zeromq/libzmq#4841).
    await child[Symbol.asyncDispose]();
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  });
});
