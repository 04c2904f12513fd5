/** Clients that come and go leave nothing behind, in the relay and on their side. */
import { describe, expect, it } from 'vitest';
import { type Server, Worker } from '../../../src/cluster/index.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { grounds, testCluster } from '../../support/cluster.ts';
import { leftovers, megabytes, settled } from '../../support/leftovers.ts';
import { connect, startRelay, toRelay } from '../../support/relay.ts';
import { until, within } from '../../support/wait.ts';
import { startWire } from '../../support/wire.ts';

const ROUNDS = { memory: 3, zeromq: 10, zmtp: 10 };
const CLIENTS = 20;
/** Mebibytes that all rounds may leave: a session that is not let go holds more than that in its codecs and buffers alone. */
const REMAINS = 3;

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe.each(grounds)('a relay to %s', (name, make) => {
  const open = testCluster(make);

  const openAll = async () => {
    const cluster = open();
    const { dbAddress } = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions: { never: () => new Promise<Uint8Array>(() => {}) },
      concurrency: 1_000,
    });
    const master = await cluster.start<Server>({ role: 'master', name: 'master' });
    const before = await settled();
    const relay = await startRelay({
      transport: cluster.transport,
      servers: { server: { dbAddress }, master: { dbAddress: master.dbAddress } },
      limits: { resumeWindow: 100 },
    });
    return { relay, before };
  };

  const isEmpty = async (relay: Awaited<ReturnType<typeof startRelay>>) => {
    const figures = ['connections', 'sessions', 'held_bytes'];
    const now = async () => Promise.all(figures.map((figure) => relay.figure(figure)));
    while ((await now()).some((count) => count > 0)) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it(`has nothing of 20 clients and a worker that came and went ${ROUNDS[name]} times`, async () => {
    const { relay, before } = await openAll();
    const round = async () => {
      const clients = await Promise.all(times(CLIENTS, () => connect(relay.url)));
      const worker = await Worker.start({
        transport: toRelay(relay.url),
        dbAddress: 'master',
        loggingLevel: 'silent',
      });
      const answers = clients.map((client, i) => client.eval('server.echo', bytes(`${i}`)));
      expect((await within(5_000, Promise.all(answers))).map(textOf)).toEqual(times(CLIENTS, (i) => `${i}`));
      const hanging = clients.map((client) => client.eval('server.never', bytes('x')).catch(() => {}));
      await within(5_000, Promise.all(clients.map((client, i) => client.set(bytes('v'), `${i % 4}`))));
      await within(5_000, Promise.all([...clients, worker].map((one) => one.close())), 'closing');
      await within(2_000, Promise.all(hanging));
      await within(2_000, isEmpty(relay), 'the relay to forget');
    };
    for (let i = 0; i < 2; i++) await round();
    const between = await settled();
    const heap = await megabytes();
    for (let i = 0; i < ROUNDS[name]; i++) await round();
    expect(await leftovers(between)).toEqual({});
    expect((await megabytes()) - heap).toBeLessThan(REMAINS);
    await relay.close();
    expect(await leftovers(before)).toEqual({});
  }, 40_000);

  it('has nothing of clients that vanished', async () => {
    const { relay, before } = await openAll();
    const wire = await startWire(relay.port);
    // What is made once stays.
    await (await connect(relay.url)).close();
    const between = await settled();
    const clients = await Promise.all(times(CLIENTS, () => connect(wire.url)));
    const calls = clients.map((client) => client.eval('server.never', bytes('x')).catch(() => {}));
    wire.isOpen = false;
    wire.cut('rst');
    await within(3_000, isEmpty(relay), 'the relay to forget');
    await within(3_000, Promise.all(calls), 'the failures');
    await within(3_000, Promise.all(clients.map((client) => client.close())), 'closing');
    await until(() => wire.live === 0);
    expect(await leftovers(between)).toEqual({});
    await wire.close();
    await relay.close();
    expect(await leftovers(before)).toEqual({});
  }, 40_000);
});
