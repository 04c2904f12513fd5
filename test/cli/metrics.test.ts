/** `--metrics` of `frond serve` and `frond worker`, and `--log json`: real processes, whose real /metrics and /readyz are read. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import { palmMessage } from '../../src/protocol/message.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes } from '../support/bytes.ts';
import { frond } from '../support/command.ts';
import { readMetrics, readReadiness } from '../support/metrics.ts';
import { freeAddress } from '../support/ports.ts';
import { Modules, masterModule, SERVER, Service, TOOLS } from '../support/service.ts';
import { eventually, within } from '../support/wait.ts';
import { expectFailure } from './failure.ts';

const METRICS = ['--metrics', '127.0.0.1:*', '--json'] as const;

let modules: Modules;
let functions: string;

beforeAll(async () => {
  modules = await Modules.make();
  functions = await modules.write('functions.mjs', `${TOOLS} export default functions;`);
});

afterAll(() => modules[Symbol.asyncDispose]());

/** Where a service says that its metrics are: in its first line. */
async function metricsOf(service: Service): Promise<string> {
  const { metrics } = JSON.parse(await service.line(0)) as { readonly metrics: string };
  expect(metrics).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  return metrics;
}

const connect = (dbAddress: string) =>
  Client.connect({ transport: zmtp(), dbAddress, loggingLevel: 'silent' });

const becomes = (url: string, status: number) =>
  eventually(async () => (await readReadiness(url)).status === status, 20_000);

