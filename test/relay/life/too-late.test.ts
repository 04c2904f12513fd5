/** Away for longer than the resume window: what was under way fails with LOST, and what comes later works. */
import { expect, it } from 'vitest';
import { type Deferred, deferred } from '../../../src/async/deferred.ts';
import type { Server } from '../../../src/cluster/index.ts';
import type { Client } from '../../../src/index.ts';
import type { ConnectionStatus } from '../../../src/transport.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { Authenticate } from '../../../transports/relay/options.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { testCluster } from '../../support/cluster.ts';
import { numbered } from '../../support/jobs.ts';
import { connect, EVERYTHING, startRelay } from '../../support/relay.ts';
import { first, until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const WINDOW = 150;

const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

async function openAll(authenticate: Authenticate = () => EVERYTHING) {
  const cluster = open();
  const hanging: Deferred<Uint8Array>[] = [];
  const hang = () => {
    const answer = deferred<Uint8Array>();
    hanging.push(answer);
    return answer.promise;
  };
  const server = await cluster.start<Server>({
    role: 'server',
    name: 'server',
    functions: { hang },
    concurrency: 64,
  });
  const relay = cluster.own(
    await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress: server.dbAddress } },
      limits: { resumeWindow: WINDOW },
      authenticate,
    }),
  );
  const wire = cluster.own(await startWire(relay.port));
  const client = cluster.own(await connect(wire.url));
  return { cluster, server, relay, wire, client, hanging };
}

/** A call of each kind, under way. */
async function beginCalls(client: Client, server: Server): Promise<Promise<unknown>[]> {
  const job = client.job('server.hang', numbered(4), { messages: 4 });
  const reading = (async () => {
    for await (const _ of job);
  })();
  const calls = [client.eval('server.hang', bytes('x')), reading];
  for (const call of calls) call.catch(() => {});
  await within(
    2_000,
    until(() => server.counters.inFlight === 5),
  );
  return calls;
}

async function expectLost(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const call of calls)
    await expect(within(3_000, call, 'the failure')).rejects.toMatchObject({ code: 'LOST', sent: 'unknown' });
}

async function expectAlive(client: Client): Promise<void> {
  expect(textOf(await within(3_000, client.eval('server.echo', bytes('later'))))).toBe('later');
  expect(await within(3_000, client.set(bytes('v'), 'k'))).toBe('k');
  expect(textOf((await client.get('k')) ?? bytes(''))).toBe('v');
}

const isLoss = (status: ConnectionStatus) =>
  status.type === 'disconnected' && /is lost|forgot/.test(status.reason);

it('the client notices first: the relay has not even missed it', async () => {
  const { client, server, wire, relay } = await openAll();
  const { id } = client;
  const told = first(client.status(), isLoss);
  const calls = await beginCalls(client, server);
  wire.isOpen = false;
  wire.cut('rst', ['down']);
  await expectLost(calls);
  await within(1_000, told, 'the status');
  expect(await relay.figure('sessions')).toBe(1);
  wire.isOpen = true;
  await expectAlive(client);
  expect(client.id).not.toBe(id);
});

it('the relay forgot first: the client has not even missed it', async () => {
  const { client, server, wire, relay, hanging } = await openAll();
  const { id } = client;
  const told = first(client.status(), isLoss);
  const calls = await beginCalls(client, server);
  wire.cut('fin', ['up']);
  while ((await relay.figure('sessions')) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  wire.cut('rst', ['down']);
  await expectLost(calls);
  await within(1_000, told, 'the status');
  expect(client.id).not.toBe(id);
  // What the server answers now is nobody's any more, and does no harm.
  for (const { resolve } of hanging) resolve(bytes('late'));
  await expectAlive(client);
  expect(client.unclaimed).toBe(0);
});

it('the client gives the session up while the relay is about to go on with it', async () => {
  let gate = Promise.resolve();
  const { client, server, wire } = await openAll(() => gate.then(() => EVERYTHING));
  const { id } = client;
  const asked = deferred<void>();
  gate = asked.promise;
  const calls = await beginCalls(client, server);
  wire.cut('rst', ['down']);
  await expectLost(calls);
  asked.resolve();
  await expectAlive(client);
  expect(client.id).not.toBe(id);
});

it('cuts during which calls wait to be sent, time and again', async () => {
  const { client, wire } = await openAll();
  for (let round = 0; round < 5; round++) {
    wire.isOpen = false;
    wire.cut('rst');
    const call = client.eval('server.echo', bytes(`${round}`));
    call.catch(() => {});
    await within(2_000, first(client.status(), isLoss), 'the loss');
    const behind = client.eval('server.echo', bytes(`${round}`));
    wire.isOpen = true;
    // It was sent before the loss was known, or it waited.
    await within(3_000, Promise.allSettled([call])).then(([outcome]) =>
      expect(outcome.status === 'fulfilled' || outcome.reason.code).toSatisfy(
        (how) => how === true || how === 'LOST',
      ),
    );
    expect(textOf(await within(3_000, behind))).toBe(`${round}`);
  }
});
