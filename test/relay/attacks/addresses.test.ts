/** No client is shown an address: names stand in their place, also in what goes wrong. */
import { describe, expect, it } from 'vitest';
import { Hub, Master, Pipeline, Server, Sink } from '../../../src/cluster/index.ts';
import type { BindingTransport } from '../../../src/transport.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { UpstreamTarget } from '../../../transports/relay/options.ts';
import { Type } from '../../../transports/relay-protocol/frames.ts';
import { zeromq } from '../../../transports/zeromq/index.ts';
import { type Besieged, functions, testRelays } from '../../support/besieged-relay.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { envelope, type RawPeer } from '../../support/relay-peer.ts';

const besieged = testRelays();
const transports = { memory, zeromq } as const;

const keys = ['db_address', 'pull_address', 'pub_address', 'sub_address', 'sub_address_0', 'sub_address_1'];
const ofWorkers = ['worker_push_address', 'worker_pull_address'];

const ADDRESS = /memory:|tcp:|127\.0\.0\.1|ipc:|\*/;

async function read(peer: RawPeer, server: string, key: string, id: number, features = 0): Promise<string> {
  const frame = envelope({ client: peer.id, function: '_.get', payload: bytes(key), features });
  const end = await peer.ask(id, server, frame);
  return typeof end === 'string' ? end : textOf(end);
}

describe('what servers say of themselves', () => {
  it.each(Object.keys(transports) as (keyof typeof transports)[])('is names, over %s', async (kind) => {
    const transport: BindingTransport = transports[kind]();
    const any = kind === 'memory' ? 'memory://*' : 'tcp://127.0.0.1:*';
    const bound = { transport, functions, loggingLevel: 'silent', dbAddress: any, pubAddress: any } as const;
    const distributing = { workerPullAddress: any, workerPushAddress: any };
    const first = await Master.start({ ...bound, ...distributing, name: 'first', pullAddress: any });
    const { pubAddress } = first;
    const roles = {
      first,
      hub: await Hub.start({
        ...bound,
        ...distributing,
        name: 'hub',
        subAddress: pubAddress,
        previous: 'first',
      }),
      pipeline: await Pipeline.start({
        ...bound,
        name: 'pipeline',
        subAddress: pubAddress,
        previous: 'first',
      }),
      sink: await Sink.start({ ...bound, name: 'sink', subAddresses: [pubAddress], previous: ['first'] }),
    };
    const servers: Record<string, UpstreamTarget> = {};
    for (const [name, { dbAddress }] of Object.entries(roles)) servers[name] = { dbAddress };
    const relay = await besieged({ transport, servers });
    for (const role of Object.values(roles)) relay.own(role);
    await relay.meanwhile(async () => {
      const peer = await relay.peer();
      let id = 0;
      for (const name of ['server', ...Object.keys(roles)]) {
        for (const features of [0, 2]) {
          for (const key of [...keys, ...ofWorkers, 'any_address']) {
            expect(await read(peer, name, key, ++id, features)).not.toMatch(ADDRESS);
          }
          const status = await read(peer, name, 'frond_status', ++id, features);
          expect(status).toContain(`"${name}"`);
          expect(status).not.toMatch(ADDRESS);
        }
        expect(await read(peer, name, 'pub_address', ++id)).toBe(name);
      }
      expect(await read(peer, 'first', 'worker_pull_address', ++id)).toBe('first/results');
    });
  });
});

describe('what goes wrong', () => {
  it.each(Object.keys(transports) as (keyof typeof transports)[])(
    'is told by names, over %s',
    async (kind) => {
      const transport: BindingTransport = transports[kind]();
      const relay = await besieged({ transport });
      const doomed = await startDoomed(relay, transport);
      const more = await besieged({ transport, servers: targetsOf(doomed) });
      const said: string[] = [];
      await more.meanwhile(async () => {
        const peer = await more.peer();
        await peer.openCalls('doomed');
        peer.send(
          [Type.open, 3, 1, 'doomed/results', ''],
          [Type.open, 4, 3, 'doomed', ''],
          [Type.open, 5, 3, 'nowhere', ''],
        );
        await peer.next((frame) => frame[0] === Type.refused && frame[1] === 5);
        // Under way when the server goes, and after.
        peer.send([
          Type.request,
          1,
          'doomed',
          envelope({ client: peer.id, function: '_.get', payload: bytes('k') }),
        ]);
        await doomed.close({ timeout: 0 });
        for (const channel of [1, 2])
          await peer.next((frame) => frame[0] === Type.broken && frame[1] === channel);
        peer.send([
          Type.request,
          2,
          'mute',
          envelope({ client: peer.id, function: '_.get', payload: bytes('k') }),
        ]);
        await peer.next((frame) => frame[0] === Type.failed && frame[1] === 2);
        said.push(...peer.frames.map((frame) => JSON.stringify(frame)));
      });
      expect(said.join('\n')).toContain('doomed');
      expect(said.join('\n')).not.toMatch(ADDRESS);
    },
  );
});

async function startDoomed(relay: Besieged, transport: BindingTransport): Promise<Server> {
  const any = transport.name === 'memory' ? 'memory://*' : 'tcp://127.0.0.1:*';
  const addresses = { dbAddress: any, pullAddress: any, pubAddress: any };
  return relay.own(
    await Server.start({ transport, name: 'doomed', functions, loggingLevel: 'silent', ...addresses }),
  );
}

/** `nowhere` has its workers where something else is, `mute` has no cache that the relay would know. */
function targetsOf({ dbAddress, pullAddress, pubAddress }: Server): Record<string, UpstreamTarget> {
  return {
    doomed: { dbAddress },
    nowhere: { dbAddress, workerPushAddress: pubAddress },
    mute: { pushAddress: pullAddress, subAddress: pubAddress },
  };
}