describe('/metrics of frond serve', () => {
  test('counts what a server does', async () => {
    const wait = `wait: (payload, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(payload)))`;
    const file = await modules.write(
      'server.mjs',
      `${TOOLS} export default { role: 'server', name: 'test', dbAddress: ANY, functions: { ...functions, ${wait} } };`,
    );
    await using service = new Service(['serve', file, ...METRICS]);
    const url = await metricsOf(service);
    const { addresses } = await service.up(1);
    await using client = await connect(addresses.db_address);
    const before = await readMetrics(url);
    expect(before.of('frond_messages_received_total', 'server')).toBe(0);

    await client.eval('test.upper', bytes('abc'));
    await client.eval('test.slow', bytes('abc'));
    for (const name of ['bad', 'bad', 'nope']) await client.eval(`test.${name}`, bytes('x')).catch(() => {});
    // One holds the place that there is, and two more wait behind it.
    const hung = new AbortController();
    const calls = Array.from({ length: 3 }, () =>
      client.eval('test.wait', bytes('x'), { signal: hung.signal }).catch(() => {}),
    );
    await eventually(async () => (await readMetrics(url)).of('frond_messages_waiting', 'server') === 2);
    const after = await readMetrics(url);
    const read = (metric: string, labels?: string) => after.of(metric, 'server', labels);
    expect({
      ready: read('frond_ready'),
      answered: read('frond_messages_answered_total'),
      failed: read('frond_messages_failed_total', 'code="failed"'),
      unknown: read('frond_messages_failed_total', 'code="unknownFunction"'),
      inFlight: read('frond_messages_in_flight'),
      badFailed: read('frond_function_failed_total', 'function="bad"'),
      bad: read('frond_function_seconds_count', 'function="bad"'),
      upper: read('frond_function_seconds_count', 'function="upper"'),
      slow: read('frond_function_seconds_count', 'function="slow"'),
      waits: read('frond_function_seconds_count', 'function="wait"'),
      fastSlow: read('frond_function_seconds_bucket', 'function="slow",le="0.25"'),
      slowSlow: read('frond_function_seconds_bucket', 'function="slow",le="10"'),
    }).toEqual({
      ready: 1,
      answered: 5,
      failed: 2,
      unknown: 1,
      inFlight: 1,
      badFailed: 2,
      bad: 2,
      upper: 1,
      slow: 1,
      waits: 0,
      // It waits for 300 ms.
      fastSlow: 0,
      slowSlow: 1,
    });
    for (const metric of ['frond_waiting_bytes', 'frond_received_bytes_total', 'frond_sent_bytes_total'])
      expect(read(metric), metric).toBeGreaterThan(100);
    hung.abort();
    await Promise.all(calls);
    await eventually(
      async () => (await readMetrics(url)).of('frond_messages_cancelled_total', 'server') === 3,
    );
    const end = await readMetrics(url);
    expect([
      end.of('frond_messages_in_flight', 'server'),
      end.of('frond_messages_waiting', 'server'),
      end.of('frond_function_seconds_count', 'server', 'function="wait"'),
    ]).toEqual([0, 0, 1]);
    expect(await service.end()).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('has no more lines for a client that names 5,000 functions', async () => {
    const db = await freeAddress();
    const worker = `{ role: 'worker', name: 'one', dbAddress: db, functions },`;
    const file = await modules.write('named.mjs', masterModule(db, worker));
    await using service = new Service(['serve', file, ...METRICS, '--log', 'json']);
    const url = await metricsOf(service);
    const { addresses } = await service.up(1);
    await service.up(2);
    await using client = await connect(db);
    await client.eval('chief.upper', bytes('x'));
    const before = await readMetrics(url);
    await using connection = await zmtp().open();
    const pusher = connection.push(addresses['pull_address'] ?? '');
    const codec = new EnvelopeCodec();
    const NAMES = 5_000;
    for (let at = 0; at < NAMES; at += 100) {
      const frames = Array.from({ length: 100 }, (_, i) =>
        codec
          .encode(
            palmMessage({ client: 'evil', pipeline: 'p', function: `chief.f${at + i}`, payload: bytes('') }),
          )
          .slice(),
      );
      await within(10_000, pusher.send(frames));
    }
    const count = 'frond_function_seconds_count';
    await eventually(
      async () => (await readMetrics(url)).of(count, 'master', 'function="all others"') === NAMES,
      30_000,
    );
    const after = await readMetrics(url);
    expect(after.all.size).toBe(before.all.size);
    expect(after.of('frond_messages_failed_total', 'worker', 'code="unknownFunction"')).toBe(NAMES);
    expect(after.text).not.toContain('f123');
    await pusher.close();
  });

  test('counts workers, and what one that is killed costs', async () => {
    const db = await freeAddress();
    const file = await modules.write('master.mjs', masterModule(db));
    await using service = new Service(['serve', file, ...METRICS]);
    const url = await metricsOf(service);
    await service.up(1);
    const of = async (metric: string, labels?: string) =>
      (await readMetrics(url)).of(metric, 'master', labels);
    expect(await of('frond_workers', 'work="asked"')).toBe(0);
    // It takes calls without workers.
    expect(await readReadiness(url)).toEqual({ status: 200, text: 'ready\n' });
    await using client = await connect(db);
    const answer = client.eval('chief.slow', bytes('x'));
    await eventually(async () => (await of('frond_messages_waiting')) === 1);
    expect(await of('frond_messages_in_flight')).toBe(1);
    await using hung = new Service(['worker', functions, '--name', 'hung', '--db', db, '--json']);
    await hung.error(/begun/);
    await answer;
    const second = client.eval('chief.slow', bytes('x'));
    await hung.error(/begun/, 1);
    await eventually(async () => (await of('frond_messages_in_flight')) === 1);
    hung.child.kill('SIGKILL');
    await eventually(async () => (await of('frond_workers_died_total')) === 1, 10_000);
    await using other = new Service(['worker', functions, '--name', 'other', '--db', db, '--json']);
    await other.up();
    await second;
    await eventually(async () => (await of('frond_function_seconds_count', 'function="slow"')) === 2);
    expect([
      await of('frond_workers', 'work="asked"'),
      await of('frond_workers', 'work="pushed"'),
      await of('frond_messages_redelivered_total'),
      await of('frond_messages_given_up_total'),
      await of('frond_function_seconds_bucket', 'function="slow",le="0.25"'),
    ]).toEqual([1, 0, 1, 0, 0]);
    expect(await other.end()).toBe(0);
    expect(await service.end()).toBe(0);
  });
});

describe('/readyz', () => {
  test('of a worker is 503 until its Master is there, and again when the Master has gone', async () => {
    const db = await freeAddress();
    const file = await modules.write('late-master.mjs', masterModule(db));
    await using worker = new Service(['worker', functions, '--db', db, ...METRICS]);
    const url = await metricsOf(worker);
    const absent = { status: 503, text: `not ready\nits Master is not there (${db})\n` };
    expect(await readReadiness(url)).toEqual(absent);
    expect((await fetch(new URL('/healthz', url))).status).toBe(200);
    await using master = new Service(['serve', file, '--json']);
    await becomes(url, 200);
    await worker.up(1);
    expect((await readMetrics(url)).of('frond_ready', 'worker')).toBe(1);
    master.child.kill('SIGKILL');
    await becomes(url, 503);
    expect(await readReadiness(url)).toEqual(absent);
    await using again = new Service(['serve', file, '--json']);
    await becomes(url, 200);
    expect(await worker.end()).toBe(0);
    expect(await again.end()).toBe(0);
  });

  test('of a pipeline is 503 while its previous server is not there', async () => {
    const db = await freeAddress();
    const pipeline = await modules.write(
      'second.mjs',
      `${TOOLS} export default { role: 'pipeline', name: 'second', previous: 'first', dbAddress: ANY, previousDbAddress: '${db}', functions };`,
    );
    const first = await modules.write(
      'first.mjs',
      `export default { role: 'server', name: 'first', pipelined: true, dbAddress: '${db}' };`,
    );
    await using second = new Service(['serve', pipeline, ...METRICS]);
    const url = await metricsOf(second);
    await second.up(1);
    expect(await readReadiness(url)).toEqual({
      status: 503,
      text: `not ready\nthe previous server "first" is not there (${db})\n`,
    });
    await using before = new Service(['serve', first, '--json']);
    await becomes(url, 200);
    before.child.kill('SIGKILL');
    await becomes(url, 503);
    expect((await readReadiness(url)).text).toMatch(/^not ready\nthe previous server "first" is not there/);
    expect(await second.end()).toBe(0);
  });

  test('of several roles is 503 until all have started, and while they close', async () => {
    const [db, absent] = [await freeAddress(), await freeAddress()];
    const late = `{ role: 'worker', name: 'late', dbAddress: '${absent}', functions },`;
    const file = await modules.write('several.mjs', masterModule(db, late));
    await using service = new Service(['serve', file, ...METRICS]);
    const url = await metricsOf(service);
    await service.up(1);
    expect(await readReadiness(url)).toEqual({
      status: 503,
      text: 'not ready\nworker "late": it has not started\n',
    });
    const other = await modules.write('other.mjs', masterModule(absent));
    await using master = new Service(['serve', other, '--json']);
    await becomes(url, 200);
    await using client = await connect(db);
    const call = client.eval('chief.slow', bytes('x')).catch(() => {});
    await eventually(async () => (await readMetrics(url)).of('frond_messages_waiting', 'master') === 1);
    service.child.kill('SIGTERM');
    await becomes(url, 503);
    expect((await readReadiness(url)).text).toContain('master "chief": it is closing\n');
    await client.close({ timeout: 0 });
    await call;
    await master.end();
  });
});

describe('where', () => {
  test('is said in a line for people, too', async () => {
    const file = await modules.write('said.mjs', SERVER);
    await using service = new Service(['serve', file, '--metrics', '127.0.0.1:*']);
    expect(await service.line(0)).toMatch(/^metrics at http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect(await service.line(2)).toBe('server test');
    expect(await service.end()).toBe(0);
  });

  test.each([
    ['nowhere', 2, /--metrics must be host:port, such as 127\.0\.0\.1:\d+, not "nowhere"/],
    ['192.0.2.1:1', 2, /metrics cannot be served at 192\.0\.2\.1:1/],
  ])('must not be %s', async (place, code, text) => {
    const file = await modules.write('misplaced.mjs', SERVER);
    expectFailure(await frond(['serve', file, '--metrics', place]), code, text);
  });
});

describe('--log json', () => {
  test('writes a line of JSON with its time for each event', async () => {
    const file = await modules.write('logged.mjs', SERVER);
    await using service = new Service(['serve', file, '--log', 'json', '--json']);
    const { addresses } = await service.up();
    const before = Date.now();
    await frond(['eval', 'test.bad', 'x', '--db', addresses.db_address]);
    const line = JSON.parse(await service.error(/call failed/));
    expect(line).toEqual({
      time: expect.any(String),
      level: 'error',
      from: 'test',
      message: 'call failed',
      function: 'test.bad',
      stage: 0,
      reason: 'out of it',
    });
    expect(Date.parse(line.time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(line.time)).toBeLessThanOrEqual(Date.now());
  });

  test('is that of a worker that waits for its Master', async () => {
    await using worker = new Service(['worker', functions, '--db', await freeAddress(), '--log', 'json']);
    expect(JSON.parse(await worker.error(/waiting for the Master/))).toMatchObject({ level: 'warning' });
  });

  test('is the only one beside text', async () => {
    const file = await modules.write('logged-otherwise.mjs', SERVER);
    expectFailure(await frond(['serve', file, '--log', 'xml']), 2, /--log must be text or json, not "xml"/);
    const relay = ['relay', '--server', 'a=tcp://127.0.0.1:1', '--allow', 'a.*', '--log', 'xml'];
    expectFailure(await frond(relay), 2, /--log must be text or json, not "xml"/);
  });
});
