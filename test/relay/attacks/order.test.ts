/** Frames that are well by themselves, and come when they may not. */
import { expect, it } from 'vitest';
import type { BindingConnection } from '../../../src/transport.ts';
import { type ClientFrame, Type } from '../../../transports/relay-protocol/frames.ts';
import { testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { EVERYTHING } from '../../support/relay.ts';
import { envelope, messageOf, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();
const hello: ClientFrame = [Type.hello, 'attacker-token', null, 0];

const frames: readonly ClientFrame[] = [
  [Type.pong],
  [Type.request, 1, 'server', bytes('x')],
  [Type.cancel, 1],
  [Type.open, 1, 1, 'server', ''],
  [Type.close, 1],
  [Type.send, 1, 1, [bytes('x')]],
  [Type.taken, 1, 1],
];

it.each(frames)(
  'closes with 4400 at %j before the greeting, and behind it in one message',
  async (...frame) => {
    const relay = await besieged();
    await relay.meanwhile(async () => {
      for (const message of [[frame], [frame, hello], [hello, frame], [hello, hello]]) {
        const peer = await relay.dial();
        peer.sendLone(...(message as unknown as ClientFrame[]));
        expect((await peer.end()).code).toBe(4400);
      }
    });
  },
);

it('closes with 4400 at a frame that does not wait for the answer to the greeting', async () => {
  const authenticate = (token: string | undefined) =>
    token === 'honest-token' ? EVERYTHING : new Promise<undefined>(() => {});
  const relay = await besieged({ authenticate });
  await relay.meanwhile(async () => {
    const peer = await relay.dial();
    peer.sendLone(hello);
    peer.sendLone([Type.pong]);
    expect((await peer.end()).code).toBe(4400);
  });
});

it('closes with 4400 at a second greeting, of whomever', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    for (const token of ['attacker-token', 'honest-token', null]) {
      const peer = await relay.peer();
      peer.send([Type.hello, token, peer.session, 0]);
      expect((await peer.end()).code).toBe(4400);
    }
  });
});

it.each([
  ['is two ahead', 2, 0],
  ['is far ahead', 2 ** 53 - 1, 0],
  ['confirms what was never sent', 1, 5],
  ['confirms far ahead, and is not counted', 0, 2 ** 53 - 1],
])('closes with 4400 at a message that %s', async (_, sequence, confirmed) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    peer.sendBytes(messageOf([[Type.pong]], sequence, confirmed));
    expect((await peer.end()).code).toBe(4400);
    // Nor is the session there any more.
    const again = await relay.dial();
    expect((await again.greet('attacker-token', peer.session))[3]).toBe(false);
  });
});

it('passes over messages that came before', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    const request = (id: number): ClientFrame => [Type.request, id, 'server', name(peer)];
    peer.send(request(1));
    for (let i = 0; i < 20; i++) peer.sendBytes(messageOf([request(100 + i)], 1, 0));
    expect(await peer.ask(2, 'server', name(peer))).toEqual(bytes('server'));
    expect(peer.frames.filter((frame) => frame[0] === Type.reply)).toHaveLength(2);
  });
});

const name = (peer: RawPeer) => envelope({ client: peer.id, function: '_.get', payload: bytes('name') });

interface Misuse {
  readonly what: string;
  readonly frames: readonly ClientFrame[];
}

const call = bytes('x');
const misuses: readonly Misuse[] = [
  { what: 'sending on a channel that there is not', frames: [[Type.send, 99, 1, [call]]] },
  { what: 'sending on a subscription', frames: [[Type.send, 2, 1, [call]]] },
  { what: 'sending nothing', frames: [[Type.send, 1, 1, []]] },
  { what: 'sending what is no envelope', frames: [[Type.send, 1, 1, [bytes('garbage')]]] },
  { what: 'credit on a channel that there is not', frames: [[Type.taken, 99, 1]] },
  { what: 'credit on one that takes none', frames: [[Type.taken, 1, 1]] },
  { what: 'credit on a subscription', frames: [[Type.taken, 2, 0]] },
  {
    what: 'credit for work that was not given',
    frames: [
      [Type.open, 3, 3, 'server', ''],
      [Type.taken, 3, 1],
    ],
  },
  { what: 'a channel that is open already', frames: [[Type.open, 1, 1, 'server', '']] },
  { what: 'a channel of no kind', frames: [[Type.open, 4, 0, 'server', '']] },
  { what: 'a channel of a kind that is unknown', frames: [[Type.open, 4, 2 ** 40, 'server', '']] },
];

