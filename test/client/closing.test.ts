/** Closing a client: what was accepted is sent and answered within the time-out, and nothing is accepted any more. */
import { describe, expect, it } from 'vitest';
import type { Server } from '../../src/cluster/index.ts';
import { text } from '../../src/index.ts';
import { memory } from '../../transports/memory/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { testCluster } from '../support/cluster.ts';
import { readAll, until, within } from '../support/wait.ts';
import { GROUNDS, serverAndClient } from './grounds.ts';

for (const [name, make] of GROUNDS) {
  describe(`closing: ${name}`, () => {
    const start = serverAndClient(make);

    it('stores and deletes what was asked for just before', async () => {
      const { client, server } = await start();
      await server.cache.set(bytes('old'), 'gone');
      const set = client.set(bytes('v'), 'k');
      const gone = client.delete('gone');
      const got = client.get('gone');
      await client.close();
      expect(textOf((await server.cache.get('k')) ?? bytes(''))).toBe('v');
      expect(await server.cache.get('gone')).toBeUndefined();
      expect([await set, await gone]).toEqual(['k', true]);
      await got;
    });

    it('runs every eval that was made, also those that wait for their turn, and gives their answers', async () => {
      let ran = 0;
      const { client } = await start({
        count: (payload: Uint8Array) => {
          ran++;
          return payload;
        },
      });
      const calls = Array.from({ length: 12_000 }, (_, i) => client.eval('server.count', bytes(`${i}`)));
      await within(40_000, client.close({ timeout: 30_000 }));
      expect(ran).toBe(12_000);
      const answers = (await Promise.all(calls)).map(textOf);
      expect(answers.filter((answer, i) => answer !== `${i}`)).toEqual([]);
    }, 60_000);

    it('sends what a map and a job have taken, gives their results, and takes no more', async () => {
      const { client } = await start();
      let taken = 0;
      function* endless() {
        for (;;) yield `${taken++}`;
      }
      const words = client.with(text());
      const map = words.map('server.echo', endless(), { window: 100 });
      const results = [(await map.next()).value];
      const closing = client.close();
      const reading = (async () => {
        for await (const result of map) results.push(result);
      })();
      await expect(within(3_000, reading)).rejects.toMatchObject({ code: 'CLOSED' });
      expect(results).toEqual(Array.from({ length: taken }, (_, i) => `${i}`));
      await within(3_000, closing);
    });

    it('ends a map well whose input has ended', async () => {
      const { client } = await start();
      const map = client.with(text()).map('server.echo', ['a', 'b', 'c']);
      const first = await map.next();
      const closing = client.close();
      expect([first.value, ...(await readAll(map))]).toEqual(['a', 'b', 'c']);
      await within(3_000, closing);
    });

    it('does not wait longer than it may, for what has no answer, and says what it knows of it', async () => {
      const { client, server } = await start({ deaf: () => new Promise(() => {}) });
      let taken = 0;
      function* input() {
        taken++;
        yield bytes('');
      }
      const calls: Promise<unknown>[] = [
        client.eval('server.deaf', bytes('')),
        readAll(client.job('server.deaf', input())),
        readAll(client.map('server.deaf', input())),
      ];
      for (const call of calls) call.catch(() => {});
      // Their code is loaded first.
      await until(() => taken === 2);
      await within(2_000, client.close({ timeout: 50 }));
      for (const call of calls)
        await expect(within(1_000, call)).rejects.toMatchObject({ code: 'CLOSED', sent: 'unknown' });
      await server.close({ timeout: 0 });
    });

    it('with no time at all ends everything at once', async () => {
      const { client, server } = await start({ deaf: () => new Promise(() => {}) });
      const call = client.eval('server.deaf', bytes(''));
      call.catch(() => {});
      await within(2_000, client.close({ timeout: 0 }));
      await expect(within(1_000, call)).rejects.toMatchObject({ code: 'CLOSED' });
      await server.close({ timeout: 0 });
    });

    it('hurries when it is called again with less time', async () => {
      const { client, server } = await start({ deaf: () => new Promise(() => {}) });
      const call = client.eval('server.deaf', bytes(''));
      call.catch(() => {});
      const closing = client.close({ timeout: 60_000 });
      await within(2_000, client.close({ timeout: 0 }));
      await expect(within(1_000, call)).rejects.toMatchObject({ code: 'CLOSED' });
      await within(2_000, closing);
      await server.close({ timeout: 0 });
    });

    it('refuses every call afterwards in the same way', async () => {
      const { client } = await start();
      const before = [client.job('server.echo', [bytes('x')]), client.map('server.echo', [bytes('x')])];
      await client.close();
      const calls = [
        client.eval('server.echo', bytes('x')),
        client.eval('server.echo', bytes('x'), { messages: 4 }),
        client.eval('server.echo', bytes('x'), { messages: 0 }),
        readAll(client.job('server.echo', [bytes('x')])),
        readAll(client.job('server.echo', [bytes('x')], { messages: 1 })),
        readAll(client.job('server.echo', [bytes('x')], { messages: 0 })),
        readAll(client.map('server.echo', [bytes('x')])),
        readAll(client.mapSettled('server.echo', [bytes('x')])),
        ...before.map(readAll),
        client.get('k'),
        client.set(bytes('v'), 'k'),
        client.set(bytes('v')),
        client.delete('k'),
      ];
      for (const outcome of await within(2_000, Promise.allSettled(calls)))
        expect(outcome).toMatchObject({
          status: 'rejected',
          reason: { name: 'PalmError', code: 'CLOSED', message: 'the client is closed', sent: false },
        });
      expect(await readAll(client.status())).toEqual([]);
    });
  });
}

describe('closing without a server', () => {
  const open = testCluster(() => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' }));
  const openMemory = testCluster(() => ({ transport: memory(), any: 'memory://*' }));

  it.each([
    ['memory', openMemory],
    ['zeromq', open],
  ])('says that nothing was sent: %s', async (_, make) => {
    const cluster = make();
    const server = await cluster.start<Server>({ role: 'server', name: 'server' });
    const client = await cluster.connect({ dbAddress: server.dbAddress });
    await server.close();
    // What is under way when a link breaks is lost with it; what comes later waits.
    while (
      (await client.eval('server.echo', bytes(''), { timeout: 30 }).catch(({ sent }) => sent)) !== false
    );
    while ((await client.get('k', { timeout: 30 }).catch(({ code }) => code)) !== 'TIMEOUT');
    const calls: Promise<unknown>[] = [
      client.eval('server.echo', bytes('x')),
      client.set(bytes('v'), 'k'),
      client.get('k'),
      client.delete('k'),
    ];
    for (const call of calls) call.catch(() => {});
    await within(2_000, client.close({ timeout: 50 }));
    for (const call of calls)
      await expect(within(1_000, call)).rejects.toMatchObject({ code: 'CLOSED', sent: false });
  });
});
