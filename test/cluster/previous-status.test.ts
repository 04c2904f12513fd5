/** What servers say of where their messages come from, where their addresses are hidden as well. */
import { expect, it } from 'vitest';
import { Hub, Pipeline, Server, Sink } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';

it('a Pipeline, Sink and Hub publish which servers they take from, and a Server publishes none', async () => {
  const transport = memory();
  const place = (name: string) => ({
    transport,
    name,
    dbAddress: `memory://${name}`,
    pubAddress: `memory://${name}/results`,
    loggingLevel: 'silent' as const,
  });
  await using first = await Server.start({ ...place('first'), pullAddress: 'memory://first/calls' });
  const subAddress = first.pubAddress;
  await using second = await Pipeline.start({ ...place('second'), subAddress, previous: 'first' });
  await using hub = await Hub.start({
    ...place('hub'),
    subAddress,
    previous: 'first',
    workerPullAddress: 'memory://hub/done',
    workerPushAddress: 'memory://hub/work',
  });
  await using sink = await Sink.start({
    ...place('sink'),
    subAddresses: [second.pubAddress, hub.pubAddress],
    previous: ['second', 'hub'],
  });
  const previousOf = async (dbAddress: string): Promise<unknown> => {
    await using client = await Client.connect({ transport, dbAddress });
    return JSON.parse((await client.with(text()).get('frond_status')) ?? '').previous;
  };
  expect(await previousOf(first.dbAddress)).toBeUndefined();
  expect(await previousOf(second.dbAddress)).toEqual(['first']);
  expect(await previousOf(hub.dbAddress)).toEqual(['first']);
  expect(await previousOf(sink.dbAddress)).toEqual(['second', 'hub']);
});
