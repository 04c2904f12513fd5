/** Every series of /metrics: each is moved and read, and one that no line of this table names fails the test. */
import { expect, it } from 'vitest';
import { Metrics } from '../../../../../transports/relay/http/metrics.ts';

const values = { connections: 3, sessions: 5, passedOn: 9, held: 7 };

/** By series: what moves it, and its value then. */
const SERIES: Readonly<Record<string, readonly [move: (metrics: Metrics) => void, value: number]>> = {
  'frond_relay_messages_total{direction="in"}': [(metrics) => metrics.message('in', 10), 1],
  'frond_relay_messages_total{direction="out"}': [(metrics) => metrics.message('out', 10), 1],
  'frond_relay_bytes_total{direction="in"}': [(metrics) => metrics.message('in', 11), 11],
  'frond_relay_bytes_total{direction="out"}': [(metrics) => metrics.message('out', 13), 13],
  'frond_relay_handshakes_total{status="101"}': [(metrics) => metrics.handshake(101), 1],
  'frond_relay_handshakes_total{status="429"}': [(metrics) => metrics.handshake(429), 1],
  'frond_relay_closes_total{code="4408"}': [(metrics) => metrics.close(4408), 1],
  // A client may close with any code.
  'frond_relay_closes_total{code="other"}': [(metrics) => metrics.close(4999), 1],
  'frond_relay_refusals_total{what="call"}': [(metrics) => metrics.refusal('call'), 1],
  'frond_relay_sessions_total{outcome="new"}': [(metrics) => metrics.session('new'), 1],
  'frond_relay_sessions_total{outcome="resumed"}': [(metrics) => metrics.session('resumed'), 1],
  'frond_relay_sessions_total{outcome="forgotten"}': [(metrics) => metrics.session('forgotten'), 1],
  'frond_relay_sessions_total{outcome="adopted"}': [(metrics) => metrics.session('adopted'), 1],
  'frond_relay_http_calls_total{status="200"}': [(metrics) => metrics.httpCall(200), 1],
  'frond_relay_http_calls_total{status="499"}': [(metrics) => metrics.httpCall(499), 1],
  frond_relay_lost_work_total: [(metrics) => metrics.lostWork(4), 4],
  frond_relay_connections: [() => {}, values.connections],
  frond_relay_sessions: [() => {}, values.sessions],
  'frond_relay_passed_sessions_total{outcome="unreachable"}': [(metrics) => metrics.passed('unreachable'), 1],
  'frond_relay_peer_connections_total{outcome="proof"}': [(metrics) => metrics.peer('proof'), 1],
  frond_relay_passed_on: [() => {}, values.passedOn],
  frond_relay_held_bytes: [() => {}, values.held],
};

const make = () =>
  new Metrics({
    connections: () => values.connections,
    sessions: () => values.sessions,
    passedOn: () => values.passedOn,
    held: () => values.held,
  });

/** The value of each series. */
async function read(metrics: Metrics): Promise<Map<string, number>> {
  const text = metrics.text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

it.each(Object.entries(SERIES))('%s is counted', async (name, [move, value]) => {
  const metrics = make();
  move(metrics);
  expect((await read(metrics)).get(name)).toBe(value);
  // Counters go on, and a gauge is read anew.
  move(metrics);
  expect((await read(metrics)).get(name)).toBe(name.includes('_total') ? 2 * value : value);
});

it('each says what it counts, and whether it goes up alone', () => {
  const metrics = make();
  const names = [...new Set(Object.keys(SERIES).map((name) => name.split('{')[0]))].sort();
  const about = (what: string) =>
    Object.fromEntries(
      metrics
        .text()
        .split('\n')
        .filter((line) => line.startsWith(`# ${what} `))
        .map((line) => [line.split(' ')[2], line.split(' ').slice(3).join(' ')]),
    );
  const [helps, types] = [about('HELP'), about('TYPE')];
  expect([Object.keys(helps).sort(), Object.keys(types).sort()]).toEqual([names, names]);
  for (const help of Object.values(helps)) expect(help).toMatch(/^[A-Z]\w+,? .+/);
  for (const [name, type] of Object.entries(types))
    expect([name, type]).toEqual([name, name.endsWith('_total') ? 'counter' : 'gauge']);
});

it('no other series is there', async () => {
  const metrics = make();
  for (const [move] of Object.values(SERIES)) move(metrics);
  expect([...(await read(metrics)).keys()].sort()).toEqual(Object.keys(SERIES).sort());
});
