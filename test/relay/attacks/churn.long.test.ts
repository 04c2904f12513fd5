/** What clients that come and go do to those who stay. */
import { expect, it } from 'vitest';
import type { RelayOptions } from '../../../transports/relay/options.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();

it('forgets those first who have been away for longest, where there is no more room for sessions', async () => {
  const { peer, dial, meanwhile, figure } = await besieged({ limits: { maxConnections: 10 } });
  const first = await peer();
  await meanwhile(async () => {
    // They come after it, and go before it.
    const vanished = [];
    for (let i = 0; i < 6; i++) {
      const own = await peer();
      own.socket.terminate();
      await own.end();
      vanished.push(own);
    }
    first.socket.terminate();
    await first.end();
    for (let i = 0; i < 5; i++) {
      const own = await peer();
      own.socket.terminate();
      await own.end();
    }
    expect(await figure('sessions')).toBe(10);
    const back = await dial();
    expect((await back.greet('attacker-token', first.session))[3]).toBe(true);
    const oldest = await dial();
    expect((await oldest.greet('attacker-token', vanished[0]?.session))[3]).toBe(false);
  });
});

/** Comes from an address, begins a session, and vanishes without a good-bye. */
async function comeAndVanish(
  { dial }: Besieged,
  address: string,
  token = 'attacker-token',
): Promise<RawPeer> {
  const peer = await dial({ headers: { 'x-address': address } });
  await peer.greet(token);
  peer.socket.terminate();
  await peer.end();
  return peer;
}

const addressOf: RelayOptions['addressOf'] = (headers) => String(headers['x-address']);

it("forgets the sessions of one address for each other, and nobody else's", async () => {
  const limits = { maxConnections: 50, maxConnectionsPerAddress: 10 };
  const relay = await besieged({ limits, addressOf, identities: { one: ALL, two: ALL } });
  await relay.meanwhile(async () => {
    const cut = await comeAndVanish(relay, '192.0.2.1');
    const same = [];
    for (let i = 0; i < 70; i++) same.push(await comeAndVanish(relay, '192.0.2.2'));
    // One address, of which there are many in an IPv6 network.
    for (let i = 0; i < 70; i++) await comeAndVanish(relay, `2001:db8::${i.toString(16)}`);
    expect(await relay.figure('sessions')).toBe(1 + 1 + 10 + 10);
    const back = await relay.dial();
    expect((await back.greet('attacker-token', cut.session))[3]).toBe(true);
    const tenth = await relay.dial();
    expect((await tenth.greet('attacker-token', same.at(-10)?.session))[3]).toBe(true);
    const eleventh = await relay.dial();
    expect((await eleventh.greet('attacker-token', same.at(-11)?.session))[3]).toBe(false);
  });
});

it('where there is no more room at all, has those give first that have the most', async () => {
  const limits = { maxConnections: 30, maxConnectionsPerAddress: 10 };
  const relay = await besieged({ limits, addressOf, identities: { one: ALL } });
  await relay.meanwhile(async () => {
    const cut = await comeAndVanish(relay, '192.0.2.1');
    for (let host = 2; host < 12; host++) {
      for (let i = 0; i < 10; i++) await comeAndVanish(relay, `192.0.2.${host}`, 'one');
    }
    expect(await relay.figure('sessions')).toBe(30);
    const back = await relay.dial();
    expect((await back.greet('attacker-token', cut.session))[3]).toBe(true);
  });
});

it('takes what is no longer granted away from who comes back with a token that says so', async () => {
  const less = { ...ALL, name: 'visitor', servers: ['other'], work: false };
  const identities = { before: { ...ALL, name: 'visitor' }, after: less };
  const { peer, dial, meanwhile } = await besieged({ identities });
  await meanwhile(async () => {
    const visitor = await peer('before');
    await visitor.openCalls();
    visitor.send([Type.open, 3, 1, 'server', '']);
    await visitor.next((frame) => frame[0] === Type.ready && frame[1] === 3);
    const again = await dial();
    expect((await again.greet('after', visitor.session, visitor.received))[3]).toBe(true);
    for (const channel of [1, 2, 3]) {
      const refused = await again.next((frame) => frame[0] === Type.refused && frame[1] === channel);
      expect(refused[2]).toBe('FORBIDDEN');
    }
    again.sent = visitor.sent;
    const end = again.ask(
      1,
      'server',
      envelope({ client: again.id, function: '_.get', payload: bytes('name') }),
    );
    expect(await end).toBe('FORBIDDEN');
  });
});
