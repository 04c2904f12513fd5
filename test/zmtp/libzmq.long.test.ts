/** Against libzmq itself: each pair of socket types, both as who dials and as who binds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  curveKeyPair,
  Dealer,
  Publisher,
  Pull,
  Push,
  Reply,
  Request,
  Router,
  Subscriber,
  XPublisher,
  XSubscriber,
} from 'zeromq';
import type { BindingConnection } from '../../src/transport.ts';
import { type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { collect, until, within } from '../support/wait.ts';

const COUNT = 3_000;
const texts = Array.from({ length: COUNT }, (_, i) => `message ${i}`);
const LARGE = new Uint8Array(3_000_000).map((_, i) => i & 0xff);

interface Native {
  readonly closed: boolean;
  readonly lastEndpoint: string | null;
  bind(address: string): Promise<void>;
  connect(address: string): void;
  close(): void;
}

/** The keys of whoever binds and of whoever dials. */
const keys = { bound: curveKeyPair(), dialling: curveKeyPair() };

const places: readonly (readonly [string, () => Promise<string>, isSecret: boolean])[] = [
  ['TCP', async () => 'tcp://127.0.0.1:*', false],
  ['IPv6', async () => 'tcp://[::1]:*', false],
  ['a Unix socket', async () => `ipc://${join(await mkdtemp(join(tmpdir(), 'frond-zmtp-')), 's')}`, false],
  ['TCP with CURVE', async () => 'tcp://127.0.0.1:*', true],
];

