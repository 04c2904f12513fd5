/** What relays refuse each other, and strangers who take themselves for a relay: with a reason, a count, and nothing left behind. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { memory } from '../../../transports/memory/index.ts';
import { PeerKey } from '../../../transports/relay/peers/peer-key.ts';
import { loneMessage, readRelayMessage, Type } from '../../../transports/relay-protocol/frames.ts';
import { EVERYTHING, startRelay, TOKEN } from '../../support/relay.ts';
import { within } from '../../support/wait.ts';
import { type Beside, KEY, passed, relaysBeside, taken } from './beside.ts';

const beside = relaysBeside();
const OTHER_KEY = 'another key, which the other relay does not have';

/** A session at `a`, whose client has gone, and may come back. */
async function sessionAtA(own: Beside): Promise<string> {
  const peer = await own.dial('a');
  await peer.greet(TOKEN);
  peer.socket.terminate();
  return peer.session;
}

/** Shows a session to `b`. @returns whether it was resumed, and the milliseconds until `b` said so. */
async function showToB(own: Beside, session: string, token = TOKEN) {
  const peer = await own.dial('b');
  const began = performance.now();
  const [, , , isResumed] = await peer.greet(token, session);
  return { isResumed, time: performance.now() - began, peer };
}

/** A relay has heard of no other. */
async function expectNobodyCame({ relays }: Beside): Promise<void> {
  expect((await relays.a.ask('/metrics')).text).not.toContain('peer_connections_total{');
}

const ended = (session: string, last: string) => `${session.slice(0, -1)}${last}`;

