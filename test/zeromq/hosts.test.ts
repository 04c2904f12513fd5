/** Hosts with several addresses, and with none: over ZeroMQ, whoever speaks it. */
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Server } from '../../src/cluster/index.ts';
import { Client, text } from '../../src/index.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { zmtp } from '../../transports/zmtp/index.ts';
import { first, within } from '../support/wait.ts';

/** What each name leads to now; names of this machine are nobody's to make up. */
const hosts = new Map<string, readonly string[]>();

beforeEach(() => {
  const lookup = async (name: string) => {
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
    return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  vi.spyOn(dns, 'lookup').mockImplementation(lookup as never);
});

afterEach(() => {
  vi.restoreAllMocks();
  hosts.clear();
});

describe.each([
  ['zeromq', zeromq],
  ['zmtp', zmtp],
] as const)('over %s', (_name, make) => {
  const transport = make({ reconnectInterval: 20, reconnectMaxInterval: 100 });

  async function serve(host: string, port = '*') {
    const any = `tcp://${host}:*`;
    return Server.start({
      transport,
      name: 'named',
      dbAddress: `tcp://${host}:${port}`,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
    });
  }

  /** Where a server is for those who know its host by name. */
  function named({ dbAddress, pullAddress, pubAddress }: Server) {
    const [db, push, sub] = [dbAddress, pullAddress, pubAddress].map(
      (address) => `tcp://two.example:${address.slice(address.lastIndexOf(':') + 1)}`,
    );
    return { dbAddress: db ?? '', pushAddress: push ?? '', subAddress: sub ?? '' };
  }

  const connect = (server: Server) =>
    Client.connect({ transport, ...named(server), timeout: 10_000, loggingLevel: 'silent' });

  describe('a name with two addresses', () => {
    it.each([
      ['the second, of another family', '[::1]', ['127.0.0.1', '::1']],
      ['the first', '[::1]', ['::1', '127.0.0.1']],
      ['the second', '127.0.0.1', ['127.0.0.2', '127.0.0.1']],
      ['the last of many', '127.0.0.1', ['127.0.0.2', '::1', '127.0.0.3', '127.0.0.1']],
    ])('finds a server at %s', async (_which, host, addresses) => {
      await using server = await serve(host);
      hosts.set('two.example', addresses);
      await using client = await connect(server);
      expect(await client.with(text()).eval('named.echo', 'found')).toBe('found');
    });

    it('finds it where another service is at the first', async () => {
      const other = createServer((socket) => {
        // Who finds another service here may reset the connection.
        socket.on('error', () => {});
        socket.end('220 mail.example\r\n');
      }).listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      await using server = await serve('[::1]', String(port));
      hosts.set('two.example', ['127.0.0.1', '::1']);
      await using client = await connect(server);
      expect(await client.with(text()).eval('named.echo', 'found')).toBe('found');
      other.close();
    });

    it('finds it again where it is after a break', async () => {
      hosts.set('two.example', ['127.0.0.1']);
      const server = await serve('127.0.0.1');
      await using client = await connect(server);
      const gone = first(client.status(), ({ type }) => type === 'disconnected');
      await server.close();
      await within(5_000, gone);
      // Other ports would be found by asking its cache again: only addresses are at stake here.
      const ports = [server.pullAddress, server.pubAddress].map((own) => own.replace('127.0.0.1', '[::1]'));
      hosts.set('two.example', ['127.0.0.2', '::1']);
      const [pullAddress = '', pubAddress = ''] = ports;
      await using _moved = await Server.start({
        transport,
        name: 'named',
        dbAddress: server.dbAddress.replace('127.0.0.1', '[::1]'),
        pullAddress,
        pubAddress,
        loggingLevel: 'silent',
      });
      const call = async () => {
        for (;;) {
          try {
            return await client.with(text()).eval('named.echo', 'found');
          } catch (error) {
            // It was sent before the break was known.
            if ((error as { code?: string }).code !== 'DISCONNECTED') throw error;
          }
        }
      };
      expect(await within(15_000, call())).toBe('found');
    });
  });

  describe('a name without an address', () => {
    it('is named when time is up', async () => {
      const connecting = Client.connect({
        transport,
        dbAddress: 'tcp://nowhere.example:5555',
        timeout: 300,
        loggingLevel: 'silent',
      });
      await expect(connecting).rejects.toMatchObject({
        code: 'TIMEOUT',
        message: expect.stringMatching(/host of tcp:\/\/nowhere\.example:5555 cannot be found.*ENOTFOUND/),
      });
    });

    it('is found once it has one', async () => {
      await using server = await serve('127.0.0.1');
      await using connection = await transport.open();
      await connection.identify();
      const { pushAddress } = named(server);
      const pusher = connection.push(pushAddress);
      const lost = (status: { type: string; reason?: string | undefined }) =>
        status.type === 'reconnecting' && status.reason?.includes('cannot be found') === true;
      await within(5_000, first(connection.status(), lost));
      hosts.set('two.example', ['127.0.0.1']);
      await within(5_000, pusher.ready());
    });
  });
});