describe.each(places)('over %s', (_, anyAddress, isSecret) => {
  const transport = (options: ZmtpOptions = {}) =>
    zmtp({
      ...options,
      ...(isSecret && {
        curve: { serverKey: keys.bound.publicKey, ...keys.dialling },
        curveServer: { secretKey: keys.bound.secretKey, allow: [keys.dialling.publicKey] },
      }),
    });
  const secret = {
    curveServerKey: keys.bound.publicKey,
    curvePublicKey: keys.dialling.publicKey,
    curveSecretKey: keys.dialling.secretKey,
  };

  let connection: BindingConnection;
  let natives: Native[] = [];

  beforeEach(async () => {
    connection = await transport().open();
  });

  afterEach(async () => {
    for (const socket of natives) if (!socket.closed) socket.close();
    natives = [];
    await within(3_000, connection.close({ timeout: 0 }), 'closing');
  });

  function own<S extends Native>(socket: S): S {
    natives.push(socket);
    return socket;
  }

  /** Binds a native socket. Gives where. */
  async function bindNative(socket: Native): Promise<string> {
    if (isSecret) Object.assign(socket, { curveServer: true, curveSecretKey: keys.bound.secretKey });
    await socket.bind(await anyAddress());
    return socket.lastEndpoint ?? '';
  }

  const common = { linger: 0, ipv6: true, ...(isSecret && secret) };
  const sending = () => ({ ...common, sendTimeout: 20_000 });
  const receiving = () => ({ ...common, receiveTimeout: 20_000 });
  const both = () => ({ ...sending(), ...receiving() });

  async function readNative(socket: Pull, count: number): Promise<Buffer[]> {
    const frames: Buffer[] = [];
    while (frames.length < count) frames.push(...(await socket.receive()));
    return frames;
  }

  it('PUSH that dials, to PULL', async () => {
    const pull = own(new Pull(receiving()));
    const pusher = connection.push(await bindNative(pull));
    const pushing = (async () => {
      for (const text of texts) await pusher.send([bytes(text)]);
      await pusher.send([new Uint8Array(0), LARGE]);
    })();
    const frames = await readNative(pull, COUNT + 2);
    await pushing;
    expect(frames.slice(0, COUNT).map(textOf)).toEqual(texts);
    expect(frames.slice(COUNT).map(({ length }) => length)).toEqual([0, LARGE.length]);
    expect(Buffer.compare(frames.at(-1) ?? LARGE.subarray(1), LARGE)).toBe(0);
  });

  it('PULL that dials, from PUSH', async () => {
    const push = own(new Push(sending()));
    const puller = connection.pull(await bindNative(push));
    await within(20_000, puller.ready());
    const pushing = (async () => {
      for (const text of texts) await push.send(text);
      await push.send(['', LARGE]);
    })();
    const frames = await collect(puller, COUNT + 2);
    await pushing;
    expect(frames.slice(0, COUNT).map(textOf)).toEqual(texts);
    expect(Buffer.compare(frames.at(-1) ?? LARGE.subarray(1), LARGE)).toBe(0);
    for (const frame of frames) expect(frame.constructor).toBe(Uint8Array);
  });

  it('PULL that is bound, from several PUSH', async () => {
    const pull = await connection.bindPull(await anyAddress());
    const pushers = [0, 1, 2].map(() => own(new Push(sending())));
    for (const push of pushers) push.connect(pull.address);
    const pushing = Promise.all(
      pushers.map(async (push, own) => {
        for (const text of texts) await push.send([`${own} ${text}`, `${own} too`]);
      }),
    );
    const frames = (await collect(pull, 6 * COUNT)).map(textOf);
    await pushing;
    for (const at of [0, 1, 2]) {
      const mine = frames.filter((text) => text.startsWith(`${at} m`));
      expect(mine).toEqual(texts.map((text) => `${at} ${text}`));
    }
  });

  it('PUSH that is bound, to several PULL', async () => {
    const push = await connection.bindPush(await anyAddress());
    const pullers = [0, 1].map(() => own(new Pull(receiving())));
    for (const pull of pullers) pull.connect(push.address);
    await within(
      20_000,
      until(() => push.peers === 2),
    );
    const read = pullers.map((pull) => readNative(pull, COUNT / 2));
    for (const text of texts) await push.send([bytes(text)]);
    const seen = await within(20_000, Promise.all(read));
    // In turn, since both have room.
    expect(seen.flatMap((frames) => frames.map(textOf)).sort()).toEqual([...texts].sort());
    pullers[0]?.close();
    await within(
      20_000,
      until(() => push.peers === 1),
    );
  });

  it.each([
    ['REP', Reply],
    ['ROUTER', Router],
  ] as const)('DEALER that dials, to %s', async (_name, Kind) => {
    const socket = own(new Kind(both()));
    const address = await bindNative(socket);
    const serving = (async () => {
      for (let i = 0; i < 1_000; i++) {
        const parts = (await socket.receive()) as Buffer[];
        await socket.send([...parts.slice(0, -1), `re:${parts.at(-1)}`] as never);
      }
    })();
    const replies = await within(
      10_000,
      Promise.all(texts.slice(0, 1_000).map((text) => connection.request(address, bytes(text)).reply)),
    );
    await serving;
    expect(replies.map(textOf)).toEqual(texts.slice(0, 1_000).map((text) => `re:${text}`));
  });

  it('ROUTER that is bound, to REQ and DEALER', async () => {
    const { address } = await connection.bindReply(await anyAddress(), async (request) =>
      bytes(`re:${textOf(request)}`),
    );
    const req = own(new Request(both()));
    const dealer = own(new Dealer(both()));
    req.connect(address);
    dealer.connect(address);
    for (let i = 0; i < 200; i++) {
      await req.send(`${i}`);
      expect((await req.receive()).map(textOf)).toEqual([`re:${i}`]);
      await dealer.send([`id ${i}`, 'more', '', `${i}`]);
      expect((await dealer.receive()).map(textOf)).toEqual([`id ${i}`, 'more', '', `re:${i}`]);
    }
    await dealer.send(['no empty part']);
    await dealer.send(['', 'two', 'parts']);
    await req.send('still there');
    expect((await req.receive()).map(textOf)).toEqual(['re:still there']);
  });

  it.each([
    ['PUB', Publisher],
    ['XPUB', XPublisher],
  ] as const)('SUB that dials, to %s', async (_name, Kind) => {
    const socket = own(new Kind(sending()));
    const subscription = connection.subscribe(await bindNative(socket), 'me', { proofTimeout: 300 });
    await within(20_000, subscription.ready());
    expect(subscription.isProved).toBe(false);
    await socket.send(['other', 'x']);
    await socket.send(['me/1', 'one']);
    await socket.send(['me/2', LARGE, 'two']);
    const [first, second] = await collect(subscription, 2);
    expect(first?.topic).toBe('me/1');
    expect(first?.frames.map(textOf)).toEqual(['one']);
    expect(second?.frames.map(({ length }) => length)).toEqual([LARGE.length, 3]);
  });

  it('SUB that dials, to a PUB that never rests: misses nothing once it is ready', async () => {
    const socket = own(new Publisher(sending()));
    const address = await bindNative(socket);
    const owed: string[] = [];
    let isOver = false;
    // libzmq looks for subscriptions once a millisecond at most while it publishes.
    const publishing = (async () => {
      while (!isOver) {
        for (let i = 0; i < 20; i++) await socket.send([owed.shift() ?? 'noise', 'x']);
        await new Promise(setImmediate);
      }
    })();
    for (let i = 0; i < 40; i++) {
      const subscription = connection.subscribe(address, `me${i}/`);
      await within(20_000, subscription.ready());
      owed.push(`me${i}/1`);
      const [first] = await collect(subscription, 1);
      expect(first?.topic).toBe(`me${i}/1`);
      await subscription.close();
    }
    isOver = true;
    await publishing;
  });

  it.each([
    ['SUB', () => new Subscriber(receiving())],
    ['XSUB', () => new XSubscriber(both())],
  ] as const)('XPUB that is bound, to %s', async (_name, make) => {
    const publish = await connection.bindPublish(await anyAddress());
    const socket = own(make());
    socket.connect(publish.address);
    const change = async (topic: string, isOn: boolean) => {
      if (socket instanceof Subscriber) {
        if (isOn) socket.subscribe(topic);
        else socket.unsubscribe(topic);
      } else {
        await socket.send(Buffer.concat([Buffer.from([isOn ? 1 : 0]), Buffer.from(topic)]));
      }
    };
    await change('me/', true);
    // Confirmed, as every topic that ends in a slash.
    expect((await socket.receive()).map(textOf)).toEqual(['me/', '']);
    await publish.publish([
      { topic: 'other', frames: [bytes('x')] },
      { topic: 'me/0', frames: [] },
      { topic: 'me/1', frames: [bytes('one')] },
      { topic: 'me/2', frames: [LARGE, bytes('two')] },
    ]);
    // A message ends, whatever is in it.
    expect((await socket.receive()).map(textOf)).toEqual(['me/0']);
    expect((await socket.receive()).map(textOf)).toEqual(['me/1', 'one']);
    expect((await socket.receive()).map(({ length }) => length)).toEqual([4, LARGE.length, 3]);
    await change('me/', false);
    await change('you/', true);
    expect((await socket.receive()).map(textOf)).toEqual(['you/', '']);
    await publish.publish([
      { topic: 'me/3', frames: [bytes('gone')] },
      { topic: 'you/1', frames: [bytes('here')] },
    ]);
    expect((await socket.receive()).map(textOf)).toEqual(['you/1', 'here']);
  });

  it('answers heartbeats, and asks for some, without harm', async () => {
    await connection.close();
    // A handshake of CURVE computes, and on a busy machine for longer than a short heartbeat.
    const pace = isSecret ? 5 : 1;
    connection = await transport({ heartbeatInterval: 60 * pace }).open();
    const beating = () => ({
      ...both(),
      heartbeatInterval: 50 * pace,
      heartbeatTimeout: 100 * pace,
      heartbeatTimeToLive: 100 * pace,
    });
    const router = own(new Router(beating()));
    const dealer = own(new Dealer(beating()));
    const address = await bindNative(router);
    const { address: bound } = await connection.bindReply(await anyAddress(), (request) => request);
    dealer.connect(bound);
    const pending = connection.request(address, bytes('late'));
    const [peer = '', id = ''] = await router.receive();
    await dealer.send(['', 'a']);
    await dealer.receive();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await router.send([peer, id, '', 'answer']);
    expect(textOf(await within(2_000, pending.reply))).toBe('answer');
    await dealer.send(['', 'b']);
    expect((await dealer.receive()).map(textOf)).toEqual(['', 'b']);
  });
});

it('removes what it made for ipc://*', async () => {
  const connection = await zmtp().open();
  const { address } = await connection.bindPull('ipc://*');
  await connection.close();
  await expect(rm(address.slice('ipc://'.length))).rejects.toMatchObject({ code: 'ENOENT' });
});
