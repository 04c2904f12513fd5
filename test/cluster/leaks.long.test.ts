/** Roles leave nothing behind: no socket, timer, listener or address, and no memory. On every transport that binds. */
import { describe, expect, it } from 'vitest';
import { type RoleDefinition, type RunningRole, startRole, Worker } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, type TestGround } from '../support/cluster.ts';
import { held, leftovers, megabytes, settled } from '../support/leftovers.ts';
import { until, within } from '../support/wait.ts';

/** LEAK_ROUNDS gives the long form: how often all roles are opened and closed on zeromq. */
const ROUNDS = { memory: 100, zeromq: Number(process.env['LEAK_ROUNDS'] ?? 10), zmtp: 10 };

/** Mebibytes that all rounds may leave: a role that is not let go holds more than that in its codecs alone. */
const REMAINS = 3;

interface Scene extends TestGround {
  start(definition: object): Promise<RunningRole>;
}

function scene(ground: TestGround): Scene {
  const { transport, any } = ground;
  return {
    ...ground,
    start: (definition) => {
      const bound = ['dbAddress', 'pubAddress', 'pullAddress', 'workerPullAddress', 'workerPushAddress'];
      const addresses = Object.fromEntries(bound.map((key) => [key, any]));
      return startRole(
        { loggingLevel: 'silent', ...addresses, ...definition } as object as RoleDefinition,
        transport,
      );
    },
  };
}

type Addressed = RunningRole & { readonly dbAddress: string; readonly pubAddress: string };

const isWorker = (role: RunningRole) => role instanceof Worker;

/** One of each role, connected, and what each answers. */
async function openOneOfEach({ start, transport }: Scene, name: string): Promise<RunningRole[]> {
  const server = (await start({ role: 'server', name, pipelined: true })) as Addressed;
  const master = (await start({ role: 'master', name: 'master' })) as Addressed;
  const previous = { subAddress: server.pubAddress, previous: name };
  const others = await Promise.all([
    start({ role: 'pipeline', name: 'pipeline', ...previous }),
    start({ role: 'sink', name: 'sink', subAddresses: [server.pubAddress], previous: [name] }),
    start({ role: 'hub', name: 'hub', ...previous }),
    Worker.start({ transport, dbAddress: master.dbAddress, loggingLevel: 'silent' }),
  ]);
  return [server, master, ...others];
}

async function callThrough({ transport }: Scene, [, master]: readonly RunningRole[]): Promise<void> {
  const { dbAddress } = master as Addressed;
  await using client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent' });
  expect(textOf(await client.eval('master.echo', bytes('x')))).toBe('x');
}

describe.each(grounds)('roles on %s', (name, make) => {
  it(`leave nothing when 24 of them are opened and closed ${ROUNDS[name]} times`, async () => {
    const own = scene(make());
    const round = async () => {
      const groups = await Promise.all(['a', 'b', 'c', 'd'].map((group) => openOneOfEach(own, group)));
      await callThrough(own, groups[0] ?? []);
      const roles = groups.flat();
      // The workers first: one whose Master closes beside it waits for that a while.
      for (const isTurn of [isWorker, (role: RunningRole) => !isWorker(role)]) {
        const closing = roles.filter(isTurn).map((role) => role.close());
        await within(5_000, Promise.all(closing), 'closing');
      }
    };
    // What ZeroMQ makes once is no leak.
    await round();
    const before = await settled();
    for (let i = 0; i < ROUNDS[name]; i++) await round();
    expect(await leftovers(before)).toEqual({});
    // Nor is what is compiled meanwhile.
    const heapBefore = await megabytes();
    for (let i = 0; i < ROUNDS[name]; i++) await round();
    expect(await leftovers(before)).toEqual({});
    expect((await megabytes()) - heapBefore).toBeLessThan(REMAINS);
  }, 120_000);

  it('leave nothing when they close while calls are under way', async () => {
    const own = scene(make());
    const before = held();
    const functions = { hang: () => new Promise<Uint8Array>(() => {}) };
    const server = (await own.start({ role: 'server', name: 'server', functions })) as Addressed;
    const master = (await own.start({ role: 'master', name: 'master' })) as Addressed;
    const { transport } = own;
    const worker = await Worker.start({
      transport,
      dbAddress: master.dbAddress,
      functions,
      loggingLevel: 'silent',
    });
    const calls: Promise<unknown>[] = [];
    const clients: Client[] = [];
    for (const [path, { dbAddress }] of [
      ['server.hang', server],
      ['master.hang', master],
    ] as const) {
      const client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent' });
      clients.push(client);
      for (let i = 0; i < 100; i++) calls.push(client.eval(path, bytes('x')).catch(() => {}));
    }
    await within(
      3_000,
      until(() => server.counters.inFlight === 1 && worker.counters.inFlight === 1),
    );
    const closing = [server, master, worker].map((role) => role.close({ timeout: 100 }));
    await within(3_000, Promise.all(closing), 'closing');
    await within(3_000, Promise.all(clients.map((client) => client.close())), 'closing');
    await within(3_000, Promise.all(calls));
    expect(await leftovers(before)).toEqual({});
  });

  it('leave nothing when the Master is gone and its worker closes', async () => {
    const own = scene(make());
    const before = held();
    const master = (await own.start({ role: 'master', name: 'master' })) as Addressed;
    const { dbAddress } = master;
    const worker = await Worker.start({ transport: own.transport, dbAddress, loggingLevel: 'silent' });
    await within(3_000, master.close());
    await within(3_000, worker.close());
    expect(await leftovers(before)).toEqual({});
  });

  it('leave nothing when a worker finds no Master in time', async () => {
    const own = scene(make());
    const before = held();
    const gone = (await own.start({ role: 'server', name: 'server' })) as Addressed;
    const { dbAddress } = gone;
    await gone.close();
    const start = Worker.start({ transport: own.transport, dbAddress, loggingLevel: 'silent', timeout: 100 });
    await expect(start).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await leftovers(before)).toEqual({});
  });

  it('leave nothing when one of their addresses is taken', async () => {
    const own = scene(make());
    const taken = (await own.start({ role: 'server', name: 'server' })) as Addressed;
    const before = held();
    const previous = { subAddress: taken.pubAddress, previous: 'server' };
    const several = { subAddresses: [taken.pubAddress], previous: ['server'] };
    const bound = {
      server: { keys: ['dbAddress', 'pullAddress', 'pubAddress'] },
      pipeline: { keys: ['dbAddress', 'pubAddress'], ...previous },
      sink: { keys: ['dbAddress', 'pubAddress'], ...several },
      hub: { keys: ['dbAddress', 'pubAddress', 'workerPullAddress', 'workerPushAddress'], ...previous },
      master: {
        keys: ['dbAddress', 'pullAddress', 'pubAddress', 'workerPullAddress', 'workerPushAddress'],
      },
    };
    for (const [role, { keys, ...rest }] of Object.entries(bound)) {
      for (const key of keys) {
        const starting = own.start({ role, name: 'other', ...rest, [key]: taken.dbAddress });
        await expect(starting, `${role} ${key}`).rejects.toMatchObject({ code: 'INVALID_CALL' });
      }
    }
    expect(await leftovers(before)).toEqual({});
    await taken.close();
  });
});