describe('a session that nobody goes on with is told so at once, and the client has a new one', () => {
  it('where its owner has forgotten it', async () => {
    const own = await beside({}, () => ({ limits: { resumeWindow: 50 } }));
    const session = await sessionAtA(own);
    while ((await own.relays.a.figure('sessions')) > 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const { isResumed, time, peer } = await showToB(own, session);
    expect(isResumed).toBe(false);
    expect(time).toBeLessThan(1_000);
    expect(peer.session).toMatch(/^b\./);
    expect([await passed(own.relays.b, 'unknown'), await taken(own.relays.a, 'unknown')]).toEqual([1, 1]);
    expect(await own.relays.b.figure('sessions_total{outcome="forgotten"}')).toBe(1);
  });

  it('where its owner is gone', async () => {
    const own = await beside();
    const session = await sessionAtA(own);
    await own.relays.a.close();
    const { isResumed, time } = await showToB(own, session);
    expect(isResumed).toBe(false);
    expect(time).toBeLessThan(1_000);
    expect(await passed(own.relays.b, 'unreachable')).toBe(1);
  });

  it('where its owner has no URL here', async () => {
    const own = await beside();
    expect((await showToB(own, new PeerKey(KEY).nameSession('c'))).isResumed).toBe(false);
    expect(await passed(own.relays.b, 'unreachable')).toBe(1);
  });

  it.each([
    ['takes the connection and says nothing', false],
    ['makes it a WebSocket and says nothing', true],
  ])('where its owner %s', async (_, isUpgraded) => {
    const own = await beside();
    const session = await sessionAtA(own);
    await own.relays.a.close();
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        if (isUpgraded) socket.write(upgraded(String(data)));
      });
    });
    silent.listen(own.ports.a, '127.0.0.1');
    await once(silent, 'listening');
    const { isResumed, time } = await showToB(own, session);
    expect(isResumed).toBe(false);
    expect(time).toBeGreaterThan(900);
    expect(time).toBeLessThan(1_500);
    expect(await passed(own.relays.b, 'unreachable')).toBe(1);
    expect(await own.relays.b.figure('passed_on')).toBe(0);
    await within(2_000, new Promise((resolve) => silent.close(resolve)), 'the end of its connections');
  });

  it('also for those that wait for a place among the dialled, while the owner hangs', async () => {
    const own = await beside();
    const session = await sessionAtA(own);
    await own.relays.a.close();
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    silent.listen(own.ports.a, '127.0.0.1');
    await once(silent, 'listening');
    const shown = await Promise.all(Array.from({ length: 40 }, () => showToB(own, session)));
    expect(shown.filter(({ isResumed }) => isResumed)).toEqual([]);
    expect(Math.max(...shown.map(({ time }) => time))).toBeLessThan(2_000);
    expect(await passed(own.relays.b, 'unreachable')).toBe(40);
    await within(2_000, new Promise((resolve) => silent.close(resolve)), 'the end of its connections');
  });

  it.each([
    ['a name that is made up', () => 'a.made-up-by-a-client.of-no-relay'],
    ['a proof that is changed', (session: string) => ended(session, session.endsWith('x') ? 'y' : 'x')],
    ['the name of another relay before it', (session: string) => session.replace(/^a/, 'c')],
    ['a name without dots', () => 'session'],
    ['an empty name', () => ''],
  ])('and nobody is dialled for %s', async (_, change) => {
    const own = await beside();
    expect((await showToB(own, change(await sessionAtA(own)))).isResumed).toBe(false);
    expect(await passed(own.relays.b, 'made_up')).toBe(1);
    await expectNobodyCame(own);
  });

  it('but not to a client whose token was taken back while the owner was asked', async () => {
    let isIn = true;
    const own = await beside({}, (name) => ({
      authenticate: (token) => (token === TOKEN && (isIn || name === 'a') ? EVERYTHING : undefined),
    }));
    const session = await sessionAtA(own);
    await own.relays.a.close();
    const silent = createServer((socket) => {
      socket.on('error', () => {}).resume();
      isIn = false;
      void own.relays.b.relay.reauthenticate();
    });
    silent.listen(own.ports.a, '127.0.0.1');
    await once(silent, 'listening');
    const peer = await own.dial('b');
    peer.sendLone([Type.hello, TOKEN, session, 0]);
    expect((await peer.end()).code).toBe(4401);
    await within(2_000, new Promise((resolve) => silent.close(resolve)), 'the end of its connections');
  });

  it('and nobody is dialled for a client that may not connect', async () => {
    const own = await beside();
    const peer = await own.dial('b');
    peer.sendLone([Type.hello, 'a wrong token', await sessionAtA(own), 0]);
    expect((await peer.end()).code).toBe(4401);
    await expectNobodyCame(own);
  });

  it('where its owner has another key, and is shown no token', async () => {
    const tokens: unknown[] = [];
    const own = await beside({}, (name, ports) =>
      name === 'b'
        ? {}
        : {
            peers: { id: 'a', key: OTHER_KEY, urls: { b: `ws://127.0.0.1:${ports.b}/` } },
            authenticate: (token) => {
              tokens.push(token);
              return EVERYTHING;
            },
          },
    );
    const { isResumed, time } = await showToB(own, new PeerKey(KEY).nameSession('a'));
    expect(isResumed).toBe(false);
    expect(time).toBeLessThan(1_000);
    expect(await passed(own.relays.b, 'refused')).toBe(1);
    expect(tokens).toEqual([]);
  });

  it.each([
    ['leads back to this relay', 'b'],
    ['leads to another one', 'a'],
  ] as const)('where the URL of its owner %s', async (_, to) => {
    const own = await beside({}, (name, ports) =>
      name === 'a' ? {} : { peers: { id: 'b', key: KEY, urls: { c: `ws://127.0.0.1:${ports[to]}/` } } },
    );
    expect((await showToB(own, new PeerKey(KEY).nameSession('c'))).isResumed).toBe(false);
    expect(await passed(own.relays.b, 'refused')).toBe(1);
    expect(await own.relays.b.figure('connections')).toBe(1);
  });

  it('where its owner has no peers', async () => {
    const own = await beside({}, (name) => (name === 'a' ? { peers: undefined } : {}));
    expect((await showToB(own, new PeerKey(KEY).nameSession('a'))).isResumed).toBe(false);
    expect(await passed(own.relays.b, 'refused')).toBe(1);
  });

  it('where its owner refuses the token, which is one of this relay', async () => {
    const own = await beside({}, (name) => ({
      authenticate: (token) =>
        token === TOKEN || (name === 'b' && token === 'of b') ? EVERYTHING : undefined,
    }));
    expect((await showToB(own, await sessionAtA(own), 'of b')).isResumed).toBe(false);
    expect([await passed(own.relays.b, 'refused'), await taken(own.relays.a, 'token')]).toEqual([1, 1]);
  });

  it('where it is another identity’s', async () => {
    const own = await beside({}, () => ({
      authenticate: (token) =>
        ({ ...EVERYTHING, name: token ?? '' }).name === ''
          ? undefined
          : { ...EVERYTHING, name: (token ?? '').replaceAll(' ', '-') },
    }));
    expect((await showToB(own, await sessionAtA(own), 'mallory')).isResumed).toBe(false);
    expect(await taken(own.relays.a, 'unknown')).toBe(1);
  });
});

