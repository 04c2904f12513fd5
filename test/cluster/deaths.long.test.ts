/** Workers that are killed, stopped, busy or cut off, and messages that kill. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Hub, Master, Worker } from '../../src/cluster/index.ts';
import { PalmError } from '../../src/index.ts';
import type { RequestOrigin } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { startScript } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { until, within } from '../support/wait.ts';

const MORTAL = fileURLToPath(new URL('mortal-process.ts', import.meta.url));

/** A worker that the test may kill and stop. */
async function startMortal(dbAddress: string) {
  const worker = await startScript(MORTAL, [dbAddress]);
  const close = () => {
    worker.signal('SIGKILL');
    return worker.ended;
  };
  return { ...worker, close };
}

const HEARTBEAT = 500;
const addressesOf = ({ dbAddress, pullAddress, pubAddress }: Master) => ({
  dbAddress,
  pullAddress,
  pubAddress,
});

describe.each(grounds)('a request on %s', (_, make) => {
  it('tells when the link that it came over is gone', async () => {
    const { transport, any } = make();
    const [server, client, other] = [await transport.open(), await transport.open(), await transport.open()];
    const gone: string[] = [];
    const told = deferred<void>();
    const { address } = await server.bindReply(any, (request, from) => {
      from.onGone(() => {
        gone.push(textOf(request));
        told.resolve();
      });
      from.onGone(() => gone.push('nobody listens'))();
      return request;
    });
    await within(3_000, client.request(address, bytes('first')).reply);
    await within(3_000, other.request(address, bytes('other')).reply);
    await client.close();
    await within(3_000, told.promise, 'the news');
    expect(gone).toEqual(['first']);
    // Whoever is still there hears nothing of having been looked for.
    expect(textOf(await within(3_000, other.request(address, bytes('well')).reply))).toBe('well');
    await other.close();
    await server.close();
  });
});

describe.each(grounds)('a request on %s whose link is gone', (_, make) => {
  it('tells a listener that is added late, and says which requests came over the same link', async () => {
    const { transport, any } = make();
    const [server, client, other] = [await transport.open(), await transport.open(), await transport.open()];
    const origins: RequestOrigin[] = [];
    const { address } = await server.bindReply(any, (request, from) => {
      origins.push(from);
      return request;
    });
    for (const connection of [client, client, other])
      await within(3_000, connection.request(address, bytes('x')).reply);
    const [first, second, third] = origins;
    expect(first?.link).toBe(second?.link);
    expect(first?.link).not.toBe(third?.link);
    const gone = deferred<void>();
    first?.onGone(() => gone.resolve());
    await client.close();
    await within(3_000, gone.promise);
    const late = deferred<void>();
    second?.onGone(() => late.resolve());
    await within(3_000, late.promise, 'the news to who asks late');
    await other.close();
    await server.close();
  });
});

