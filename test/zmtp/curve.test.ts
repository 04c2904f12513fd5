/** CURVE: who gets in, what is said to who does not, and that everything goes through it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { curveKeyPair as nativeKeyPair } from 'zeromq';
import { Server } from '../../src/cluster/index.ts';
import { Client } from '../../src/index.ts';
import type { BindingTransport, ConnectionStatus } from '../../src/transport.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import {
  type AllowKey,
  type CurveKeyPair,
  curveKeyPair,
  type ZmtpOptions,
  zmtp,
} from '../../transports/zmtp/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { first, within } from '../support/wait.ts';

const any = 'tcp://127.0.0.1:*';
const server = curveKeyPair();
const alice = curveKeyPair();
const mallory = curveKeyPair();

let cleanup: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.reverse()) await within(5_000, Promise.resolve(close()), 'closing');
  cleanup = [];
});

function bound(allow?: readonly string[] | AllowKey, options: ZmtpOptions = {}): BindingTransport {
  return zmtp({ ...options, curveServer: { secretKey: server.secretKey, allow } });
}

function dialling(pair?: CurveKeyPair, options: ZmtpOptions = {}): BindingTransport {
  return zmtp({ ...options, curve: { serverKey: server.publicKey, ...pair } });
}

async function serve(transport: BindingTransport, address = any): Promise<Server> {
  const running = await Server.start({
    transport,
    name: 'server',
    dbAddress: address,
    pullAddress: address,
    pubAddress: address,
    loggingLevel: 'silent',
  });
  cleanup.push(() => running.close({ timeout: 50 }));
  return running;
}

async function connect(transport: BindingTransport, dbAddress: string): Promise<Client> {
  const client = await Client.connect({ transport, dbAddress, loggingLevel: 'silent', timeout: 8_000 });
  cleanup.push(() => client.close({ timeout: 0 }));
  return client;
}

async function echoes(client: Client): Promise<void> {
  expect(textOf(await within(5_000, client.eval('server.echo', bytes('hi'))))).toBe('hi');
}

async function isRefused(transport: BindingTransport, dbAddress: string, timeout = 3_000): Promise<void> {
  await expect(within(timeout, connect(transport, dbAddress))).rejects.toMatchObject({ code: 'FORBIDDEN' });
}

/** The first refusals that a connection reports. */
function refusals(
  status: AsyncIterable<ConnectionStatus>,
  count: number,
): Promise<Extract<ConnectionStatus, { type: 'refused' }>[]> {
  const told: Extract<ConnectionStatus, { type: 'refused' }>[] = [];
  return within(
    5_000,
    first(status, (one) => one.type === 'refused' && told.push(one) === count).then(() => told),
    `${count} refusals`,
  );
}

describe('a client and a server', () => {
  it.each(['TCP', 'a Unix socket'])(
    'talk over %s, with a pair of the client’s own or a fresh one',
    async (place) => {
      const folder = await mkdtemp(join(tmpdir(), 'frond-curve-'));
      cleanup.push(() => rm(folder, { recursive: true }));
      const { dbAddress } = await serve(bound(), place === 'TCP' ? any : 'ipc://*');
      for (const pair of [undefined, alice]) {
        const client = await connect(dialling(pair), dbAddress);
        await echoes(client);
        const large = new Uint8Array(3_000_000).map((_, i) => i & 0xff);
        expect(Buffer.compare(await client.eval('server.echo', large), large)).toBe(0);
        const inputs = Array.from({ length: 500 }, (_, i) => bytes(`input ${i}`));
        const results: string[] = [];
        for await (const result of client.map('server.echo', inputs)) results.push(textOf(result));
        expect(results).toEqual(inputs.map(textOf));
      }
    },
  );

  it('with a wrong key of the server is FORBIDDEN, and the error names the option', async () => {
    const { dbAddress } = await serve(bound());
    const wrong = zmtp({ curve: { serverKey: curveKeyPair().publicKey } });
    await expect(within(2_000, connect(wrong, dbAddress))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      sent: false,
      message: expect.stringContaining('serverKey'),
    });
  });

  it('with a wrong key of a native server is FORBIDDEN, too', async () => {
    const { dbAddress } = await serve(zeromq({ curveServer: { secretKey: server.secretKey } }));
    const wrong = zmtp({ curve: { serverKey: curveKeyPair().publicKey } });
    await expect(within(2_000, connect(wrong, dbAddress))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('serverKey'),
    });
  });

  it('of which one encrypts alone get FORBIDDEN', async () => {
    await isRefused(zmtp(), (await serve(bound())).dbAddress);
    await isRefused(dialling(), (await serve(zmtp())).dbAddress);
  });
});