describe('the owner of a session judges its client as if it had come by itself', () => {
  it('by the origin of its page', async () => {
    const own = await beside({}, (name) => ({
      origins: name === 'a' ? ['https://one.example'] : ['https://two.example'],
    }));
    const session = await sessionAtA(own);
    const peer = await own.dial('b', { origin: 'https://two.example' });
    expect((await peer.greet(TOKEN, session))[3]).toBe(false);
    expect([await passed(own.relays.b, 'refused'), await taken(own.relays.a, 'origin')]).toEqual([1, 1]);
  });

  it('by its address, which the relay that it is connected to says', async () => {
    const seen: unknown[] = [];
    const own = await beside({}, (name) => ({
      trustProxy: name === 'b',
      authenticate: (token, info) => {
        if (name === 'a') seen.push(info);
        return token === TOKEN ? EVERYTHING : undefined;
      },
    }));
    const session = await sessionAtA(own);
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const peer = await own.dial('b', { headers });
    expect((await peer.greet(TOKEN, session))[3]).toBe(true);
    expect(seen.at(-1)).toEqual({ address: '203.0.113.7', origin: undefined });
  });

  it('by the limit for its address, and lets it try again', async () => {
    const own = await beside({}, (name) =>
      name === 'a'
        ? { limits: { maxConnectionsPerAddress: 2 } }
        : { limits: { maxConnectionsPerAddress: 50 } },
    );
    const session = await sessionAtA(own);
    await (await own.dial('a')).greet(TOKEN);
    const one = await showToB(own, session);
    expect(one.isResumed).toBe(true);
    const peer = await own.dial('b');
    peer.sendLone([Type.hello, TOKEN, session, 0]);
    expect((await peer.end()).code).toBe(4429);
    expect(await passed(own.relays.b, 'full')).toBe(1);
  });

  it('and what it revokes is revoked', async () => {
    let isIn = true;
    const own = await beside({}, (name) => ({
      authenticate: (token) => (token === TOKEN && (isIn || name === 'b') ? EVERYTHING : undefined),
    }));
    const { isResumed, peer } = await showToB(own, await sessionAtA(own));
    expect(isResumed).toBe(true);
    isIn = false;
    await own.relays.a.relay.reauthenticate();
    expect(await peer.end()).toEqual({ code: 4401, reason: 'the token is not valid any more' });
    expect(await own.relays.a.figure('sessions')).toBe(0);
    expect(await own.relays.b.figure('passed_on')).toBe(0);
  });

  it('and a client that is shown twice is connected by the last one alone, wherever it is', async () => {
    const own = await beside();
    const first = await own.dial('a');
    await first.greet(TOKEN);
    const second = await showToB(own, first.session);
    expect(second.isResumed).toBe(true);
    expect((await first.end()).code).toBe(4409);
    const third = await own.dial('a');
    expect((await third.greet(TOKEN, first.session))[3]).toBe(true);
    expect((await second.peer.end()).code).toBe(4409);
  });
});

