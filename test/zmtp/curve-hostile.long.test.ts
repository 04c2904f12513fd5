/** Peers that keep to nothing, against an end that encrypts: each is refused and counted, others are served meanwhile, and nothing grows. */
import { concatBytes } from '@noble/ciphers/utils.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Binding, BindingConnection, ConnectionStatus } from '../../src/transport.ts';
import { commandOf } from '../../transports/zmtp/commands.ts';
import {
  boxKey,
  newKeyPair,
  nonceOf,
  openBox,
  sealBox,
  shortNonce,
} from '../../transports/zmtp/curve/boxes.ts';
import { ClientHandshake } from '../../transports/zmtp/curve/client-handshake.ts';
import { greetingOf } from '../../transports/zmtp/greeting.ts';
import { curveKeyPair, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { CurvePeer, commandFrame, keyBytes } from '../support/curve.ts';
import { megabytes } from '../support/leftovers.ts';
import { until, within } from '../support/wait.ts';
import { dialRaw, frameOf, headOf, type RawPeer } from '../support/zmtp.ts';

const any = 'tcp://127.0.0.1:*';
const keys = curveKeyPair();
const listed = curveKeyPair();
const listedPair = { publicKey: keyBytes(listed.publicKey), secretKey: keyBytes(listed.secretKey) };

/** Public keys with which anybody knows what is shared: rfc 7748 has them refused. */
const SMALL_ORDER = [
  new Uint8Array(32),
  Uint8Array.of(1, ...new Uint8Array(31)),
  Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex'),
  Buffer.from('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'hex'),
  Buffer.from(`ec${'ff'.repeat(30)}7f`, 'hex'),
];

let server: BindingConnection;
let client: BindingConnection;
let echo: Binding;
let refused: Extract<ConnectionStatus, { type: 'refused' }>[];
let peers: AsyncDisposable[];

async function open(handshakeTimeout = 4_000): Promise<void> {
  const curveServer = { secretKey: keys.secretKey, allow: [listed.publicKey] };
  server = await zmtp({ curveServer, handshakeTimeout }).open();
  client = await zmtp({ curve: { serverKey: keys.publicKey, ...listed } }).open();
  refused = [];
  const own = refused;
  void (async (status) => {
    for await (const one of status) if (one.type === 'refused') own.push(one);
  })(server.status());
  echo = await server.bindReply(any, (request) => request);
}

beforeEach(async () => {
  peers = [];
  await open();
});

afterEach(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  await client.close({ timeout: 0 });
  await server.close({ timeout: 0 });
});

async function serves(): Promise<void> {
  const { reply } = client.request(echo.address, bytes('honest'));
  expect(textOf(await within(5_000, reply))).toBe('honest');
}

async function dial(): Promise<CurvePeer> {
  const peer = await CurvePeer.dial(echo.address);
  peers.push(peer);
  return peer;
}

async function dialPlain(): Promise<RawPeer> {
  const peer = await dialRaw(echo.address);
  peers.push(peer);
  return peer;
}

/** Waits for the server to hang up, and to report why. */
async function isRefused({ raw }: { raw: RawPeer }, reason: RegExp): Promise<void> {
  await raw.hungUp();
  await within(
    2_000,
    until(() => refused.length === 1),
    'the refusal',
  );
  expect(refused[0]).toMatchObject({ count: 1, reason: expect.stringMatching(reason) });
  await serves();
}

/** A HELLO whose short-term key is what the caller says. */
function helloWith(shortKey: Uint8Array, key: Uint8Array): Uint8Array {
  const nonce = shortNonce(1);
  const box = sealBox(key, nonceOf('CurveZMQHELLO---', nonce), new Uint8Array(64));
  return commandOf('HELLO', Uint8Array.of(1, 0), new Uint8Array(72), shortKey, nonce, box);
}

const hello = (serverKey = keys.publicKey) =>
  new ClientHandshake(listedPair, keyBytes(serverKey), bytes('')).begin();

/** Sends HELLO and gives what an INITIATE needs. */
async function welcome(peer: CurvePeer) {
  const short = newKeyPair();
  const key = boxKey(short.secretKey, keyBytes(keys.publicKey));
  await peer.command(helloWith(short.publicKey, key));
  const body = (await peer.read()) ?? bytes('');
  const plain = openBox(key, nonceOf('WELCOME-', body.subarray(8, 24)), body.subarray(24)) ?? bytes('');
  const serverShort = plain.slice(0, 32);
  return { short, serverShort, cookie: plain.slice(32), key: boxKey(short.secretKey, serverShort) };
}

describe('a peer', () => {
  it('with a wrong key of the server is told so', async () => {
    const peer = await dial();
    await peer.command(hello(curveKeyPair().publicKey));
    expect(textOf((await peer.read()) ?? bytes(''))).toBe('\x05ERROR\x03400');
    await isRefused(peer, /public key of this server/);
  });

  it.each(SMALL_ORDER.map((key, i) => [i, key] as const))(
    'with short-term key %i of small order is refused',
    async (_, key) => {
      const peer = await dial();
      // What the server would compute if it took the key.
      await peer.command(helloWith(key, new Uint8Array(32)));
      await isRefused(peer, /small order/);
    },
  );

  it.each(SMALL_ORDER.map((key, i) => [i, key] as const))(
    'with long-term key %i of small order is refused',
    async (_, bad) => {
      const peer = await dial();
      const { short, cookie, key } = await welcome(peer);
      const vouchNonce = new Uint8Array(16);
      const vouch = sealBox(
        new Uint8Array(32),
        nonceOf('VOUCH---', vouchNonce),
        concatBytes(short.publicKey, keyBytes(keys.publicKey)),
      );
      const nonce = shortNonce(2);
      const box = sealBox(key, nonceOf('CurveZMQINITIATE', nonce), concatBytes(bad, vouchNonce, vouch));
      await peer.command(commandOf('INITIATE', cookie, nonce, box));
      await isRefused(peer, /small order/);
    },
  );

  it('that says it has the key of another is refused: only the owner can vouch', async () => {
    const peer = await dial();
    const { short, serverShort, cookie, key } = await welcome(peer);
    const vouchNonce = new Uint8Array(16);
    const own = newKeyPair();
    for (const vouched of [short.publicKey]) {
      const vouch = sealBox(
        boxKey(own.secretKey, serverShort),
        nonceOf('VOUCH---', vouchNonce),
        concatBytes(vouched, keyBytes(keys.publicKey)),
      );
      const nonce = shortNonce(2);
      const plain = concatBytes(listedPair.publicKey, vouchNonce, vouch);
      const box = sealBox(key, nonceOf('CurveZMQINITIATE', nonce), plain);
      await peer.command(commandOf('INITIATE', cookie, nonce, box));
    }
    await isRefused(peer, /did not prove/);
  });

  it('that hands on the vouch that a client made for another server is refused', async () => {
    const peer = await dial();
    const { short, serverShort, cookie, key } = await welcome(peer);
    const vouchNonce = new Uint8Array(16);
    const vouch = sealBox(
      boxKey(listedPair.secretKey, serverShort),
      nonceOf('VOUCH---', vouchNonce),
      concatBytes(short.publicKey, keyBytes(curveKeyPair().publicKey)),
    );
    const nonce = shortNonce(2);
    const plain = concatBytes(listedPair.publicKey, vouchNonce, vouch);
    const box = sealBox(key, nonceOf('CurveZMQINITIATE', nonce), plain);
    await peer.command(commandOf('INITIATE', cookie, nonce, box));
    await isRefused(peer, /did not prove/);
  });

  it('with an unlisted key is told so, in digits that libzmq takes or in words', async () => {
    const plain = await dial();
    await expect(plain.shake(keys.publicKey, 'DEALER')).rejects.toThrow(/this key is not allowed/);
    await isRefused(plain, /this key is not allowed: .{40}$/);
  });

  it('that repeats what it recorded of an honest client gets no further than a new cookie', async () => {
    const honest = await dial();
    const { sent } = await honest.shake(keys.publicKey, 'DEALER', listedPair);
    const [recordedHello = bytes(''), recordedInitiate = bytes('')] = sent;
    const peer = await dial();
    await peer.command(recordedHello);
    expect((await peer.read())?.length).toBe(168);
    await peer.command(recordedInitiate);
    await isRefused(peer, /cookie of this link/);
  });

  it.each(['HELLO', 'INITIATE'])('that repeats %s once it is in is refused', async (name) => {
    const peer = await dial();
    const { sent } = await peer.shake(keys.publicKey, 'DEALER', listedPair);
    await peer.command(sent[name === 'HELLO' ? 0 : 1] ?? bytes(''));
    await isRefused(peer, /not a MESSAGE of CURVE/);
  });

  it('that repeats a MESSAGE, or sends one out of order, is refused', async () => {
    const peer = await dial();
    const { frames } = await peer.shake(keys.publicKey, 'DEALER', listedPair);
    const sealed = ['', 'request'].map((text, i) =>
      Uint8Array.from(frames.seal(bytes(text), false, i === 0)),
    );
    for (const frame of sealed) await peer.raw.write(frameOf(frame));
    expect(frames.open((await peer.read()) ?? bytes('')).hasMore).toBe(true);
    await peer.raw.write(frameOf(sealed[0] ?? bytes('')));
    await isRefused(peer, /again, or out of order/);
  });

  it('that alters a MESSAGE is refused, and nothing of it is answered', async () => {
    const peer = await dial();
    const { frames } = await peer.shake(keys.publicKey, 'DEALER', listedPair);
    await peer.raw.write(frameOf(Uint8Array.from(frames.seal(bytes(''), false, true))));
    const sealed = Uint8Array.from(frames.seal(bytes('request'), false, false));
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    const before = peer.raw.received;
    await peer.raw.write(frameOf(sealed));
    await isRefused(peer, /altered/);
    expect(peer.raw.received).toBe(before);
  });

  it.each<[string, Uint8Array]>([
    ['a message', frameOf(bytes('plain'))],
    ['a heartbeat', Buffer.from('\x04\x07\x04PING\0\0', 'latin1')],
    ['an ERROR', Buffer.from('\x04\x0a\x05ERROR\x03400', 'latin1')],
  ])('that sends %s without a box once it is in is refused', async (_, frame) => {
    const peer = await dial();
    await peer.shake(keys.publicKey, 'DEALER', listedPair);
    await peer.raw.write(frame);
    await isRefused(peer, /not a MESSAGE of CURVE/);
  });

  it('that seals a command of several parts, or a long one, is refused', async () => {
    for (const [size, hasMore, reason] of [
      [10, true, /command of several parts/],
      [1_153, false, /command of 1153 bytes/],
    ] as const) {
      const peer = await dial();
      const { frames } = await peer.shake(keys.publicKey, 'DEALER', listedPair);
      const body = commandOf('PING', new Uint8Array(size - 5));
      await peer.raw.write(frameOf(Uint8Array.from(frames.seal(body, true, hasMore))));
      await peer.raw.hungUp();
      await within(
        2_000,
        until(() => refused.some((one) => reason.test(one.reason))),
        'the refusal',
      );
    }
    await serves();
  });

  it.each<[string, () => Uint8Array]>([
    ['INITIATE', () => commandOf('INITIATE', new Uint8Array(300))],
    ['READY', () => commandOf('READY', new Uint8Array(30))],
    ['WELCOME', () => commandOf('WELCOME', new Uint8Array(160))],
    ['MESSAGE', () => commandOf('MESSAGE', new Uint8Array(40))],
    ['PING', () => commandOf('PING', new Uint8Array(2))],
    ['HELLO of version 2', () => hello().map((byte, at) => (at === 6 ? 2 : byte))],
    ['HELLO that is short', () => hello().subarray(0, 199)],
  ])('that begins with %s is refused', async (_, make) => {
    const peer = await dial();
    await peer.command(make());
    await isRefused(peer, /in the place of HELLO|malformed HELLO/);
  });

  it('that greets twice is refused', async () => {
    const peer = await dial();
    await peer.command(hello());
    await peer.read();
    await peer.command(hello());
    await isRefused(peer, /HELLO in the place of INITIATE/);
  });

  it('that sends everything at once, before the answers, is refused and costs one step', async () => {
    const peer = await dial();
    const frame = commandFrame(hello());
    await peer.raw.write(Buffer.concat(Array.from({ length: 1_000 }, () => frame)));
    await isRefused(peer, /HELLO in the place of INITIATE/);
  });

  it('that announces a large frame before it is in is refused before it arrives', async () => {
    for (const flags of [2, 6]) {
      const peer = await dial();
      const head = headOf(1_000_000);
      head[0] = flags;
      await peer.raw.write(head);
      await peer.raw.hungUp();
    }
    await within(
      2_000,
      until(() => refused.length === 2),
    );
    expect(refused.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/frame of 1000000 bytes/),
      expect.stringMatching(/command of 1000000 bytes/),
    ]);
    await serves();
  });

  it('that says it is another kind of socket is refused in the handshake', async () => {
    const peer = await dial();
    await expect(peer.shake(keys.publicKey, 'PUSH', listedPair)).rejects.toThrow(/PUSH does not fit ROUTER/);
    await isRefused(peer, /PUSH does not fit ROUTER/);
  });
});

