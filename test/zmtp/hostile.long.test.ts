/** Peers that keep to nothing: each is turned away or held up, others are served meanwhile, and nothing grows. */
import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionStatus } from '../../src/transport.ts';
import { type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { megabytes } from '../support/leftovers.ts';
import { collect, until, within } from '../support/wait.ts';
import {
  dialAs,
  dialRaw,
  frameOf,
  GREETING,
  type RawPeer,
  readyOf,
  subscriptionTo,
} from '../support/zmtp.ts';

const any = 'tcp://127.0.0.1:*';
const MiB = 1_048_576;

/** One bound end of each kind, honest peers of all of them, and what was refused. */
async function ground(options: ZmtpOptions = {}) {
  const server = await zmtp({ heartbeatInterval: 500, ...options }).open();
  const client = await zmtp().open();
  const refused: Extract<ConnectionStatus, { type: 'refused' }>[] = [];
  const watching = (async () => {
    for await (const status of server.status()) if (status.type === 'refused') refused.push(status);
  })();
  const reply = await server.bindReply(any, (request) => request);
  const pull = await server.bindPull(any);
  const push = await server.bindPush(any);
  const publish = await server.bindPublish(any);
  const pusher = client.push(pull.address);
  const puller = client.pull(push.address);
  const subscription = client.subscribe(publish.address, 'me/', { proofTimeout: 5_000 });
  await within(5_000, Promise.all([pusher.ready(), puller.ready(), subscription.ready()]));
  let served = 0;
  return {
    server,
    client,
    refused,
    bound: { reply, pull, push, publish },
    puller,
    /** All that is honest gets through, on every kind of socket. */
    async serves(): Promise<void> {
      const text = `honest ${served++}`;
      expect(textOf(await within(5_000, client.request(reply.address, bytes(text)).reply))).toBe(text);
      await pusher.send([bytes(text)]);
      const pulled = await collect(pull, 1);
      expect(pulled.map(textOf)).toContain(text);
      await push.send([bytes(text)]);
      expect((await collect(puller, 1)).map(textOf)).toEqual([text]);
      await publish.publish([{ topic: 'me/1', frames: [bytes(text)] }]);
      expect((await collect(subscription, 1)).at(0)?.frames.map(textOf)).toEqual([text]);
    },
    async close(): Promise<void> {
      await client.close({ timeout: 0 });
      await server.close({ timeout: 0 });
      await watching;
    },
  };
}

type Ground = Awaited<ReturnType<typeof ground>>;
const fits: Readonly<Record<keyof Ground['bound'], string>> = {
  reply: 'DEALER',
  pull: 'PUSH',
  push: 'PULL',
  publish: 'SUB',
};
const kinds = Object.keys(fits) as (keyof Ground['bound'])[];

let open: Ground | undefined;
let peers: RawPeer[] = [];

async function start(options?: ZmtpOptions): Promise<Ground> {
  open = await ground(options);
  return open;
}

async function dial(type: string, address: string, minor = 1): Promise<RawPeer> {
  const peer = await dialAs(type, address, { minor });
  peers.push(peer);
  return peer;
}

afterEach(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  peers = [];
  await open?.close();
  open = undefined;
});

