/**
 * Every series of a running relay's /metrics: something moves it, and it is read before and after. A series that no line of this table
 * names fails the test.
 */
import { expect, it } from 'vitest';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { ALL, type Besieged, testRelays } from '../../support/besieged-relay.ts';
import { bytes } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';
import { eventually, within } from '../../support/wait.ts';

const besieged = testRelays();

const ATTACKER = 'attacker-token';
/** May use the server, and call, read and write nothing. */
const NOBODY = { ...ALL, servers: ['server'], functions: [], cache: 'none', work: false } as const;

const request = (peer: RawPeer, server = 'server') =>
  peer.ask(1, server, envelope({ client: peer.id, function: 'server.get', payload: bytes('key') }));

async function closing(relay: Besieged, code: number): Promise<void> {
  const peer = await relay.peer();
  peer.socket.close(code);
  await peer.end();
}

/** By series: what moves it. */
const SERIES: Readonly<Record<string, (relay: Besieged) => Promise<unknown>>> = {
  'messages_total{direction="in"}': async (relay) => request(await relay.peer()),
  'messages_total{direction="out"}': async (relay) => request(await relay.peer()),
  'bytes_total{direction="in"}': async (relay) => request(await relay.peer()),
  'bytes_total{direction="out"}': async (relay) => request(await relay.peer()),
  'handshakes_total{status="101"}': (relay) => relay.dial(),
  // The refusal is told over the WebSocket, which pages can read.
  'handshakes_total{status="403"}': async (relay) => {
    expect((await (await relay.dial({ origin: 'https://elsewhere.example' })).end()).code).toBe(4403);
  },
  'closes_total{code="1000"}': (relay) => closing(relay, 1000),
  'closes_total{code="4400"}': async (relay) => {
    const peer = await relay.peer();
    peer.socket.send('text');
    expect((await peer.end()).code).toBe(4400);
  },
  'closes_total{code="other"}': (relay) => closing(relay, 4999),
  'refusals_total{what="call"}': async (relay) => {
    const peer = await relay.peer('nobody');
    await peer.openCalls();
    expect((await peer.call('1', 'server.upper')).status).not.toBe(0);
  },
  'refusals_total{what="request"}': async (relay) => {
    expect(await request(await relay.peer('nobody'))).toBe('FORBIDDEN');
  },
  'refusals_total{what="server"}': async (relay) => {
    expect(await request(await relay.peer(), 'unknown')).toBe('FORBIDDEN');
  },
  'refusals_total{what="channel"}': async (relay) => {
    const peer = await relay.peer();
    peer.send([Type.open, 1, 1, 'unknown', '']);
    await peer.next((frame) => frame[0] === Type.refused);
  },
  'sessions_total{outcome="new"}': (relay) => relay.peer(),
  'sessions_total{outcome="resumed"}': async (relay) => {
    const before = await relay.peer();
    const after = await relay.dial();
    expect((await after.greet(ATTACKER, before.session))[3]).toBe(true);
  },
  'sessions_total{outcome="forgotten"}': async (relay) => {
    const peer = await relay.dial();
    expect((await peer.greet(ATTACKER, 'a session that is forgotten'))[3]).toBe(false);
  },
  connections: (relay) => relay.peer(),
  sessions: (relay) => relay.peer(),
  // The reply waits until the client has confirmed it.
  held_bytes: async (relay) => request(await relay.peer()),
};

/**
 * Moved elsewhere: results of workers in test/relay/attacks/made-up-results.test.ts, and work that is lost, of which 64 MiB must wait
 * first, in test/unit/transports/relay/upstream/work-pool.test.ts; sessions of other relays in test/relay/peers. The series themselves are in
 * test/unit/transports/relay/http/metrics.test.ts.
 */
const ELSEWHERE = ['lost_work_total', 'refusals_total{what="result"}', 'passed_on'];

async function read(relay: Besieged): Promise<Map<string, number>> {
  const { text } = await relay.ask('/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith('frond_relay_'));
  const name = (line: string) => line.slice('frond_relay_'.length, line.lastIndexOf(' '));
  return new Map(lines.map((line) => [name(line), Number(line.split(' ').at(-1))]));
}

const start = () =>
  besieged({
    identities: { nobody: NOBODY },
    origins: ['https://own.example'],
    limits: { maxFrame: 65_536 },
  });

it.each(Object.entries(SERIES))('%s moves', async (name, move) => {
  const relay = await start();
  const value = async () => (await read(relay)).get(name) ?? 0;
  const before = await value();
  await within(10_000, move(relay), 'what moves it');
  await eventually(async () => (await value()) > before);
});

it('gauges go back when their clients are gone', async () => {
  const relay = await start();
  const before = await read(relay);
  const peer = await relay.peer();
  await request(peer);
  peer.socket.close(1000);
  await peer.end();
  for (const name of ['connections', 'sessions'])
    await eventually(async () => (await read(relay)).get(name) === before.get(name));
  // Without it, only what the client that works has not confirmed is held.
  await eventually(async () => ((await read(relay)).get('held_bytes') ?? 0) < 5_000);
});

it('no other series is there', async () => {
  const relay = await start();
  for (const move of Object.values(SERIES)) await move(relay);
  const known = new Set([...Object.keys(SERIES), ...ELSEWHERE]);
  const unknown = [...(await read(relay)).keys()].filter((name) => !known.has(name));
  // Those of codes with which the sockets of this test end.
  expect(unknown.filter((name) => !/^closes_total\{code="(1005|1006|4409)"\}$/.test(name))).toEqual([]);
});
