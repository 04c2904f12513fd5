/** The memory transport: what it opens, and what it refuses. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BindingConnection } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { within } from '../../../support/wait.ts';

let opened: BindingConnection[] = [];
afterEach(async () => {
  for (const connection of opened) await connection.close({ timeout: 0 });
  opened = [];
});

async function open(transport = memory()) {
  const connection = await transport.open();
  opened.push(connection);
  return connection;
}

describe('the transport', () => {
  it('has a name, reads its addresses, and knows free ones', () => {
    const transport = memory();
    expect([transport.name, transport.freeAddress?.(), transport.freeAddress?.('memory://a')]).toEqual([
      'memory',
      'memory://*',
      'memory://*',
    ]);
    expect(() => transport.checkAddress('memory://a')).not.toThrow();
    expect(() => transport.checkAddress('tcp://127.0.0.1:1')).toThrow(/memory:\/\/name/);
  });

  it('is a network of its own each time', async () => {
    const [one, other] = [await open(), await open()];
    for (const connection of [one, other]) await connection.bindPull('memory://a');
    const transport = memory();
    await (await open(transport)).bindPull('memory://a');
    await expect((await open(transport)).bindPull('memory://a')).rejects.toMatchObject({
      code: 'INVALID_CALL',
    });
  });
});

describe('a connection', () => {
  it('asks one address over one link, and each address over its own', async () => {
    const transport = memory();
    const [server, client] = [await open(transport), await open(transport)];
    const links = new Map<string, Set<unknown>>();
    for (const name of ['memory://a', 'memory://b'])
      await server.bindReply(name, (request, { link }) => {
        links.set(name, (links.get(name) ?? new Set()).add(link));
        return request;
      });
    for (const name of ['memory://a', 'memory://a', 'memory://b'])
      expect(textOf(await within(2_000, client.request(name, bytes(name)).reply))).toBe(name);
    const [a, b] = [...links.values()].map((own) => [...own]);
    expect([a?.length, b?.length]).toEqual([1, 1]);
    expect(a?.[0]).not.toBe(b?.[0]);
  });

  it('refuses topics and addresses that are none, and all of them when it is closed', async () => {
    const connection = await open();
    const verbs = [
      (address: string) => connection.request(address, bytes('')),
      (address: string) => connection.push(address),
      (address: string) => connection.pull(address),
      (address: string) => connection.subscribe(address, 'topic'),
      (address: string) => connection.bindReply(address, () => bytes('')),
      (address: string) => connection.bindPull(address),
      (address: string) => connection.bindPush(address),
      (address: string) => connection.bindPublish(address),
    ];
    for (const verb of verbs)
      await expect((async () => verb('nowhere'))()).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(() => connection.subscribe('memory://a', '')).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL' }),
    );
    await connection.close();
    for (const verb of verbs)
      await expect((async () => verb('memory://a'))()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('that is closed lets its addresses go, and leaves those that it dialled', async () => {
    const transport = memory();
    const first = await open(transport);
    const bound = [
      await first.bindReply('memory://1', () => bytes('')),
      await first.bindPull('memory://2'),
      await first.bindPush('memory://3'),
      await first.bindPublish('memory://4'),
    ];
    expect(bound.map(({ address }) => address)).toEqual([1, 2, 3, 4].map((n) => `memory://${n}`));
    const second = await open(transport);
    const push = await second.bindPush('memory://5');
    first.pull('memory://5');
    expect(push.peers).toBe(1);
    await first.close();
    expect(push.peers).toBe(0);
    for (const { address } of bound) await second.bindPull(address);
  });
});
