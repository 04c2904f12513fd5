import { expect, it, vi } from 'vitest';
import { openRoleHost, type RoleHost } from '../../../../src/cluster/runtime/role-host.ts';
import { NOTICES } from '../../../../src/protocol/cancel.ts';
import type { BindingConnection, BindingTransport } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';

/** A transport that notes what its one connection closes, in order. */
function noted() {
  const closed: string[] = [];
  const real = memory();
  const transport: BindingTransport = {
    ...real,
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      const { bindPublish, close } = connection;
      connection.bindPublish = async (address) => {
        const bound = await bindPublish.call(connection, address);
        const closeBound = bound.close.bind(bound);
        bound.close = async (options) => {
          closed.push(`publisher within ${options?.timeout}`);
          await closeBound(options);
        };
        return bound;
      };
      connection.close = async (options) => {
        closed.push(`connection within ${options?.timeout}`);
        await close.call(connection, options);
      };
      return connection;
    },
  };
  return { transport, closed };
}

const options = (transport: BindingTransport) => ({
  transport,
  name: 'server',
  dbAddress: 'memory://*',
  loggingLevel: 'silent' as const,
});

it('what was published leaves before the other links break', async () => {
  const { transport, closed } = noted();
  const host = await openRoleHost(options(transport), 'server', [], async (own: RoleHost) => {
    await own.publisher('memory://*', (message) => ({ topic: 'a', message }));
    return own;
  });
  const left = vi.fn().mockReturnValueOnce(200).mockReturnValueOnce(100);
  await host.close(left);
  expect(closed.slice(0, 2)).toEqual(['publisher within 200', 'connection within 100']);
});

it('a role that cannot start closes its connection', async () => {
  const { transport, closed } = noted();
  const failure = new Error('no');
  await expect(openRoleHost(options(transport), 'server', [], () => Promise.reject(failure))).rejects.toBe(
    failure,
  );
  expect(closed).toEqual(['connection within 0']);
});

it('clients that go together are told in parts, so that others are served between, and only to roles that take notices', async () => {
  const told: number[] = [];
  const real = memory();
  let listener: ((topic: string, isThere: boolean) => void) | undefined;
  const transport: BindingTransport = {
    ...real,
    name: real.name,
    checkAddress: (address) => real.checkAddress(address),
    open: async () => {
      const connection = (await real.open()) as BindingConnection;
      const bindPublish = connection.bindPublish.bind(connection);
      connection.bindPublish = async (address) => {
        const bound = await bindPublish(address);
        const publish = bound.publish.bind(bound);
        bound.publish = (deliveries) => {
          told.push(deliveries.length);
          return publish(deliveries);
        };
        bound.onSubscribers = (own) => {
          listener = own;
        };
        return bound;
      };
      return connection;
    },
  };
  const host = await openRoleHost(options(transport), 'server', [], async (own: RoleHost) => {
    await own.publisher('memory://*', (message) => ({ topic: 'a', message }));
    return own;
  });
  // Nobody behind takes notices.
  host.cancel({ client: 'a', calls: ['1'], code: 'CANCELLED', reason: '' });
  expect(told).toEqual([]);
  listener?.(NOTICES, true);
  for (let i = 0; i < 300; i++) listener?.(`client${i}/`, false);
  listener?.('client7/', true);
  await vi.waitUntil(() => told.reduce((sum, count) => sum + count, 0) >= 299);
  expect(told).toEqual([128, 128, 43]);
  listener?.(NOTICES, false);
  host.cancel({ client: 'a', calls: ['1'], code: 'CANCELLED', reason: '' });
  expect(told).toHaveLength(3);
  await host.close(() => 100);
});
