/** Workers that reach a Master through a relay. */
import { type Master, Worker, type WorkerOptions } from '../../../src/cluster/index.ts';
import type { RelayIdentity } from '../../../transports/relay/options.ts';
import { type TestGround, testCluster } from '../../support/cluster.ts';
import { connect, EVERYTHING, startRelay, TOKEN, toRelay } from '../../support/relay.ts';
import { startWire } from '../../support/wire.ts';

/** Milliseconds that a worker is waited for which is not to come back, and that one may be away under a burden. */
export const SHORT = 200;
export const LONG = 10_000;

export function scene(make: () => TestGround) {
  const open = testCluster(make);
  return async (
    identity: () => RelayIdentity | undefined = () => EVERYTHING,
    resumeWindow = SHORT,
    heartbeat = 2_000,
  ) => {
    const cluster = open();
    const master = await cluster.start<Master>({ role: 'master', name: 'master', heartbeat });
    const { dbAddress } = master;
    const relay = cluster.own(
      await startRelay({
        transport: cluster.transport,
        servers: { master: { dbAddress } },
        authenticate: (token) => (token === TOKEN ? EVERYTHING : identity()),
        limits: { resumeWindow },
      }),
    );
    const startWorker = async (url = relay.url, options: Partial<WorkerOptions> = {}) =>
      cluster.own(
        await Worker.start({
          transport: toRelay(url),
          dbAddress: 'master',
          loggingLevel: 'silent',
          timeout: 10_000,
          ...options,
        }),
      );
    const client = async () => cluster.own(await connect(relay.url, { serverName: 'master' }));
    const wire = async () => cluster.own(await startWire(relay.port));
    return { cluster, master, relay, startWorker, client, wire };
  };
}

export const received = (workers: readonly Worker[]) =>
  workers.map(({ counters }) => counters.received).reduce((sum, count) => sum + count);
