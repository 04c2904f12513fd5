/** Addresses that are left out: free ones beside the one that is given. */
import { expect, it } from 'vitest';
import { Hub, Master, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { freeZeromqAddress } from '../../transports/shared/zeromq-address.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { loopback } from '../support/loopback.ts';

const quiet = { loggingLevel: 'silent' } as const;

it.each([
  ['zmtp', zmtp, /^tcp:\/\/127\.0\.0\.1:\d+$/],
  ['memory', memory, /^memory:\/\/./],
] as const)('a role of %s has all addresses of its own, on loopback', async (_name, transportOf, pattern) => {
  const own = { transport: transportOf(), ...quiet };
  await using server = await Server.start({ ...own, name: 'server', pipelined: true });
  const previous = { previous: 'server', previousDbAddress: server.dbAddress };
  await using pipeline = await Pipeline.start({ ...own, ...previous, name: 'pipeline' });
  await using master = await Master.start({ ...own, name: 'master' });
  await using hub = await Hub.start({ ...own, ...previous, name: 'hub' });
  await using sink = await Sink.start({
    ...own,
    name: 'sink',
    previous: ['server'],
    previousDbAddresses: [server.dbAddress],
  });
  const { dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress } = master;
  const masters = [dbAddress, pullAddress, pubAddress, workerPullAddress, workerPushAddress];
  const others = [server.dbAddress, server.pullAddress, server.pubAddress, pipeline.pubAddress];
  const all = [...masters, ...others, hub.pubAddress, hub.workerPullAddress, hub.dbAddress, sink.pubAddress];
  for (const address of all) expect(address).toMatch(pattern);
  expect(new Set(all).size).toBe(all.length);
  await using _worker = await Worker.start({ ...own, dbAddress });
  await using client = await Client.connect({ ...own, dbAddress });
  expect(await client.with(text()).eval('master.echo', 'hi')).toBe('hi');
});

it('lie on the host of the dbAddress, and beside its path', () => {
  expect(freeZeromqAddress()).toBe('tcp://127.0.0.1:*');
  expect(freeZeromqAddress('tcp://0.0.0.0:5555')).toBe('tcp://0.0.0.0:*');
  expect(freeZeromqAddress('tcp://[::1]:5555')).toBe('tcp://[::1]:*');
  expect(freeZeromqAddress('ipc://*')).toBe('ipc://*');
  const beside = freeZeromqAddress('ipc:///tmp/frond');
  expect(beside).toMatch(/^ipc:\/\/\/tmp\/frond\.\S{8}$/);
  expect(freeZeromqAddress('ipc:///tmp/frond')).not.toBe(beside);
});

it('a transport that chooses none needs each of them', async () => {
  const own = { transport: loopback(), ...quiet, name: 'server' };
  const refused = (what: string) => ({
    code: 'INVALID_CALL',
    message: expect.stringContaining(`${what} must be`),
  });
  await expect(Server.start(own)).rejects.toMatchObject(refused('dbAddress'));
  await expect(Server.start({ ...own, dbAddress: 'loop:db' })).rejects.toMatchObject(refused('pullAddress'));
});

it('a dbAddress that cannot be read is what is refused', async () => {
  const own = { transport: zmtp(), ...quiet, name: 'server' };
  for (const dbAddress of ['127.0.0.1:5555', 5 as never]) {
    const refused = { code: 'INVALID_CALL', message: expect.stringContaining('tcp://host:port') };
    await expect(Server.start({ ...own, dbAddress })).rejects.toMatchObject(refused);
  }
});
