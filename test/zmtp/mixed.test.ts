/** Clusters of which some parts are native and some are not: nobody can tell. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Hub,
  type Master,
  type RoleDefinition,
  type Server,
  startRole,
} from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';

const transports = { zeromq: () => zeromq(), zmtp: () => zmtp() };
type Kind = keyof typeof transports;

let closables: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const closable of closables.reverse()) await within(5_000, closable.close(), 'closing');
  closables = [];
});

async function start<R extends { close(): Promise<unknown> }>(
  kind: Kind,
  definition: RoleDefinition,
): Promise<R> {
  const role = await startRole({ loggingLevel: 'silent', ...definition }, transports[kind]());
  closables.push(role);
  return role as unknown as R;
}

async function connect(kind: Kind, dbAddress: string, subAddress?: string): Promise<Client> {
  const options = {
    transport: transports[kind](),
    dbAddress,
    timeout: 10_000,
    loggingLevel: 'silent',
  } as const;
  const client = await Client.connect({ ...options, ...(subAddress !== undefined && { subAddress }) });
  closables.push(client);
  return client;
}

const any = 'tcp://127.0.0.1:*';
const bound = { dbAddress: any, pubAddress: any };
const forWorkers = { workerPullAddress: any, workerPushAddress: any };
const functions = { upper: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()) };
const COUNT = 3_000;

async function works(client: Client, path: string): Promise<void> {
  const sent = Array.from({ length: COUNT }, (_, i) => `message ${i}`);
  const results: string[] = [];
  for await (const result of client.map(path, sent.map(bytes))) results.push(textOf(result));
  expect(results).toEqual(sent.map((text) => text.toUpperCase()));
  await client.set(bytes('value'), 'key');
  expect(textOf((await client.get('key')) ?? bytes(''))).toBe('value');
}

describe.each([
  ['zeromq', 'zmtp', 'zmtp'],
  ['zmtp', 'zeromq', 'zeromq'],
  ['zmtp', 'zeromq', 'zmtp'],
  ['zeromq', 'zmtp', 'zeromq'],
] as const)('servers on %s, workers on %s, clients on %s', (serving, working, asking) => {
  it('a Server', async () => {
    const server = await start<Server>(serving, {
      role: 'server',
      name: 's',
      ...bound,
      pullAddress: any,
      functions,
    });
    await works(await connect(asking, server.dbAddress), 's.upper');
  });

  it.each([false, true])('a Master with workers that ask (or are pushed to: %s)', async (isPushed) => {
    const master = await start<Master>(serving, {
      role: 'master',
      name: 'm',
      ...bound,
      ...forWorkers,
      pullAddress: any,
    });
    const addresses = { pushAddress: master.workerPushAddress, pullAddress: master.workerPullAddress };
    for (let i = 0; i < 2; i++) {
      await start(working, {
        role: 'worker',
        dbAddress: master.dbAddress,
        functions,
        ...(isPushed && addresses),
      });
    }
    await works(await connect(asking, master.dbAddress), 'm.upper');
  });

  it('a Hub behind a Server', async () => {
    const first = await start<Server>(working, {
      role: 'server',
      name: 'first',
      ...bound,
      pullAddress: any,
      pipelined: true,
      functions: { same: (payload) => payload },
    });
    const hub = await start<Hub>(serving, {
      role: 'hub',
      name: 'hub',
      ...bound,
      ...forWorkers,
      subAddress: first.pubAddress,
      previous: 'first',
    });
    await within(5_000, hub.ready());
    await start(working, { role: 'worker', dbAddress: hub.dbAddress, functions });
    const client = await connect(asking, first.dbAddress, hub.pubAddress);
    const result = await within(10_000, client.eval(['first.same', 'hub.upper'], bytes('through')));
    expect(textOf(result)).toBe('THROUGH');
  });
});
