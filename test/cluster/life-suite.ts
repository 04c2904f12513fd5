/** How roles begin and end, and what they say of themselves. On any transport. */
import { describe, expect, it } from 'vitest';
import {
  type Hub,
  type Master,
  type Pipeline,
  type RoleDefinition,
  type Server,
  type ServerStatus,
  type Sink,
  startRole,
  type Worker,
} from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type TestGround, testCluster } from '../support/test-cluster.ts';
import { until, within } from '../support/wait.ts';

async function statusOf(client: Client): Promise<ServerStatus> {
  const value = await client.get('frond_status');
  if (value === undefined) throw new Error('the server says nothing of itself');
  return JSON.parse(textOf(value)) as ServerStatus;
}

/** Adds the tests. */
export function testLife(name: string, make: () => TestGround): void {
  describe(`roles on ${name}`, () => {
    const cluster = testCluster(make);

    it('publish their role, their functions and their counters', async () => {
      const { start, connect } = cluster();
      const functions = { f: (payload: Uint8Array) => payload };
      const server = await start<Server>({ role: 'server', name: 'first', pipelined: true, functions });
      const sub = { subAddress: server.pubAddress, previous: 'first' };
      const pipeline = await start<Pipeline>({ role: 'pipeline', name: 'second', ...sub });
      const sink = await start<Sink>({
        role: 'sink',
        name: 'sink',
        subAddresses: [server.pubAddress, pipeline.pubAddress],
        previous: ['first', 'second'],
      });
      const master = await start<Master>({ role: 'master', name: 'master' });
      const hub = await start<Hub>({ role: 'hub', name: 'hub', ...sub });
      await start<Worker>({ role: 'worker', name: 'worker', dbAddress: master.dbAddress });
      const roles = { Server: server, Pipeline: pipeline, Sink: sink, Master: master, Hub: hub };
      for (const [role, running] of Object.entries(roles)) {
        const status = await statusOf(await connect({ dbAddress: running.dbAddress }));
        expect(status).toMatchObject({ role, name: running.name, counters: { received: 0, inFlight: 0 } });
        expect(status.uptime).toBeGreaterThanOrEqual(0);
        expect(status.addresses['db_address']).toBe(running.dbAddress);
        expect(status.addresses['pub_address']).toBe(running.pubAddress);
      }
      const ofServer = await statusOf(await connect({ dbAddress: server.dbAddress }));
      expect([...ofServer.functions].sort()).toEqual(['echo', 'f']);
      const ofSink = await statusOf(await connect({ dbAddress: sink.dbAddress }));
      expect(ofSink.addresses).toMatchObject({
        sub_address_0: server.pubAddress,
        sub_address_1: pipeline.pubAddress,
      });
      const ofMaster = await statusOf(await connect({ dbAddress: master.dbAddress }));
      expect(ofMaster.workers).toMatchObject([{ name: 'worker', holds: 0 }]);
      expect(ofMaster.addresses).toMatchObject({
        pull_address: master.pullAddress,
        worker_pull_address: master.workerPullAddress,
        worker_push_address: master.workerPushAddress,
      });
    });

    it('do not let clients write what roles publish about themselves', async () => {
      const { start, connect } = cluster();
      const { dbAddress } = await start<Server>({ role: 'server', name: 'server' });
      const client = await connect({ dbAddress });
      await expect(client.set(bytes('{}'), 'frond_status')).rejects.toMatchObject({ code: 'INVALID_CALL' });
    });

    it('count calls that failed and frames that were not messages', async () => {
      const { start, connect, transport, own } = cluster();
      const server = await start<Server>({ role: 'server', name: 'server' });
      const client = await connect({ dbAddress: server.dbAddress });
      await client.eval('server.echo', bytes(''));
      await expect(client.eval('server.missing', bytes(''))).rejects.toMatchObject({ code: 'REMOTE' });
      const pusher = own(await transport.open()).push(server.pullAddress);
      await pusher.send([bytes('garbage'), new Uint8Array(0)]);
      await within(
        3_000,
        until(() => server.counters.received === 4),
      );
      expect(server.counters).toEqual({
        received: 4,
        answered: 2,
        failed: 1,
        ended: 0,
        cancelled: 0,
        dropped: 2,
        inFlight: 0,
      });
    });

    it('finish and answer the calls they have before they end', async () => {
      const { start, connect } = cluster();
      const server = await start<Server>({
        role: 'server',
        name: 'server',
        concurrency: Number.POSITIVE_INFINITY,
        functions: {
          wait: async (payload: Uint8Array) => {
            await new Promise((resolve) => setTimeout(resolve, 100));
            return payload;
          },
        },
      });
      const client = await connect({ dbAddress: server.dbAddress });
      const calls = Promise.all(
        Array.from({ length: 20 }, (_call, i) => client.eval('server.wait', bytes(String(i)))),
      );
      await within(
        3_000,
        until(() => server.counters.inFlight === 20),
      );
      await within(3_000, Promise.all([server.close(), server.close()]));
      expect(server.counters).toMatchObject({ answered: 20, failed: 0, dropped: 0, inFlight: 0 });
      expect(await server.closed).toBeUndefined();
      expect((await within(3_000, calls)).map(textOf)).toEqual(
        Array.from({ length: 20 }, (_call, i) => String(i)),
      );
    });

    it('end within their time though a function never does', async () => {
      const { start, connect } = cluster();
      const master = await start<Master>({ role: 'master', name: 'master' });
      const functions = { hang: () => new Promise<Uint8Array>(() => {}) };
      const worker = await start<Worker>({ role: 'worker', dbAddress: master.dbAddress, functions });
      const client = await connect({ dbAddress: master.dbAddress });
      client.eval('master.hang', bytes('')).catch(() => {});
      await within(
        3_000,
        until(() => worker.counters.inFlight === 1),
      );
      await within(2_000, worker.close({ timeout: 100 }));
      await within(2_000, master.close({ timeout: 100 }));
    });

    it.each(['asks for work', 'is pushed to'])(
      'of a worker that %s wait for their Master, and for the next one at the same address',
      async (kind) => {
        const { start, connect } = cluster();
        const gone = await start<Master>({ role: 'master', name: 'master' });
        const { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress } = gone;
        const same = { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress };
        const given = { pushAddress: workerPushAddress, pullAddress: workerPullAddress };
        await gone.close();
        const starting = start<Worker>({
          role: 'worker',
          dbAddress,
          ...(kind === 'is pushed to' && given),
        });
        for (let round = 0; round < 3; round++) {
          const master = await start<Master>({ role: 'master', name: 'master', ...same });
          await within(5_000, starting);
          const client = await connect({ dbAddress });
          await within(5_000, client.eval('master.echo', bytes('x')));
          await client.close();
          await master.close();
        }
      },
    );

    it('of workers report that there is no Master, or that the server there takes no workers', async () => {
      const { start } = cluster();
      const server = await start<Server>({ role: 'server', name: 'server' });
      await expect(start<Worker>({ role: 'worker', dbAddress: server.dbAddress })).rejects.toMatchObject({
        code: 'WRONG_SERVER',
        message: expect.stringContaining(server.dbAddress),
      });
      const { dbAddress } = server;
      await server.close();
      await expect(start<Worker>({ role: 'worker', dbAddress, timeout: 200 })).rejects.toMatchObject({
        code: 'TIMEOUT',
        message: expect.stringContaining(dbAddress),
      });
    });

    it('refuse options that are not valid, and leave nothing bound', async () => {
      const { start, any, transport } = cluster();
      const sub = { subAddress: 'nonsense', previous: 'first' };
      const refused: unknown[] = [
        { role: 'server', name: 'a.b' },
        { role: 'server', name: '' },
        { role: 'server', name: 'server', functions: { 'a b': () => bytes('') } },
        { role: 'server', name: 'server', functions: { f: 'no function' } },
        { role: 'pipeline', name: 'p', ...sub },
        { role: 'pipeline', name: 'p', subAddress: any.replace('*', '1'), previous: '' },
        { role: 'sink', name: 's', subAddresses: [], previous: [] },
        { role: 'sink', name: 's', subAddresses: ['a', 'b'], previous: ['one'] },
        { role: 'hub', name: 'h', ...sub },
        { role: 'worker', dbAddress: 'nonsense' },
        { role: 'worker', dbAddress: any.replace('*', '1'), timeout: 0 },
        { role: 'sorcerer', name: 's' },
      ];
      for (const definition of refused) {
        await expect(start(definition as never), JSON.stringify(definition)).rejects.toMatchObject({
          code: 'INVALID_CALL',
        });
      }
      const server = await start<Server>({ role: 'server', name: 'server' });
      const taken = {
        role: 'server',
        name: 'other',
        dbAddress: server.dbAddress,
        pullAddress: any,
        pubAddress: any,
        loggingLevel: 'silent',
      } satisfies RoleDefinition;
      await expect(startRole(taken, transport)).rejects.toMatchObject({ code: 'INVALID_CALL' });
    });
  });
}
