/** Every series that a role has: what it is made of, and its value. One that no line of this table names fails the test. */
import { expect, it } from 'vitest';
import { FunctionMeter, Meter } from '../../../../src/cluster/runtime/meter.ts';
import { type RoleReadings, roleMetrics } from '../../../../src/cluster/runtime/role-metrics.ts';
import { metricsText } from '../../../../src/metrics.ts';

function readings(): RoleReadings {
  const meter = new Meter();
  Object.assign(meter.tally, { received: 1, answered: 2, ended: 3, cancelled: 4, dropped: 5 });
  Object.assign(meter, { received: 6, sent: 7, timesFull: 8 });
  meter.failed(1);
  meter.failed(6);
  const called = new FunctionMeter();
  called.took(1_500);
  called.fail();
  return {
    role: 'master',
    name: 'own',
    isReady: true,
    meter,
    inFlight: 9,
    functions: [['f', called]],
    waiting: { messages: 10, bytes: 11, limit: 12 },
    workers: { asking: 13, pushed: 14, losses: { workers: 15, redelivered: 16, givenUp: 17 } },
  };
}

/** The value of each series, without the buckets and the labels that all have. */
function read(own: RoleReadings): Record<string, number> {
  const lines = metricsText(roleMetrics(own))
    .split('\n')
    .filter((line) => line !== '' && !/^#|_bucket|uptime/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      expect(line).toContain(`{role="${own.role}",name="${own.name}"`);
      const series = line.slice(0, line.lastIndexOf(' '));
      return [
        series.replace(/role="\w+",name="\w+",?/, '').replace('{}', ''),
        Number(line.split(' ').at(-1)),
      ];
    }),
  );
}

const ALL = {
  frond_ready: 1,
  frond_messages_received_total: 1,
  frond_messages_answered_total: 2,
  'frond_messages_failed_total{code="failed"}': 1,
  'frond_messages_failed_total{code="unknownFunction"}': 0,
  'frond_messages_failed_total{code="missing"}': 0,
  'frond_messages_failed_total{code="refused"}': 0,
  'frond_messages_failed_total{code="cancelled"}': 0,
  'frond_messages_failed_total{code="invalid"}': 1,
  'frond_messages_failed_total{code="other"}': 0,
  frond_messages_ended_total: 3,
  frond_messages_cancelled_total: 4,
  frond_messages_dropped_total: 5,
  frond_received_bytes_total: 6,
  frond_sent_bytes_total: 7,
  frond_messages_in_flight: 9,
  'frond_function_seconds_sum{function="f"}': 1.5,
  'frond_function_seconds_count{function="f"}': 1,
  'frond_function_failed_total{function="f"}': 1,
};

const WAITING = {
  frond_messages_waiting: 10,
  frond_waiting_bytes: 11,
  frond_waiting_limit_bytes: 12,
  frond_waiting_full_total: 8,
};

const WORKERS = {
  'frond_workers{work="asked"}': 13,
  'frond_workers{work="pushed"}': 14,
  frond_workers_died_total: 15,
  frond_messages_redelivered_total: 16,
  frond_messages_given_up_total: 17,
};

it('a Master has all of them', () => {
  expect(read(readings())).toEqual({ ...ALL, ...WAITING, ...WORKERS });
});

it('each says in words what it is, and is of the type that its name says', () => {
  for (const { name, help, type } of roleMetrics(readings())) {
    expect(help, name).toMatch(/^\S.{10,}$/);
    const expected = name.endsWith('_total') ? 'counter' : 'gauge';
    expect(type, name).toBe(name === 'frond_function_seconds' ? 'histogram' : expected);
  }
});

it('a server has none of workers, and a worker none of what waits', () => {
  const { workers: _workers, ...server } = readings();
  expect(read({ ...server, role: 'server' })).toEqual({ ...ALL, ...WAITING });
  const { waiting: _waiting, ...worker } = server;
  expect(read({ ...worker, role: 'worker' })).toEqual(ALL);
});

it('one that is not ready says so, and the time since its start is in seconds', () => {
  const own = { ...readings(), isReady: false };
  expect(read(own)['frond_ready']).toBe(0);
  const before = own.meter.uptime;
  const uptime = roleMetrics(own).find(({ name }) => name === 'frond_uptime_seconds')?.samples[0]?.value;
  expect(uptime).toBeGreaterThanOrEqual(before / 1_000);
  expect(uptime).toBeLessThanOrEqual(own.meter.uptime / 1_000);
});

it('no limit of what waits is +Inf', () => {
  const own = { ...readings(), waiting: { messages: 0, bytes: 0, limit: Number.POSITIVE_INFINITY } };
  expect(metricsText(roleMetrics(own))).toContain(
    'frond_waiting_limit_bytes{role="master",name="own"} +Inf\n',
  );
});
