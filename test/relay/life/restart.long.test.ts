/** A relay that is restarted or told to end while clients use it. */
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import type { Server } from '../../../src/cluster/index.ts';
import { PalmError } from '../../../src/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, type TestGround, testCluster } from '../../support/cluster.ts';
import { numbered, numberOf, readNumber } from '../../support/jobs.ts';
import { connect, type RunningRelay, startRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const COUNT = 20_000;

/** Closes what may be closed already. */
function scene(make: () => TestGround) {
  const open = testCluster(make);
  return async () => {
    const cluster = open();
    const held: Deferred<Uint8Array>[] = [];
    const hold = () => {
      const answer = deferred<Uint8Array>();
      held.push(answer);
      return answer.promise;
    };
    const server = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions: { hold },
      concurrency: 64,
    });
    const servers = { server: { dbAddress: server.dbAddress } };
    const startAt = async (port?: number): Promise<RunningRelay> =>
      cluster.own(
        await startRelay({ transport: cluster.transport, servers, ...(port !== undefined && { port }) }),
      );
    return { cluster, server, held, relay: await startAt(), startAt };
  };
}

const openOnMemory = scene(grounds[0][1]);

it('a client that was connected waits for its relay, whatever answers at the port meanwhile', async () => {
  const { cluster, relay, startAt } = await openOnMemory();
  const client = cluster.own(await connect(relay.url));
  const { port } = relay;
  await relay.close();
  let answered = 0;
  const other = createServer((_, response) => {
    answered++;
    response.writeHead([404, 403, 401, 426, 400][answered % 5] ?? 404, { connection: 'close' }).end();
  });
  other.listen(port, '127.0.0.1');
  await within(
    5_000,
    until(() => answered >= 10),
  );
  // Nobody who was never connected waits for what may never be there.
  await expect(within(3_000, connect(relay.url))).rejects.toMatchObject({
    code: expect.toSatisfy((code) => code === 'FORBIDDEN' || code === 'PROTOCOL'),
  });
  other.closeAllConnections();
  await within(2_000, new Promise((resolve) => other.close(resolve)));
  await startAt(port);
  expect(textOf(await within(5_000, client.eval('server.echo', bytes('next'))))).toBe('next');
});

describe.each(grounds)('a relay to %s', (_, make) => {
  const open = scene(make);

  it('is restarted in the middle of jobs and calls: each ends, and the next ones work', async () => {
    const { cluster, relay, startAt } = await open();
    const clients = await Promise.all([1, 2, 3].map(() => connect(relay.url)));
    for (const client of clients) cluster.own(client);
    const ids = clients.map(({ id }) => id);
    let current = relay;
    for (let round = 0; round < 3; round++) {
      let seen = 0;
      const outcomes = clients.flatMap((client) => [
        (async () => {
          let next = 0;
          for await (const result of client.job('server.echo', numbered(COUNT), { messages: COUNT })) {
            if (readNumber(result) !== next++) throw new Error(`${readNumber(result)} is not ${next - 1}`);
            seen++;
          }
        })(),
        client.eval('server.hold', bytes('x')),
      ]);
      const settled = Promise.allSettled(outcomes);
      await within(
        5_000,
        until(() => seen > 2_000),
      );
      await current.close({ timeout: 0 });
      current = await startAt(relay.port);
      for (const outcome of await within(10_000, settled, 'the jobs and calls')) {
        if (outcome.status === 'fulfilled') continue;
        expect(outcome.reason).toBeInstanceOf(PalmError);
        expect(outcome.reason).toMatchObject({ code: 'LOST', sent: 'unknown' });
      }
      const next = clients.map((client, i) => client.eval('server.echo', numberOf(i)));
      expect((await within(5_000, Promise.all(next), 'the next calls')).map(readNumber)).toEqual([0, 1, 2]);
    }
    for (const [i, { id }] of clients.entries()) expect(id).not.toBe(ids[i]);
  }, 40_000);

  it('is told to end while calls are under way: they are answered, and the next relay goes on', async () => {
    const { cluster, relay, startAt, held, server } = await open();
    const client = cluster.own(await connect(relay.url));
    const idle = cluster.own(await connect(relay.url));
    const calls = Array.from({ length: 10 }, () => client.eval('server.hold', bytes('x')));
    const set = client.set(bytes('v'), 'k');
    await within(
      3_000,
      until(() => server.counters.inFlight === 10),
    );
    const closing = relay.close({ timeout: 5_000 });
    await within(
      3_000,
      until(() => relay.relay.connections === 1),
      'the idle client to be let go',
    );
    expect(await relay.ask('/readyz')).toEqual({ status: 503, text: 'draining\n' });
    const late = connect(relay.url, { timeout: 300 });
    await expect(within(3_000, late)).rejects.toThrow(/the relay is going down/);
    expect(await relay.figure('handshakes_total{status="503"}')).toBeGreaterThan(0);
    for (const { resolve } of held) resolve(bytes('answered'));
    const answers = await within(3_000, Promise.all(calls), 'the answers');
    expect(answers.map(textOf)).toEqual(Array.from({ length: 10 }, () => 'answered'));
    expect(await set).toBe('k');
    // As soon as nothing is under way, and not when the time is up.
    await within(3_000, closing, 'closing');
    await startAt(relay.port);
    for (const one of [client, idle])
      expect(textOf(await within(5_000, one.eval('server.echo', bytes('next'))))).toBe('next');
  }, 30_000);

  it('is told to end after calls were refused: those under way are answered all the same', async () => {
    const { cluster, relay, held, server } = await open();
    const client = cluster.own(await connect(relay.url));
    const call = client.eval('server.hold', bytes('x'));
    await within(
      3_000,
      until(() => server.counters.inFlight === 1),
    );
    const refused = client.eval(['server.hold', 'unknown.f'], bytes('x'));
    await expect(within(3_000, refused)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const bystander = cluster.own(await connect(relay.url));
    const closing = relay.close({ timeout: 5_000 });
    // One with nothing under way is let go at the first look; the other is not.
    await within(
      3_000,
      until(() => relay.relay.connections === 1),
      'the bystander to be let go',
    );
    for (const { resolve } of held) resolve(bytes('answered'));
    expect(textOf(await within(3_000, call))).toBe('answered');
    await within(3_000, closing, 'closing');
    await bystander.close();
  }, 30_000);

  it('says that it ends until it has ended', async () => {
    const { cluster, relay } = await open();
    const wire = cluster.own(await startWire(relay.port));
    const client = cluster.own(await connect(wire.url));
    // It does not answer the closing handshake, so that closing takes its time.
    wire.freeze();
    const closing = relay.close({ timeout: 0 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(connect(relay.url, { timeout: 100 })).rejects.toThrow(/the relay is going down/);
    await within(2_000, closing, 'closing');
    await client.close();
  });

  it('is told to end and does not wait for ever', async () => {
    const { cluster, relay, startAt, server } = await open();
    const client = cluster.own(await connect(relay.url));
    const call = client.eval('server.hold', bytes('x'));
    call.catch(() => {});
    await within(
      3_000,
      until(() => server.counters.inFlight === 1),
    );
    await within(2_000, relay.close({ timeout: 100 }), 'closing');
    await startAt(relay.port);
    await expect(within(3_000, call)).rejects.toMatchObject({ code: 'LOST' });
    expect(textOf(await within(5_000, client.eval('server.echo', bytes('next'))))).toBe('next');
  }, 30_000);
});