describe('a handshake', () => {
  it.each(['the greeting', 'half a HELLO', 'HELLO'])('that stalls after %s ends in time', async (stage) => {
    await client.close({ timeout: 0 });
    await server.close({ timeout: 0 });
    // An honest peer's steps take less, also on a busy machine.
    await open(2_000);
    const peer = await dialPlain();
    await peer.write(greetingOf('CURVE'));
    if (stage === 'half a HELLO') await peer.write(commandFrame(hello()).subarray(0, 100));
    if (stage === 'HELLO') await peer.write(commandFrame(hello()));
    await isRefused({ raw: peer }, /did not introduce itself within 2000 ms/);
  });

  it('that ends amid its steps leaves nothing', async () => {
    for (let i = 0; i < 50; i++) {
      const peer = await dialPlain();
      await peer.write(Buffer.concat([greetingOf('CURVE'), commandFrame(hello())]));
      peer.socket.destroy();
    }
    await serves();
  });

  it.each<[string, () => Uint8Array]>([
    ['with the right key', () => hello()],
    ['with a wrong key', () => hello(curveKeyPair().publicKey)],
  ])(
    'of a flood %s holds nobody up for long, and memory stays',
    async (_, make) => {
      await serves();
      const command = Buffer.concat([greetingOf('CURVE'), commandFrame(make())]);
      const flood = async (count: number) => {
        for (let i = 0; i < count; i++) {
          const peer = await dialRaw(echo.address);
          await peer.write(command);
          peers.push(peer);
        }
      };
      const end = async () => {
        for (const peer of peers) await peer[Symbol.asyncDispose]();
        peers = [];
      };
      await flood(30);
      await end();
      await serves();
      const before = await megabytes();
      const flooding = flood(120);
      let served = 0;
      let isOver = false;
      void flooding.then(() => {
        isOver = true;
      });
      while (!isOver) {
        await serves();
        served++;
      }
      await flooding;
      // An honest client comes in while those wait.
      const another = await zmtp({ curve: { serverKey: keys.publicKey, ...listed } }).open();
      expect(textOf(await within(10_000, another.request(echo.address, bytes('x')).reply))).toBe('x');
      await another.close({ timeout: 0 });
      await end();
      await serves();
      expect(served).toBeGreaterThan(10);
      expect((await megabytes()) - before).toBeLessThan(20);
    },
    60_000,
  );
});