const http = (method: string) => Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n${'\x02'.repeat(600)}`);
const STRANGERS: readonly (readonly [string, Uint8Array])[] = [
  ['HTTP GET', http('GET')],
  ['HTTP POST', http('POST')],
  ['a TLS ClientHello', Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(194, 7)])],
  ['ZMTP 1.0', Buffer.from([1, 0, 1, 1, 6, 0, 1, 97, 98, 99, 100])],
  ['ZMTP 2.0', Buffer.from('ff00000000000000017f0108000000046162636400017a', 'hex')],
  ['another mechanism', Buffer.concat([GREETING.subarray(0, 12), Buffer.from('CURVE'.padEnd(52, '\0'))])],
  ['a message in place of READY', Buffer.concat([GREETING, frameOf(Buffer.from('x'))])],
  ['another command than READY', Buffer.concat([GREETING, Buffer.from('\x04\x05\x04PING', 'latin1')])],
  ['a command without a name', Buffer.concat([GREETING, Buffer.from([4, 1, 9])])],
  ['a READY that says nothing', Buffer.concat([GREETING, Buffer.from('\x04\x06\x05READY', 'latin1')])],
  ['a READY of 2^63 bytes', Buffer.concat([GREETING, Buffer.from('068000000000000000', 'hex')])],
  [
    'a socket that does not fit',
    Buffer.concat([GREETING, readyOf('REQ').map((b) => (b === 0x51 ? 0x58 : b))]),
  ],
];

describe('a peer that begins with', () => {
  it.each(STRANGERS)('%s is refused at once by every kind of socket', async (_, opening) => {
    const own = await start();
    for (const kind of kinds) {
      const peer = await dialRaw(own.bound[kind].address);
      peers.push(peer);
      await peer.write(opening);
      await peer.hungUp(4_000);
    }
    await own.serves();
    expect(own.refused.map(({ count, type }) => [type, count])).toEqual(kinds.map(() => ['refused', 1]));
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a greeting', GREETING.subarray(0, 30)],
    ['a greeting and no more', GREETING],
  ])('%s is refused after a while', async (_, opening) => {
    const own = await start({ handshakeTimeout: 200 });
    for (const kind of kinds) {
      const peer = await dialRaw(own.bound[kind].address);
      peers.push(peer);
      await peer.write(opening);
      await peer.hungUp(4_000);
    }
    await own.serves();
    expect(own.refused.map(({ reason }) => reason)).toEqual(
      kinds.map(() => 'it did not introduce itself within 200 ms'),
    );
  });

  it('something else is told why, in an ERROR', async () => {
    const own = await start();
    const peer = await dialRaw(own.bound.pull.address);
    peers.push(peer);
    let told = '';
    peer.socket.on('data', (data) => {
      told += data.toString('latin1');
    });
    await peer.write(Buffer.concat([GREETING, readyOf('SUB')]));
    await peer.hungUp();
    expect(told).toContain('\x05ERROR');
    expect(told).toContain('SUB does not fit PULL');
  });
});

describe('after the handshake', () => {
  const MISDEEDS: readonly (readonly [string, Uint8Array])[] = [
    ['a frame of 2^63 bytes', Buffer.from('028000000000000000', 'hex')],
    ['a frame over the limit', Buffer.from('020000000004000001', 'hex')],
    ['flags that mean nothing', Buffer.from([0x40, 0])],
    ['a command of several parts', Buffer.from([5, 1, 0])],
    ['a second READY', readyOf('PUSH')],
    ['an ERROR', Buffer.from('\x04\x09\x05ERROR\x02no', 'latin1')],
    ['a PING without its time', Buffer.from('\x04\x05\x04PING', 'latin1')],
    [
      '10 000 PINGs',
      Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from('\x04\x07\x04PING\0\0', 'latin1'))),
    ],
  ];

  it.each(MISDEEDS)('%s ends the link, on every kind of socket', async (_, misdeed) => {
    const own = await start();
    for (const kind of kinds) {
      const peer = await dial(fits[kind], own.bound[kind].address);
      await peer.write(misdeed);
      await peer.hungUp();
    }
    await own.serves();
    expect(own.refused).toHaveLength(kinds.length);
  });

  it.each([
    ['push', 'a message', frameOf(Buffer.from('x'))],
    ['publish', 'a message', frameOf(Buffer.from('x'))],
    ['push', '1153 bytes', frameOf(Buffer.alloc(1_153))],
    ['publish', '1153 bytes', frameOf(Buffer.alloc(1_153, 1))],
    ['pull', 'SUBSCRIBE', Buffer.from('\x04\x0b\x09SUBSCRIBEa', 'latin1')],
    ['reply', 'SUBSCRIBE', Buffer.from('\x04\x0b\x09SUBSCRIBEa', 'latin1')],
  ] as const)('a %s that gets %s ends the link', async (kind, _what, misdeed) => {
    const own = await start();
    const peer = await dial(fits[kind], own.bound[kind].address);
    await peer.write(misdeed);
    await peer.hungUp();
    await own.serves();
  });

  it('refusals are told at the 1st, 2nd, 4th, 8th…', async () => {
    const own = await start();
    for (let i = 0; i < 20; i++) {
      await using peer = await dialRaw(own.bound.pull.address);
      await peer.write(Buffer.from('x'));
      await peer.hungUp();
    }
    await until(() => own.refused.length === 5);
    expect(own.refused.map(({ count }) => count)).toEqual([1, 2, 4, 8, 16]);
  });

  it('peers beyond maxPeers are turned away', async () => {
    const own = await start({ maxPeers: 3 });
    const all: RawPeer[] = [];
    for (let i = 0; i < 6; i++) {
      const peer = await dialRaw(own.bound.pull.address);
      peers.push(peer);
      all.push(peer);
    }
    await within(
      5_000,
      until(() => all.filter(({ isClosed }) => isClosed).length === 4),
    );
    await own.serves();
    await until(() => own.refused.length > 0);
    expect(own.refused[0]?.reason).toContain('maxPeers');
  });
});

/** Writes the same again and again, up to so many bytes, or until the other end hangs up or takes no more for a second. */
async function pour(peer: RawPeer, chunk: Uint8Array, total: number): Promise<number> {
  let written = 0;
  while (written < total && !peer.isClosed) {
    const taken = await Promise.race([
      peer.write(chunk).then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 1_000, false)),
    ]);
    if (!taken) break;
    written += chunk.length;
  }
  return written;
}

describe('memory stays flat', () => {
  let before = 0;
  beforeEach(async () => {
    before = await megabytes();
  });
  const grown = async () => (await megabytes()) - before;

  it('with a message that does not end', async () => {
    const own = await start();
    const part = frameOf(Buffer.from('x'), true);
    const chunk = Buffer.concat(Array.from({ length: 20_000 }, () => part));
    for (const kind of kinds) {
      const peer = await dial(fits[kind], own.bound[kind].address);
      await pour(peer, chunk, 20 * MiB);
      await peer.hungUp();
    }
    expect(await grown()).toBeLessThan(16);
  });

  it('with parts that are large together', async () => {
    const own = await start({ maxMessageSize: MiB });
    const peer = await dial('DEALER', own.bound.reply.address);
    await pour(peer, frameOf(Buffer.alloc(500_000), true), 20 * MiB);
    await peer.hungUp();
    expect(own.refused[0]?.reason).toContain('more than 1048576 bytes');
    await own.serves();
  });

  it('with frames that are announced, by many', async () => {
    const own = await start();
    const head = Buffer.alloc(9);
    head[0] = 2;
    head.writeBigUInt64BE(BigInt(64 * MiB), 1);
    for (let i = 0; i < 20; i++) {
      const peer = await dial('PUSH', own.bound.pull.address);
      await peer.write(Buffer.concat([head, Buffer.alloc(1_000)]));
    }
    await own.serves();
    expect(await grown()).toBeLessThan(32);
  });

  it('with a million subscriptions, and one of 64 MiB', async () => {
    const own = await start();
    const long = await dial('SUB', own.bound.publish.address);
    await pour(long, subscriptionTo(Buffer.alloc(64 * MiB, 97)), 1);
    await long.hungUp();
    for (const minor of [0, 1]) {
      const peer = await dial('SUB', own.bound.publish.address, minor);
      for (let sent = 0; sent < 1_000_000 && !peer.isClosed; sent += 1_000) {
        const some = Array.from({ length: 1_000 }, (_, i) => subscriptionTo(`${sent + i}/`));
        await peer.write(Buffer.concat(some));
      }
      await peer.hungUp();
    }
    expect(await grown()).toBeLessThan(8);
    await own.serves();
  });

  it('with subscriptions of many peers: the one with the most goes', async () => {
    const own = await start({ maxTopicBytesTotal: 100_000 });
    const topics = (count: number, name: string) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => subscriptionTo(`${name} ${i}`)));
    const greedy = await dial('SUB', own.bound.publish.address);
    await greedy.write(topics(500, 'greedy'));
    const modest = await dial('SUB', own.bound.publish.address);
    await modest.write(topics(300, 'modest'));
    await greedy.hungUp();
    await own.serves();
    expect(modest.isClosed).toBe(false);
  });

  it('with peers that ask and never read', async () => {
    const own = await start({ sendHighWaterBytes: 4 * MiB });
    const request = Buffer.concat([frameOf(Buffer.alloc(0), true), frameOf(Buffer.alloc(100_000))]);
    const deaf = await Promise.all([0, 1, 2, 3].map(() => dial('DEALER', own.bound.reply.address)));
    for (const peer of deaf) peer.socket.pause();
    await Promise.all(deaf.map((peer) => pour(peer, request, 100 * MiB)));
    await own.serves();
    expect(await grown()).toBeLessThan(40);
  });

  it('with many that are deaf: the one with the most goes', async () => {
    const own = await start({ sendHighWaterBytesTotal: 8 * MiB });
    const subscribers = await Promise.all([1, 2, 3].map(() => dial('SUB', own.bound.publish.address)));
    for (const [i, subscriber] of subscribers.entries()) {
      await subscriber.write(subscriptionTo(`deaf${i}`));
      subscriber.socket.pause();
    }
    await own.serves();
    const frame = new Uint8Array(100_000);
    const publish = (topic: string) => own.bound.publish.publish([{ topic, frames: [frame] }]);
    for (let i = 0; i < 400; i++) await publish('deaf0');
    for (let i = 0; i < 60; i++) await publish('deaf1');
    await within(
      5_000,
      until(() => own.refused.length > 0),
    );
    expect(own.refused[0]?.reason).toContain('the most of all peers');
    await own.serves();
    expect(await grown()).toBeLessThan(24);
  });

  it('with a subscriber and a puller that never read', async () => {
    const own = await start({ sendHighWaterBytes: 4 * MiB });
    const subscriber = await dial('SUB', own.bound.publish.address);
    await subscriber.write(subscriptionTo('deaf'));
    subscriber.socket.pause();
    const frame = new Uint8Array(100_000);
    for (let i = 0; i < 500; i++) await own.bound.publish.publish([{ topic: 'deaf', frames: [frame] }]);
    await own.serves();
    const puller = await dial('PULL', own.bound.push.address);
    puller.socket.pause();
    let pulled = 0;
    const reading = (async () => {
      for await (const batch of { [Symbol.asyncIterator]: () => own.puller[Symbol.asyncIterator]() }) {
        pulled += batch.length;
        if (pulled >= 850) return;
      }
    })();
    while (pulled < 850) await within(5_000, own.bound.push.send([frame]));
    await within(10_000, reading, 'the honest puller, beside one that is deaf');
    expect(await grown()).toBeLessThan(60);
  });
});

it('mutated frames do no harm to any kind of socket, in any state', async () => {
  const own = await start();
  const good = (kind: keyof Ground['bound']) => [
    GREETING,
    readyOf(fits[kind]),
    frameOf(Buffer.alloc(0), true),
    frameOf(Buffer.from('request')),
    Buffer.from('\x04\x07\x04PING\0\0', 'latin1'),
    subscriptionTo('a/'),
    Buffer.from('\x04\x0c\x09SUBSCRIBEb/', 'latin1'),
    Buffer.from('\x04\x08\x06CANCELb', 'latin1'),
    frameOf(Buffer.alloc(300, 3)),
  ];
  const mutation = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    kind: fc.constantFrom('flip', 'drop', 'double'),
  });
  const runs = fc.sample(
    fc.record({
      kind: fc.constantFrom(...kinds),
      order: fc.array(fc.nat(8), { minLength: 1, maxLength: 30, size: 'max' }),
      isKnown: fc.boolean(),
      mutations: fc.array(mutation, { maxLength: 6, size: 'max' }),
    }),
    { numRuns: 400, seed: 19 },
  );
  const draining = (async () => {
    for await (const batch of { [Symbol.asyncIterator]: () => own.bound.pull[Symbol.asyncIterator]() }) {
      if (batch.some((frame) => textOf(frame) === 'over')) return;
    }
  })();
  for (const { kind, order, isKnown, mutations } of runs) {
    const frames = good(kind);
    const chosen = order.map((i) => frames[i] ?? GREETING);
    let stream = Buffer.concat(isKnown ? [GREETING, readyOf(fits[kind]), ...chosen] : chosen);
    for (const { at, byte, kind: how } of mutations) {
      const i = at % stream.length;
      if (how === 'flip') stream[i] = byte;
      else if (how === 'drop') stream = Buffer.concat([stream.subarray(0, i), stream.subarray(i + 1)]);
      else stream = Buffer.concat([stream.subarray(0, i + 1), stream.subarray(i)]);
    }
    await using peer = await dialRaw(own.bound[kind].address);
    await peer.write(stream);
    await new Promise(setImmediate);
  }
  await own.client.push(own.bound.pull.address).send([bytes('over')]);
  await within(10_000, draining);
  await own.serves();
});

describe('whoever dials', () => {
  it.each(STRANGERS.slice(0, 6))('%s gets a clear error, at once', async (name, opening) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.write(opening);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `tcp://127.0.0.1:${(server.address() as { port: number }).port}`;
    await using connection = await zmtp().open();
    const code = name === 'another mechanism' ? 'FORBIDDEN' : 'PROTOCOL';
    const channels = [
      connection.push(address),
      connection.pull(address),
      connection.subscribe(address, 't/'),
    ];
    for (const channel of channels) {
      await expect(within(4_000, channel.ready(), name)).rejects.toMatchObject({ code });
    }
    await expect(connection.request(address, bytes('x')).reply).rejects.toMatchObject({ code, sent: false });
    await expect(connection.push(address).send([bytes('x')])).rejects.toMatchObject({ code, sent: false });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
