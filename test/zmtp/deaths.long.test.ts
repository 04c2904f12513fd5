/** Workers over zmtp that are killed, compute for long, or lose their link for a moment. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Master, Worker } from '../../src/cluster/index.ts';
import { type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { testCluster } from '../support/cluster.ts';
import { startScript } from '../support/processes.ts';
import { startProxy } from '../support/proxy.ts';
import { within } from '../support/wait.ts';

const MORTAL = fileURLToPath(new URL('../cluster/mortal-process.ts', import.meta.url));

/** Heartbeats so slow that no test can end by one. */
const NEVER: ZmtpOptions = { heartbeatInterval: 3_600_000 };

describe.each<[string, ZmtpOptions]>([
  ['links that never beat', NEVER],
  ['links that beat quickly', { heartbeatInterval: 100 }],
])('a Master with %s', (_, options) => {
  const cluster = testCluster(() => ({ transport: zmtp(options), any: 'tcp://127.0.0.1:*' }));

  async function open(heartbeat: number, workerTimeout = 30_000) {
    const { start, connect, own } = cluster();
    const master = await start<Master>({ role: 'master', name: 'master', heartbeat, workerTimeout });
    const mortal = async () => {
      const worker = await startScript(MORTAL, [master.dbAddress, JSON.stringify(options)]);
      const close = () => {
        worker.signal('SIGKILL');
        return worker.ended;
      };
      return own({ ...worker, close });
    };
    return { master, mortal, start, client: await connect({ dbAddress: master.dbAddress }) };
  }

  it.runIf(process.platform === 'linux')(
    'has what a killed one held done by another at once',
    async () => {
      // No clock of the Master's ends within this test.
      const { master, mortal, client, start } = await open(3_600_000, 3 * 3_600_000);
      const killed = await mortal();
      const call = client.eval('master.hold', bytes('x'));
      await killed.prints('holds');
      await start<Worker>({
        role: 'worker',
        dbAddress: master.dbAddress,
        functions: { hold: (payload) => payload },
      });
      killed.signal('SIGKILL');
      expect(textOf(await within(10_000, call))).toBe('x');
    },
    40_000,
  );

  it('waits for a function that computes for many heartbeats, and runs it once', async () => {
    const { master, mortal, client } = await open(200);
    const crew = await Promise.all([mortal(), mortal()]);
    expect(textOf(await within(15_000, client.eval('master.spin', bytes('2500'))))).toBe('2500');
    expect(crew.flatMap(({ lines }) => lines.filter((line) => line === 'spins'))).toEqual(['spins']);
    expect(master.counters).toMatchObject({ answered: 1, failed: 0, inFlight: 0 });
  }, 40_000);

  it('runs no message twice when the links of its workers break for 200 ms', async () => {
    const { master, start, client } = await open(5_000);
    await using proxy = await startProxy(master.dbAddress);
    const runs = new Map<string, number>();
    const begun = deferred<void>();
    const gate = deferred<void>();
    const hold = async (payload: Uint8Array) => {
      const text = textOf(payload);
      runs.set(text, (runs.get(text) ?? 0) + 1);
      if (runs.size === 4) begun.resolve();
      await gate.promise;
      return payload;
    };
    const worker = { role: 'worker', dbAddress: proxy.address, functions: { hold }, concurrency: 4 } as const;
    await start<Worker>(worker);
    const calls = [1, 2, 3, 4].map((i) => client.eval('master.hold', bytes(String(i))));
    await within(5_000, begun.promise);
    // Another one has nothing to do and would take them.
    await start<Worker>({ ...worker, dbAddress: master.dbAddress });
    for (let i = 0; i < 3; i++) {
      proxy.freeze();
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 200));
      proxy.thaw();
      expect(textOf(await within(5_000, client.eval('master.echo', bytes('x'))))).toBe('x');
    }
    gate.resolve();
    expect((await within(10_000, Promise.all(calls))).map(textOf)).toEqual(['1', '2', '3', '4']);
    expect([...runs.values()]).toEqual([1, 1, 1, 1]);
    expect(client.unclaimed).toBe(0);
  }, 40_000);
});
