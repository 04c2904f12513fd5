/** A server, a relay and a real client that must get its answers whatever others do. */
import { expect } from 'vitest';
import type { PalmFunctions, Server } from '../../../src/cluster/index.ts';
import type { Client } from '../../../src/index.ts';
import { memory } from '../../../transports/memory/index.ts';
import type { RelayIdentity, RelayOptions } from '../../../transports/relay/options.ts';
import { bytes, textOf } from '../../bytes.ts';
import { testCluster } from '../../cluster/ground.ts';
import { within } from '../../wait.ts';
import { connect, EVERYTHING, startRelay, TOKEN } from '../life/ground.ts';
import { type Greeting, Naughty } from './naughty.ts';

const COMMON = { servers: ['server'], functions: ['server.*'] };

/** By token. */
export const IDENTITIES: Readonly<Record<string, RelayIdentity>> = {
  [TOKEN]: EVERYTHING,
  none: { ...COMMON, name: 'none', cache: 'none' },
  read: { ...COMMON, name: 'reader', cache: 'read' },
  alice: { ...COMMON, name: 'alice', cache: 'session' },
  alice2: { ...COMMON, name: 'alice2', cache: 'session' },
};

export type SceneOptions = Partial<RelayOptions> & { readonly functions?: PalmFunctions };

/** To be called once in each file. */
export function scenes() {
  const open = testCluster(() => ({ transport: memory(), any: 'memory://*' }));
  return async ({ functions = {}, ...options }: SceneOptions = {}) => {
    const cluster = open();
    const server = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions,
      concurrency: 64,
    });
    const relay = cluster.own(
      await startRelay({
        transport: cluster.transport,
        servers: { server: { dbAddress: server.dbAddress } },
        authenticate: (token) =>
          Object.hasOwn(IDENTITIES, token ?? '') ? IDENTITIES[token ?? ''] : undefined,
        ...options,
      }),
    );
    const client = cluster.own(await connect(relay.url));
    return {
      cluster,
      server,
      relay,
      client,
      enter: async (greeting?: Greeting) => cluster.own(await Naughty.enter(relay.url, greeting)),
      dial: async (headers?: Readonly<Record<string, string>>) =>
        cluster.own(await Naughty.dial(relay.url, headers)),
      alive: () => expectAlive(client),
    };
  };
}

let times = 0;

/** Calls and keys work. */
export async function expectAlive(client: Client): Promise<void> {
  const text = `alive ${++times}`;
  expect(textOf(await within(3_000, client.eval('server.echo', bytes(text)), 'the answer'))).toBe(text);
  expect(await within(3_000, client.set(bytes(text), 'alive'), 'setting')).toBe('alive');
  expect(textOf((await within(3_000, client.get('alive'), 'getting')) ?? bytes(''))).toBe(text);
}