describe('a Master whose workers are processes', () => {
  const cluster = testCluster(() => ({
    transport: zeromq({ heartbeatInterval: 300 }),
    any: 'tcp://127.0.0.1:*',
  }));

  async function open(options: object = {}) {
    const { start, connect, own } = cluster();
    const master = await start<Master>({ role: 'master', name: 'master', heartbeat: HEARTBEAT, ...options });
    const mortal = async (dbAddress = master.dbAddress) => own(await startMortal(dbAddress));
    const client = await connect({ dbAddress: master.dbAddress });
    const crew = (functions: object) =>
      start<Worker>({ role: 'worker', dbAddress: master.dbAddress, functions: { ...functions } });
    return { master, mortal, client, crew, connect };
  }

  it('gives what a killed worker held to another within two heartbeats', async () => {
    const { mortal, client, crew } = await open();
    const killed = await mortal();
    const call = client.eval('master.hold', bytes('x'));
    await killed.prints('holds');
    await crew({ hold: (payload: Uint8Array) => payload });
    const begin = performance.now();
    killed.signal('SIGKILL');
    expect(textOf(await within(5_000, call))).toBe('x');
    expect(performance.now() - begin).toBeLessThan(2 * HEARTBEAT);
  });

  it('waits for a worker that computes for longer than it may be silent, and has the call run once', async () => {
    const { master, mortal, client } = await open({ heartbeat: 200, workerTimeout: 500 });
    const crew = await Promise.all([mortal(), mortal(), mortal()]);
    const call = client.eval('master.spin', bytes('2500'));
    expect(textOf(await within(8_000, call))).toBe('2500');
    expect(crew.flatMap(({ lines }) => lines.filter((line) => line === 'spins'))).toEqual(['spins']);
    expect(master.counters).toMatchObject({ answered: 1, failed: 0, inFlight: 0 });
    expect(client.unclaimed).toBe(0);
    const { losses } = JSON.parse(textOf((await client.get('frond_status')) ?? bytes('{}')));
    expect(losses).toEqual({ workers: 0, redelivered: 0, givenUp: 0 });
  }, 20_000);

  it('gives what a stopped worker held to another, even where a worker may be silent for ever', async () => {
    const { mortal, client, crew } = await open({ workerTimeout: 3_600_000 });
    const stopped = await mortal();
    const call = client.eval('master.hold', bytes('x'));
    await stopped.prints('holds');
    stopped.signal('SIGSTOP');
    await crew({ hold: (payload: Uint8Array) => payload });
    expect(textOf(await within(5_000, call))).toBe('x');
  }, 20_000);

  it('gives what a stopped worker held to another; when it goes on, nothing comes twice, and it works again', async () => {
    const { master, mortal, client, crew } = await open();
    const stopped = await mortal();
    const call = client.eval('master.spin', bytes('600'));
    await stopped.prints('spins');
    stopped.signal('SIGSTOP');
    const other = await crew({ spin: (payload: Uint8Array) => payload });
    expect(textOf(await within(5_000, call))).toBe('600');
    await other.close();
    stopped.signal('SIGCONT');
    expect(textOf(await within(8_000, client.eval('master.three', bytes('x'), { messages: 1 })))).toBe('x 1');
    await within(
      3_000,
      until(() => master.counters.inFlight === 0),
    );
    // The one answer to the first call, and three to the last.
    expect(master.counters).toMatchObject({ received: 2, answered: 4 });
  }, 20_000);

  it('notices a link that is frozen, and nothing comes twice when it thaws', async () => {
    const { master, client, crew } = await open();
    const proxy = await startProxy(master.dbAddress);
    const { start } = cluster();
    const gate = deferred<void>();
    const begun = deferred<void>();
    const hold = async (payload: Uint8Array) => {
      begun.resolve();
      await gate.promise;
      return payload;
    };
    const frozen = await start<Worker>({ role: 'worker', dbAddress: proxy.address, functions: { hold } });
    const call = client.eval('master.hold', bytes('x'));
    await within(3_000, begun.promise);
    await crew({ hold: (payload: Uint8Array) => payload });
    const begin = performance.now();
    proxy.freeze();
    expect(textOf(await within(5_000, call))).toBe('x');
    // The transport's heartbeats are 300 ms, so a frozen link ends within 600; the Master's own add nothing to that.
    expect(performance.now() - begin).toBeLessThan(2 * HEARTBEAT);
    gate.resolve();
    proxy.thaw();
    await within(
      8_000,
      until(() => frozen.counters.inFlight === 0 && frozen.counters.answered === 1),
    );
    expect(textOf(await within(3_000, client.eval('master.echo', bytes('still well'))))).toBe('still well');
    expect(master.counters).toMatchObject({ answered: 2, inFlight: 0 });
    expect(client.unclaimed).toBe(0);
    await proxy[Symbol.asyncDispose]();
  }, 20_000);

  it('answers a message that kills its workers, and goes on', async () => {
    const { mortal, client, master } = await open({ heartbeat: 100, maxDeliveries: 2 });
    const mortals = await Promise.all([mortal(), mortal(), mortal()]);
    const error = await within(
      15_000,
      client.eval('master.die', bytes('x')).catch((reason: unknown) => reason),
    );
    expect(error).toBeInstanceOf(PalmError);
    expect(error).toMatchObject({ code: 'REMOTE', remoteName: 'WorkerDied' });
    expect(String(error)).toMatch(/2 workers died/);
    expect(textOf(await within(3_000, client.eval('master.echo', bytes('x'))))).toBe('x');
    expect(master.counters).toMatchObject({ failed: 1, inFlight: 0 });
    let ended = 0;
    for (const own of mortals) own.ended.then(() => ended++);
    await within(
      3_000,
      until(() => ended === 2),
    );
  }, 30_000);

  it('passes each result of a generator on once, though its worker was killed on the way', async () => {
    const { mortal, client, crew } = await open({ heartbeat: 100 });
    const killed = await mortal();
    const results: string[] = [];
    const job = client.job('master.three', [bytes('die')], { messages: 3, idleTimeout: 10_000 });
    const read = async () => {
      for await (const result of job) results.push(textOf(result));
    };
    const reading = read();
    await within(10_000, killed.ended);
    await crew({
      *three(payload: Uint8Array) {
        for (let i = 1; i <= 3; i++) yield bytes(`${textOf(payload)} ${i}`);
      },
    });
    await within(10_000, reading);
    expect(results).toEqual(['die 1', 'die 2', 'die 3']);
    expect(client.unclaimed).toBe(0);
  }, 30_000);

  it('passes them on once where it is a Hub, too', async () => {
    const { start, connect, own } = cluster();
    const server = await start<Master>({ role: 'server', name: 'first', pipelined: true } as never);
    const hub = await start<Hub>({
      role: 'hub',
      name: 'hub',
      previous: 'first',
      subAddress: server.pubAddress,
      heartbeat: 100,
      maxDeliveries: 1,
    });
    await within(3_000, hub.ready());
    own(await startMortal(hub.dbAddress));
    const client = await connect({
      ...addressesOf(server),
      dbAddress: server.dbAddress,
      subAddress: hub.pubAddress,
    });
    const call = client.eval('first.echo hub.die', bytes('x'));
    await expect(within(10_000, call)).rejects.toMatchObject({ code: 'REMOTE', remoteName: 'WorkerDied' });
  }, 20_000);

  it('refuses limits that are not numbers in their range', async () => {
    const { start } = cluster();
    for (const limits of [
      { heartbeat: 0 },
      { workerTimeout: -1 },
      { maxDeliveries: 0 },
      { maxDeliveries: 1.5 },
    ]) {
      await expect(start({ role: 'master', name: 'm', ...limits })).rejects.toMatchObject({
        code: 'INVALID_CALL',
      });
    }
  });
});