describe('allow', () => {
  it('lets in a key that is listed, and refuses any other', async () => {
    const { dbAddress } = await serve(bound([alice.publicKey]));
    await isRefused(dialling(mallory), dbAddress);
    await echoes(await connect(dialling(alice), dbAddress));
    await isRefused(dialling(), dbAddress);
  });

  it('is what keeps clients out: without it any key will do', async () => {
    const { dbAddress } = await serve(bound());
    await echoes(await connect(dialling(mallory), dbAddress));
  });

  it('lets nobody in when the list is empty, also when keys are added later', async () => {
    const list: string[] = [];
    const transport = bound(list);
    list.push(alice.publicKey);
    await isRefused(dialling(alice), (await serve(transport)).dbAddress);
  });

  it('holds for native clients', async () => {
    const { dbAddress } = await serve(bound([alice.publicKey]));
    const curve = { serverKey: server.publicKey };
    await echoes(await connect(zeromq({ curve: { ...curve, ...alice } }), dbAddress));
    await isRefused(zeromq({ curve: { ...curve, ...mallory } }), dbAddress);
    await isRefused(zeromq({ curve: { serverKey: curveKeyPair().publicKey } }), dbAddress);
  });

  it('of a native server holds for clients', async () => {
    const { secretKey } = server;
    const { dbAddress } = await serve(zeromq({ curveServer: { secretKey, allow: [alice.publicKey] } }));
    await echoes(await connect(dialling(alice), dbAddress));
    await isRefused(dialling(mallory), dbAddress);
  });

  it('takes functions, of either kind', async () => {
    const seen = new Set<string>();
    const now: AllowKey = (key) => {
      seen.add(key);
      return key === alice.publicKey;
    };
    const later: AllowKey = async (key) => {
      await new Promise(setImmediate);
      return now(key);
    };
    for (const allow of [now, later]) {
      const { dbAddress } = await serve(bound(allow));
      await echoes(await connect(dialling(alice), dbAddress));
      await isRefused(dialling(mallory), dbAddress);
    }
    expect(seen).toEqual(new Set([alice.publicKey, mallory.publicKey]));
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
    const { dbAddress } = await serve(bound(allow));
    await isRefused(dialling(alice), dbAddress);
  });

  it('refuses where a function never decides, within the time of a handshake', async () => {
    const never: AllowKey = () => new Promise(() => {});
    const { dbAddress } = await serve(bound(never, { handshakeTimeout: 2_000 }));
    await isRefused(dialling(alice), dbAddress, 7_000);
  });

  it('is asked in each handshake: a key that is taken away keeps its links, and gets no new one', async () => {
    const keys = new Set([alice.publicKey]);
    const { dbAddress } = await serve(bound((key) => keys.has(key)));
    const client = await connect(dialling(alice), dbAddress);
    await echoes(client);
    keys.clear();
    await echoes(client);
    await isRefused(dialling(alice), dbAddress);
  });

  it('reports refusals with the key, the first and then ever more rarely', async () => {
    await using connection = await bound([alice.publicKey]).open();
    await using client = await dialling(mallory).open();
    const told = refusals(connection.status(), 2);
    const pull = await connection.bindPull(any);
    const [one, two] = [client.push(pull.address), client.push(pull.address)];
    await expect(within(3_000, one.ready())).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('this key is not allowed'),
    });
    await expect(within(3_000, two.ready())).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const reason = `this key is not allowed: ${mallory.publicKey}`;
    expect(await told).toEqual([
      { type: 'refused', address: pull.address, reason, count: 1 },
      { type: 'refused', address: pull.address, reason, count: 2 },
    ]);
  });
});

describe('keys', () => {
  it('are made as those of the package zeromq, and fit there', async () => {
    for (const pair of [curveKeyPair(), nativeKeyPair()]) {
      expect(pair.publicKey).toHaveLength(40);
      const { dbAddress } = await serve(zmtp({ curveServer: { secretKey: pair.secretKey } }));
      await echoes(
        await connect(zeromq({ curve: { serverKey: pair.publicKey, ...curveKeyPair() } }), dbAddress),
      );
    }
  });

  it.each<[object, string]>([
    [{ curve: { serverKey: 'short' } }, 'curve.serverKey'],
    [{ curve: {} }, 'curve.serverKey'],
    [{ curve: 'key' }, 'curve'],
    [{ curve: { serverKey: '#'.repeat(40) } }, 'curve.serverKey'],
    [{ curve: { serverKey: server.publicKey, publicKey: alice.publicKey } }, 'curve.publicKey'],
    [{ curve: { serverKey: server.publicKey, secretKey: alice.secretKey } }, 'curve.publicKey'],
    [{ curveServer: { secretKey: 'é'.repeat(40) } }, 'curveServer.secretKey'],
    [{ curveServer: {} }, 'curveServer.secretKey'],
    [{ curveServer: { secretKey: server.secretKey, allow: 'a key' } }, 'curveServer.allow'],
    [
      { curveServer: { secretKey: server.secretKey, allow: [alice.publicKey, 'short'] } },
      'curveServer.allow[1]',
    ],
    [{ curveServer: { secretKey: server.secretKey, allow: [undefined] } }, 'curveServer.allow[0]'],
  ])('that are not acceptable are refused by name: %j', (options, name) => {
    const refusal = expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringContaining(name) });
    expect(() => zmtp(options as ZmtpOptions)).toThrowError(refusal);
    if (name !== 'curve') expect(() => zeromq(options as ZmtpOptions)).toThrowError(refusal);
  });
});