/** A stranger's WebSocket to `a`, as relays dial. */
async function asRelay(own: Beside, header: string | undefined) {
  const socket = new WebSocket(own.relays.a.url, 'frond.peer.v1', {
    headers: header === undefined ? {} : { 'frond-peer': header },
  });
  open.push(socket);
  const said: (Buffer | string)[] = [];
  socket.on('message', (data: Buffer, isBinary) => said.push(isBinary ? data : String(data)));
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  await within(2_000, once(socket, 'open'), 'the WebSocket');
  const challenge = async () => {
    while (said.length === 0) await new Promise(setImmediate);
    return JSON.parse(String(said[0])) as { id: string; nonce: string; proof: string };
  };
  return { socket, said, closed: within(3_000, closed, 'the end'), challenge };
}

let open: WebSocket[] = [];
afterEach(() => {
  for (const socket of open) socket.terminate();
  open = [];
});

const CLIENT = { address: '203.0.113.7', origin: '', host: '', via: '203.0.113.7' };
const asText = Object.values(CLIENT);
const hello = (session: string | null) => Buffer.from(loneMessage([Type.hello, TOKEN, session, 0], 1));

describe('somebody who dials as a relay', () => {
  it('and has the key gets the session', async () => {
    const own = await beside();
    const session = await sessionAtA(own);
    const { socket, said, challenge } = await asRelay(own, 'z nonce');
    const { id, nonce } = await challenge();
    const exchange = { dialler: 'z', owner: id, diallerNonce: 'nonce', ownerNonce: nonce };
    socket.send(JSON.stringify({ ...CLIENT, proof: new PeerKey(KEY).diallerProof(exchange, asText) }));
    socket.send(hello(session));
    while (said.length < 2) await new Promise(setImmediate);
    expect(readRelayMessage(new Uint8Array(said[1] as Buffer)).frames[0]?.slice(1, 2)).toEqual([session]);
  });

  it.each([
    ['has another key', (exchange: object) => new PeerKey(OTHER_KEY).diallerProof(exchange as never, asText)],
    ['says the proof of the owner', (exchange: object) => new PeerKey(KEY).ownerProof(exchange as never)],
    [
      'says a proof for another client',
      (exchange: object) =>
        new PeerKey(KEY).diallerProof(exchange as never, ['192.0.2.1', '', '', '192.0.2.1']),
    ],
    ['says a proof of nothing', () => ''],
  ])('and %s is refused', async (_, prove) => {
    const own = await beside();
    const { socket, closed, challenge } = await asRelay(own, 'z nonce');
    const { id, nonce } = await challenge();
    socket.send(
      JSON.stringify({
        ...CLIENT,
        proof: prove({ dialler: 'z', owner: id, diallerNonce: 'nonce', ownerNonce: nonce }),
      }),
    );
    expect(await closed).toEqual({ code: 4403, reason: 'the relay that dials does not have the key' });
    expect(await taken(own.relays.a, 'proof')).toBe(1);
  });

  it('and plays back what a relay has said before is refused', async () => {
    const own = await beside();
    const session = await sessionAtA(own);
    const first = await asRelay(own, 'z nonce');
    const { id, nonce } = await first.challenge();
    const exchange = { dialler: 'z', owner: id, diallerNonce: 'nonce', ownerNonce: nonce };
    const words = [
      JSON.stringify({ ...CLIENT, proof: new PeerKey(KEY).diallerProof(exchange, asText) }),
      hello(session),
    ];
    for (const word of words) first.socket.send(word);
    while (first.said.length < 2) await new Promise(setImmediate);
    first.socket.terminate();
    const second = await asRelay(own, 'z nonce');
    for (const word of words) second.socket.send(word);
    expect((await second.closed).code).toBe(4403);
    expect(second.said).toHaveLength(1);
    expect([await taken(own.relays.a, 'taken'), await taken(own.relays.a, 'proof')]).toEqual([1, 1]);
  });

  it.each([
    ['no header', undefined, 4406],
    ['a header that is not one', 'a b c', 4406],
  ])('with %s is refused before anything', async (_, header, code) => {
    const own = await beside();
    const { closed, said } = await asRelay(own, header);
    expect((await closed).code).toBe(code);
    expect(said).toEqual([]);
  });

  it.each([
    ['text that is no JSON', 'hello'],
    ['JSON of another kind', '[]'],
    ['a greeting', hello(null)],
  ])('and begins with %s is refused', async (_, word) => {
    const own = await beside();
    const { socket, closed } = await asRelay(own, 'z nonce');
    socket.send(word);
    expect((await closed).code).toBe(4400);
    expect(await taken(own.relays.a, 'proof')).toBe(1);
  });

  it('and says nothing is cut after the time for a greeting', async () => {
    const own = await beside({}, () => ({ limits: { greetingTimeout: 100 } }));
    const { closed } = await asRelay(own, 'z nonce');
    expect((await closed).code).toBe(4408);
  });

  it('with the key is still not led anywhere else', async () => {
    const own = await beside();
    const key = new PeerKey(KEY);
    for (const [session, code] of [
      [key.nameSession('b'), 4403],
      [null, 4403],
      ['made up', 4403],
    ] as const) {
      const { socket, closed, challenge } = await asRelay(own, 'z nonce');
      const { id, nonce } = await challenge();
      const exchange = { dialler: 'z', owner: id, diallerNonce: 'nonce', ownerNonce: nonce };
      socket.send(JSON.stringify({ ...CLIENT, proof: key.diallerProof(exchange, asText) }));
      socket.send(hello(session));
      expect((await closed).code).toBe(code);
    }
    expect(await taken(own.relays.a, 'loop')).toBe(3);
    expect((await own.relays.b.ask('/metrics')).text).not.toContain('peer_connections_total{');
  });

  it('with the id of the relay that it dials is refused', async () => {
    const own = await beside();
    const { socket, closed, challenge } = await asRelay(own, 'a nonce');
    const { id, nonce } = await challenge();
    const exchange = { dialler: 'a', owner: id, diallerNonce: 'nonce', ownerNonce: nonce };
    socket.send(JSON.stringify({ ...CLIENT, proof: new PeerKey(KEY).diallerProof(exchange, asText) }));
    expect(await closed).toEqual({ code: 4403, reason: 'two relays have the id a' });
    expect(await taken(own.relays.a, 'id')).toBe(1);
  });
});

it.each([
  [{ id: 'a.b' }, 'peers.id'],
  [{ id: '' }, 'peers.id'],
  [{ key: 'short' }, 'peers.key'],
  [{ urls: { a: 'ws://127.0.0.1:1/' } }, 'itself'],
  [{ urls: { b: 'http://127.0.0.1:1/' } }, 'peers.urls.b'],
  [{ urls: { b: 'ws://user:secret@127.0.0.1:1/' } }, 'peers.urls.b'],
  [{ urls: { 'b.c': 'ws://127.0.0.1:1/' } }, 'peers.urls'],
])('a relay does not start with peers %j', async (wrong, text) => {
  const start = startRelay({
    transport: memory(),
    servers: { server: { dbAddress: 'memory://server' } },
    peers: { id: 'a', key: KEY, urls: {}, ...wrong } as never,
  });
  const error = await start.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toMatchObject({ code: 'INVALID_CALL', message: expect.stringContaining(text) });
  expect(error.message).not.toContain('short');
});

/** What completes a handshake (RFC 6455, 1.3). */
function upgraded(request: string): string {
  const [, key = ''] = /sec-websocket-key: (.*)\r\n/i.exec(request) ?? [];
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: frond.peer.v1\r\n\r\n`;
}
