/** Where a name leads, and who listens at a path. */
import { type ChildProcess, spawn } from 'node:child_process';
import dns from 'node:dns/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BindingConnection } from '../../src/transport.ts';
import { type ZmtpOptions, zmtp } from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { portOf } from '../support/ports.ts';
import { collect, first, until, within } from '../support/wait.ts';

let opened: BindingConnection[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const connection of opened) await within(3_000, connection.close({ timeout: 0 }), 'closing');
  opened = [];
});

async function open(options: ZmtpOptions = {}): Promise<BindingConnection> {
  const connection = await zmtp({ reconnectInterval: 10, ...options }).open();
  opened.push(connection);
  return connection;
}

describe('a name', () => {
  /** Has `cluster.test` stand for these addresses, which may change. */
  function resolveTo(addresses: readonly string[] | Error) {
    const now = { addresses, lookups: 0 };
    const lookup = async (host: string) => {
      expect(host).toBe('cluster.test');
      now.lookups++;
      if (now.addresses instanceof Error) throw now.addresses;
      return now.addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    };
    vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
    return now;
  }

  it('stands for several addresses: each is tried, until one is that of the service', async () => {
    const server = await open();
    const pull = await server.bindPull('tcp://127.0.0.3:*');
    const port = portOf(pull.address);
    // At the first nobody listens, and at the second another service.
    const other = await server.bindReply(`tcp://127.0.0.2:${port}`, (request) => request);
    resolveTo(['::1', '127.0.0.4', '127.0.0.2', '127.0.0.3']);
    const pusher = (await open()).push(`tcp://cluster.test:${port}`);
    await within(5_000, pusher.ready());
    await pusher.send([bytes('found')]);
    expect((await collect(pull, 1)).map(textOf)).toEqual(['found']);
    await other.close();
  });

  it('is looked up again at each reconnection, and followed where it leads then', async () => {
    const before = await (await open()).bindPull('tcp://127.0.0.2:*');
    const port = portOf(before.address);
    const name = resolveTo(['127.0.0.2']);
    const client = await open();
    const pusher = client.push(`tcp://cluster.test:${port}`);
    await within(5_000, pusher.ready());
    const after = await (await open()).bindPull(`tcp://127.0.0.3:${port}`);
    name.addresses = ['127.0.0.3'];
    const broken = new Promise((resolve) => pusher.onBreak(resolve));
    await before.close();
    await within(5_000, broken);
    await within(5_000, pusher.ready());
    await pusher.send([bytes('moved')]);
    expect((await collect(after, 1)).map(textOf)).toEqual(['moved']);
    expect(name.lookups).toBeGreaterThan(1);
  });

  it('that cannot be resolved is said in the status, and tried until it can', async () => {
    const pull = await (await open()).bindPull('tcp://127.0.0.1:*');
    const name = resolveTo(
      Object.assign(new Error('getaddrinfo ENOTFOUND cluster.test'), { code: 'ENOTFOUND' }),
    );
    const client = await open();
    const told = first(client.status(), ({ type }) => type === 'reconnecting');
    const pusher = client.push(`tcp://cluster.test:${portOf(pull.address)}`);
    expect(await within(5_000, told)).toMatchObject({
      reason: expect.stringContaining('cannot be found: getaddrinfo ENOTFOUND'),
    });
    name.addresses = ['127.0.0.1'];
    await within(5_000, pusher.ready());
  });
});

describe.runIf(process.platform === 'linux')('a path', () => {
  it('of a server that is too busy to accept anybody is not taken over', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'frond-zmtp-'));
    const path = join(folder, 'socket');
    const source = `require('node:net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('up'))`;
    const child: ChildProcess = spawn(process.execPath, ['-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const waiting: Socket[] = [];
    try {
      await within(10_000, new Promise((resolve) => child.stdout?.once('data', resolve)));
      child.kill('SIGSTOP');
      // Until its queue is full.
      let isFull = false;
      await within(
        5_000,
        until(() => {
          const socket = connect({ path }).on('error', () => {
            isFull = true;
          });
          waiting.push(socket);
          return isFull;
        }),
      );
      const connection = await open();
      await expect(connection.bindPull(`ipc://${path}`)).rejects.toMatchObject({
        code: 'INVALID_CALL',
        message: expect.stringContaining('a server listens there'),
      });
    } finally {
      child.kill('SIGKILL');
      for (const socket of waiting) socket.destroy();
      await rm(folder, { recursive: true });
    }
  });

  it('too long for a Unix socket is refused, by who binds and by who dials', async () => {
    const connection = await open();
    const refusal = expect.objectContaining({
      code: 'INVALID_CALL',
      message: expect.stringContaining('107 bytes'),
    });
    const long = (length: number) => `ipc:///tmp/${'x'.repeat(length - '/tmp/'.length)}`;
    await expect(connection.bindPull(long(108))).rejects.toEqual(refusal);
    expect(() => connection.push(long(108))).toThrow(refusal);
    const longest = await connection.bindPull(long(107));
    const pusher = connection.push(longest.address);
    await within(5_000, pusher.ready());
  });
});
