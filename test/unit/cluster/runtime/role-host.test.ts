import { expect, it, vi } from 'vitest';
import { openRoleHost, type RoleHost } from '../../../../src/cluster/runtime/role-host.ts';
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
