/** Two relays beside each other, behind a balancer, with one server behind both. */
import type { Server } from '../../../src/cluster/index.ts';
import type { Client } from '../../../src/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import { type Balancer, startBalancer } from '../../support/balancer.ts';
import { type TestCluster, testCluster } from '../../support/cluster.ts';
import { freeAddress, portOf } from '../../support/ports.ts';
import { connect, type RunningRelay, startRelay, type TestRelayOptions } from '../../support/relay.ts';
import { dial, type PeerOptions, type RawPeer } from '../../support/relay-peer.ts';

export const KEY = 'a key that two relays share and nobody else';

/** What `/metrics` of a relay says of one outcome; 0 where there was none. */
export async function outcome(relay: RunningRelay, name: string, of: string): Promise<number> {
  const value = await relay.figure(`${name}{outcome="${of}"}`);
  return Number.isNaN(value) ? 0 : value;
}

export const passed = (relay: RunningRelay, of: string) => outcome(relay, 'passed_sessions_total', of);
export const taken = (relay: RunningRelay, of: string) => outcome(relay, 'peer_connections_total', of);

export type Name = 'a' | 'b';

export interface Beside {
  readonly cluster: TestCluster;
  readonly server: Server;
  readonly balancer: Balancer;
  readonly relays: Record<Name, RunningRelay>;
  readonly ports: Readonly<Record<Name, number>>;
  /** Starts a relay again where it was. */
  restart(name: Name): Promise<void>;
  /** Sends all further connections to one relay, or to any. */
  lead(to: Name | 'any'): void;
  connect(): Promise<Client>;
  dial(name: Name, options?: PeerOptions): Promise<RawPeer>;
}

export type Others = Partial<Omit<TestRelayOptions, 'port'>>;

/** What a relay has beside the usual. */
export type Each = (name: Name, ports: Readonly<Record<Name, number>>) => Others;

export function relaysBeside(): (functions?: object, each?: Each) => Promise<Beside> {
  const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
  return async (functions = {}, each = () => ({})) => {
    const cluster = open();
    const server = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions: functions as Record<string, (payload: Uint8Array) => Uint8Array>,
      concurrency: 64,
    });
    const ports = { a: portOf(await freeAddress()), b: portOf(await freeAddress()) };
    const start = async (name: Name) => {
      const other = name === 'a' ? 'b' : 'a';
      return cluster.own(
        await startRelay({
          transport: cluster.transport,
          servers: { server: { dbAddress: server.dbAddress } },
          peers: { id: name, key: KEY, urls: { [other]: `ws://127.0.0.1:${ports[other]}/` } },
          ...each(name, ports),
          port: ports[name],
        }),
      );
    };
    const relays = { a: await start('a'), b: await start('b') };
    const balancer = await startBalancer([ports.a, ports.b]);
    cluster.own({ close: async () => balancer[Symbol.asyncDispose]() });
    return {
      cluster,
      server,
      balancer,
      relays,
      ports,
      restart: async (name) => {
        relays[name] = await start(name);
      },
      lead: (to) => {
        balancer.pick =
          to === 'any' ? (count) => Math.floor(Math.random() * count) : () => (to === 'a' ? 0 : 1);
      },
      connect: async () => cluster.own(await connect(balancer.url)),
      dial: async (name, options) => cluster.own(await dial(relays[name].url, options)),
    };
  };
}
