/** pylm's own client, unmodified, on frond's server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { runClient } from './pylm.ts';
import { transportHere } from './transport.ts';

describe('stock pylm client on a frond Server', () => {
  let server: Server;
  let client: Client;

  beforeAll(async () => {
    const any = 'tcp://127.0.0.1:*';
    server = await Server.start({
      transport: transportHere(),
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
      functions: {
        upper: (payload) => bytes(textOf(payload).toUpperCase()),
        boom: () => {
          throw new Error('boom was called');
        },
        cache: (_payload, { message }) => bytes(message.cache),
      },
    });
    client = await Client.connect({
      transport: transportHere(),
      dbAddress: server.dbAddress,
      loggingLevel: 'silent',
    });
  });

  afterAll(async () => {
    await client?.close();
    await server?.close();
  });

  const pylm = <T>(...args: string[]) =>
    runClient<T>(['--server', 'server', '--db', server.dbAddress, ...args]);
  const hex = (text: string) => Buffer.from(text).toString('hex');

  it('evals', async () => {
    expect(await pylm('eval', 'server.upper', '--payload', 'hello')).toMatchObject({
      results: [hex('HELLO')],
    });
    expect(await pylm('eval', 'server.cache', '--cache', 'mine')).toMatchObject({ results: [hex('mine')] });
  });

  it('runs a job, getting one envelope at a time', async () => {
    const { results } = await pylm<{ results: string[] }>('job', 'server.echo', '--count', '2000');
    expect(results).toEqual(Array.from({ length: 2_000 }, (_, i) => hex(String(i))));
  });

  it('sees a failed, missing or misnamed function as it always did: 0', async () => {
    for (const path of ['server.boom', 'server.missing', 'other.upper', 'nodot']) {
      expect(await pylm('eval', path, '--payload', 'x')).toMatchObject({ results: [hex('0')] });
    }
    expect(textOf(await client.eval('server.upper', bytes('alive')))).toBe('ALIVE');
  });

  it('shares the cache', async () => {
    expect(await pylm('set', 'value', 'k')).toMatchObject({ key: 'k' });
    expect(textOf((await client.get('k')) ?? bytes(''))).toBe('value');
    await client.set(bytes('from node'), 'n');
    expect(await pylm('get', 'n')).toMatchObject({ result: hex('from node') });
    expect(await pylm('get', 'absent')).toMatchObject({ result: '' });
    const { key } = await pylm<{ key: string }>('set', 'random');
    expect(textOf((await client.get(key)) ?? bytes(''))).toBe('random');
    expect(await pylm('delete', 'k')).toMatchObject({ result: hex('k') });
    expect(await client.get('k')).toBeUndefined();
  });

  it('does with it what kills a pylm server, and it goes on', async () => {
    await pylm('delete', 'absent');
    await pylm('set', 'evil', 'pull_address');
    const garbage = [
      'ff',
      '00',
      '0aff',
      '32ffffffff0f78',
      '4b4b4b',
      hex('not protobuf at all'),
      '22036e6f64',
    ];
    const requests = garbage.filter((frame) => frame !== '');
    expect(
      await runClient(['raw', 'req', server.dbAddress, ...requests.map((frame) => `hex:${frame}`)]),
    ).toMatchObject({
      replies: requests.map(() => ['']),
    });
    await runClient(['raw', 'push', server.pullAddress, ...garbage.map((frame) => `hex:${frame}`)]);
    expect(textOf(await client.eval('server.upper', bytes('alive')))).toBe('ALIVE');
    const other = await Client.connect({ transport: transportHere(), dbAddress: server.dbAddress });
    expect(textOf(await other.eval('server.upper', bytes('alive')))).toBe('ALIVE');
    await other.close();
    expect(server.counters.dropped).toBeGreaterThan(0);
  });
});