it.each(misuses)('closes with 4400 at $what', async ({ frames: wrong }) => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    peer.send(...wrong);
    expect((await peer.end()).code).toBe(4400);
  });
});

it('closes with 4400 who sends more calls than can be under way, however small', async () => {
  // Whether they may pass cannot be told before the server has said what it is.
  const dead = { dbAddress: 'memory://nobody', pushAddress: 'memory://push' };
  const relay = await besieged({ servers: { dead } });
  const connection = relay.own((await relay.transport.open()) as BindingConnection);
  await connection.bindPull(dead.pushAddress);
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    peer.send([Type.open, 1, 1, 'dead', '']);
    await peer.next((frame) => frame[0] === Type.ready);
    const first = envelope({ client: `${peer.id}/1`, function: 'dead.upper' });
    peer.send([Type.send, 1, 1, [first]]);
    const tiny = Array.from({ length: 1_000 }, () => bytes('x'));
    for (let i = 0; i < 200; i++) peer.send([Type.send, 1, 1, tiny]);
    expect((await peer.end()).code).toBe(4400);
  });
});

it('takes numbers of channels and requests beyond 2^32, and closes channels that are not there', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    const large = 2 ** 53 - 1;
    peer.send([Type.close, large], [Type.cancel, large], [Type.open, large, 1, 'server', '']);
    await peer.next((frame) => frame[0] === Type.ready && frame[1] === large);
    for (const id of [0, 2 ** 32, 2 ** 32 + 1, large]) {
      expect(await peer.ask(id, 'server', name(peer))).toEqual(bytes('server'));
    }
    peer.send([Type.close, large], [Type.close, large]);
    expect(await peer.ask(7, 'server', name(peer))).toEqual(bytes('server'));
  });
});

it('drops what comes for a channel that was closed: it may have been overtaken', async () => {
  const relay = await besieged();
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    const late = envelope({ client: `${peer.id}/1`, function: 'server.upper' });
    peer.send([Type.close, 1], [Type.send, 1, 1, [late]], [Type.send, 1, 1, [bytes('garbage')]]);
    expect(await peer.ask(1, 'server', name(peer))).toEqual(bytes('server'));
  });
});

it('closes with 4400 who has more channels than it may', async () => {
  const relay = await besieged({ limits: { maxChannels: 5 } });
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    for (let number = 1; number <= 5; number++) peer.send([Type.open, number, 1, 'server', '']);
    expect(await peer.ask(1, 'server', name(peer))).toEqual(bytes('server'));
    peer.send([Type.close, 3], [Type.open, 6, 1, 'server', '']);
    expect(await peer.ask(2, 'server', name(peer))).toEqual(bytes('server'));
    peer.send([Type.open, 7, 1, 'server', '']);
    expect((await peer.end()).code).toBe(4400);
  });
});

it('closes with 4400 who has more requests under way than it may, or two of one number', async () => {
  const relay = await besieged({
    limits: { maxRequests: 5 },
    servers: { dead: { dbAddress: 'memory://nobody' } },
  });
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    for (let id = 1; id <= 5; id++) peer.send([Type.request, id, 'dead', name(peer)]);
    peer.send([Type.cancel, 5], [Type.request, 5, 'dead', name(peer)]);
    peer.send([Type.request, 6, 'server', name(peer)]);
    expect((await peer.end()).code).toBe(4400);
    const other = await relay.peer();
    other.send([Type.request, 1, 'dead', name(other)], [Type.request, 1, 'server', name(other)]);
    expect((await other.end()).code).toBe(4400);
  });
});

it('closes with 4400 who sends more bytes than it may, in calls and in requests', async () => {
  const window = 10_000;
  const relay = await besieged({ limits: { window }, servers: { dead: { dbAddress: 'memory://nobody' } } });
  await relay.meanwhile(async () => {
    const peer = await relay.peer();
    await peer.openCalls();
    const frame = envelope({
      client: `${peer.id}/1`,
      function: 'server.upper',
      payload: new Uint8Array(window),
    });
    peer.send([Type.send, 1, 1, [frame]], [Type.send, 1, 1, [frame]]);
    expect((await peer.end()).code).toBe(4400);
    const other = await relay.peer();
    const large = envelope({
      client: other.id,
      function: '_.set',
      cache: 'k',
      payload: new Uint8Array(window),
    });
    other.send([Type.request, 1, 'dead', large], [Type.request, 2, 'dead', large]);
    expect((await other.end()).code).toBe(4400);
  });
});
