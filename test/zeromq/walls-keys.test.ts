/** Which clients a server with CURVE lets in. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { curveKeyPair, Dealer } from 'zeromq';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import type { ConnectionStatus } from '../../src/transport.ts';
import { type AllowKey, zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { first, within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
const server = curveKeyPair();
const alice = curveKeyPair();
const mallory = curveKeyPair();

describe('allow', () => {
  let cleanup: (() => PromiseLike<unknown>)[] = [];
  beforeEach(() => {
    cleanup = [];
  });
  afterEach(async () => {
    for (const close of cleanup.reverse()) await within(5_000, Promise.resolve(close()), 'closing');
  });

  const transportOf = (allow: readonly string[] | AllowKey) =>
    zeromq({ curveServer: { secretKey: server.secretKey, allow } });

  async function serve(allow: readonly string[] | AllowKey, transport = transportOf(allow)) {
    const running = await Server.start({
      transport,
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
    });
    cleanup.push(() => running.close({ timeout: 50 }));
    return running;
  }

  async function connect(dbAddress: string, pair: { publicKey: string; secretKey: string }, timeout = 8_000) {
    const client = await Client.connect({
      transport: zeromq({ curve: { serverKey: server.publicKey, ...pair } }),
      dbAddress,
      loggingLevel: 'silent',
      timeout,
    });
    cleanup.push(() => client.close({ timeout: 0 }));
    return client;
  }

  const echoes = async (client: Client) =>
    expect(textOf(await within(5_000, client.eval('server.echo', bytes('hi'))))).toBe('hi');
  const isRefused = (dbAddress: string, pair: { publicKey: string; secretKey: string }) =>
    expect(within(5_000, connect(dbAddress, pair))).rejects.toMatchObject({ code: 'FORBIDDEN' });

  it('lets in a key that is listed, and refuses any other within bounded time', async () => {
    const { dbAddress } = await serve([alice.publicKey]);
    await isRefused(dbAddress, mallory);
    await echoes(await connect(dbAddress, alice));
    await isRefused(dbAddress, mallory);
  });

  it('is what keeps clients out: without it any key will do', async () => {
    const transport = zeromq({ curveServer: { secretKey: server.secretKey } });
    const { dbAddress } = await serve([], transport);
    await echoes(await connect(dbAddress, mallory));
  });

  it('lets nobody in when the list is empty', async () => {
    const { dbAddress } = await serve([]);
    await isRefused(dbAddress, alice);
  });

  it('takes functions, of either kind', async () => {
    const seen: string[] = [];
    const now: AllowKey = (key) => {
      seen.push(key);
      return key === alice.publicKey;
    };
    const later: AllowKey = async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return key === alice.publicKey;
    };
    for (const allow of [now, later]) {
      const { dbAddress } = await serve(allow);
      await echoes(await connect(dbAddress, alice));
      await isRefused(dbAddress, mallory);
    }
    expect(new Set(seen)).toEqual(new Set([alice.publicKey, mallory.publicKey]));
  });

  it.each<[string, AllowKey]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    ['gives something else', () => 'yes' as unknown as boolean],
  ])('refuses where a function %s', async (_, allow) => {
    const { dbAddress } = await serve(allow);
    await isRefused(dbAddress, alice);
  });

  it('bounds how long a function may take, and how many are asked about at once', async () => {
    let asked = 0;
    const { dbAddress } = await serve(() => {
      asked++;
      return new Promise<boolean>(() => {});
    });
    await expect(within(9_000, connect(dbAddress, alice))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(asked).toBeGreaterThan(0);
  });

  it('asks in each handshake: a key that is taken away keeps its connections, and gets no new one', async () => {
    const keys = new Set([alice.publicKey]);
    const { dbAddress } = await serve((key) => keys.has(key));
    const client = await connect(dbAddress, alice);
    await echoes(client);
    keys.clear();
    await echoes(client);
    await isRefused(dbAddress, alice);
  });

  it('is for what its transport binds, and for nothing else in the process', async () => {
    const { dbAddress } = await serve([]);
    const plain = await Server.start({
      transport: zeromq(),
      name: 'server',
      dbAddress: any,
      pullAddress: any,
      pubAddress: any,
      loggingLevel: 'silent',
    });
    cleanup.push(() => plain.close({ timeout: 50 }));
    const client = await Client.connect({
      transport: zeromq(),
      dbAddress: plain.dbAddress,
      loggingLevel: 'silent',
    });
    cleanup.push(() => client.close({ timeout: 0 }));
    await echoes(client);
    await isRefused(dbAddress, alice);
  });

  it('goes on while other servers of its transport come and go', async () => {
    const transport = transportOf([alice.publicKey]);
    for (let i = 0; i < 3; i++) {
      const [one, two] = [await serve([], transport), await serve([], transport)];
      await echoes(await connect(one.dbAddress, alice));
      await one.close({ timeout: 0 });
      await isRefused(two.dbAddress, mallory);
      await echoes(await connect(two.dbAddress, alice));
      await two.close({ timeout: 0 });
    }
  });

  it('reports refusals in the status of the server, the first and then ever more rarely', async () => {
    const transport = transportOf([alice.publicKey]);
    await using connection = await transport.open();
    const told: ConnectionStatus[] = [];
    const pull = await connection.bindPull(any);
    const isRefusal = (status: ConnectionStatus) => {
      if (status.type === 'refused') told.push(status);
      return told.length === 2;
    };
    const twice = first(connection.status(), isRefusal);
    const curve = { curveServerKey: server.publicKey, linger: 0, reconnectInterval: 20 };
    const { publicKey: curvePublicKey, secretKey: curveSecretKey } = mallory;
    const dealer = new Dealer({ ...curve, curvePublicKey, curveSecretKey });
    // A PUSH would do as well: what a socket is comes after who it is.
    dealer.connect(pull.address);
    await within(5_000, twice);
    dealer.close();
    expect(told).toEqual([
      { type: 'refused', address: pull.address, reason: expect.stringContaining('key'), count: 1 },
      { type: 'refused', address: pull.address, reason: expect.stringContaining('key'), count: 2 },
    ]);
  });

  it.each<[unknown, string]>([
    ['a key', 'curveServer.allow'],
    [[alice.publicKey, 'short'], 'curveServer.allow[1]'],
    [[undefined], 'curveServer.allow[0]'],
    [{}, 'curveServer.allow'],
  ])('that is not acceptable is refused by name: %j', (allow, name) => {
    expect(() => transportOf(allow as string[])).toThrowError(
      expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(name) }),
    );
  });
});
