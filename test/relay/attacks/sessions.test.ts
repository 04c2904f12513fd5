/** Sessions that are not theirs who show them. */
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { readRelayMessage, Type } from '../../../transports/relay-protocol/frames.ts';
import type { WebSocketConstructor } from '../../../transports/websocket/options.ts';
import { ALL, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();
const identities = { alice: ALL, bob: ALL };

const nameRequest = (client: string) => envelope({ client, function: 'server.get', payload: bytes('name') });

it.each(['made up', '', '__proto__', 'x'.repeat(21), 'x'.repeat(10_000)])(
  'begins a new session for who shows one that is %s',
  async (session) => {
    const { dial, meanwhile, figure } = await besieged({ identities });
    await meanwhile(async () => {
      const peer = await dial();
      const welcome = await peer.greet('alice', session, 2 ** 53 - 1);
      expect(welcome[3]).toBe(false);
      expect(welcome[1]).not.toBe(session);
      expect(await peer.ask(1, 'server', nameRequest(peer.id))).toEqual(bytes('server'));
    });
    expect(await figure('sessions')).toBe(2);
  },
);

it("begins a new session for who shows another identity's, which goes on", async () => {
  const { peer, dial, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const alice = await peer('alice');
    const bob = await dial();
    const welcome = await bob.greet('bob', alice.session, 0);
    expect(welcome[3]).toBe(false);
    expect(bob.id).not.toBe(alice.id);
    expect(await alice.ask(1, 'server', nameRequest(alice.id))).toEqual(bytes('server'));
  });
});

it("begins a new session for who shows the id of another's, or its number", async () => {
  const { peer, dial, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const alice = await peer('alice');
    for (const session of [alice.id, alice.id.split('/')[0] ?? '', alice.id.split('/')[1] ?? '']) {
      const again = await dial();
      expect((await again.greet('alice', session))[3]).toBe(false);
    }
    expect(await alice.ask(1, 'server', nameRequest(alice.id))).toEqual(bytes('server'));
  });
});

it.each([1_000, 2 ** 32, 2 ** 53 - 1])(
  'closes with 4400 who says it received %d messages',
  async (received) => {
    const { peer, dial, meanwhile, figure } = await besieged({ identities });
    await meanwhile(async () => {
      const alice = await peer('alice');
      expect(await alice.ask(1, 'server', nameRequest(alice.id))).toEqual(bytes('server'));
      alice.socket.terminate();
      await alice.end();
      const again = await dial();
      again.sendLone([Type.hello, 'alice', alice.session, received]);
      expect((await again.end()).code).toBe(4400);
      // What is wrong once is wrong again.
      const third = await dial();
      expect((await third.greet('alice', alice.session))[3]).toBe(false);
    });
    expect(await figure('sessions')).toBe(2);
  },
);

it('closes with 4400 who has fewer messages than it confirmed', async () => {
  const { peer, dial, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const alice = await peer('alice');
    await alice.ask(1, 'server', nameRequest(alice.id));
    await alice.ask(2, 'server', nameRequest(alice.id));
    const again = await dial();
    again.sendLone([Type.hello, 'alice', alice.session, 0]);
    expect((await again.end()).code).toBe(4400);
    expect((await alice.end()).code).toBe(4409);
  });
});

it('closes the older of two sockets with one session with 4409, and goes on with the newer', async () => {
  const { peer, dial, meanwhile, figure } = await besieged({ identities });
  await meanwhile(async () => {
    const older = await peer('alice');
    await older.openCalls();
    const newer = await dial();
    const welcome = await newer.greet('alice', older.session, older.received);
    expect([welcome[2], welcome[3]]).toEqual([older.id, true]);
    expect((await older.end()).code).toBe(4409);
    newer.sent = older.sent;
    const { payload } = await newer.call('1', 'server.upper');
    expect(textOf(payload)).toBe('X');
  });
  expect(await figure('sessions')).toBe(2);
});

it('has no two real clients fight for one session', async () => {
  const { connect, dial, meanwhile, log } = await besieged({ identities });
  await meanwhile(async () => {
    let session = '';
    let received = 0;
    const WebSocket = overheard((message) => {
      const { sequence, frames } = readRelayMessage(message);
      received = Math.max(received, sequence);
      for (const frame of frames) if (frame[0] === Type.welcome) session = frame[1];
    });
    const client = await connect('alice', {}, { WebSocket });
    expect(textOf(await client.eval('server.upper', bytes('a')))).toBe('A');
    const thief = await dial();
    expect((await thief.greet('alice', session, received))[3]).toBe(true);
    // The client gives up, rather than take it back and have it taken again.
    await expect(client.eval('server.upper', bytes('b'))).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });
  expect(log.filter((line) => line.includes('4409'))).toHaveLength(1);
});

it('has one socket left of a hundred with one session', async () => {
  const { peer, dial, meanwhile, figure } = await besieged({ identities });
  const first = await peer('alice');
  await meanwhile(async () => {
    const peers: RawPeer[] = await Promise.all(Array.from({ length: 60 }, () => dial()));
    for (const own of peers) own.sendLone([Type.hello, 'alice', first.session, 0]);
    const ends = await Promise.all([first, ...peers.slice(0, -1)].map((own) => own.end()));
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([4409]));
    const last = peers.at(-1);
    await last?.next(([type]) => type === Type.welcome);
  });
  expect(await figure('sessions')).toBe(2);
  expect(await figure('connections')).toBe(2);
});

/** WebSockets as real clients have them, and what comes on them. */
function overheard(hear: (message: Uint8Array<ArrayBuffer>) => void): WebSocketConstructor {
  const Overheard = class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { perMessageDeflate: false });
      this.on('message', (data: ArrayBuffer) => hear(new Uint8Array(data)));
    }
  };
  return Overheard as unknown as WebSocketConstructor;
}
