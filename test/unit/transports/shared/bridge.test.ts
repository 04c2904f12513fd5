/** A transport of several: which of them an address goes to, and how they live and end together. */
import { afterEach, describe, expect, it } from 'vitest';
import { Master, Pipeline, Server, Worker } from '../../../../src/cluster/index.ts';
import { Client, text } from '../../../../src/index.ts';
import type { BindingTransport, ConnectionStatus } from '../../../../src/transport.ts';
import { memory } from '../../../../transports/memory/index.ts';
import { bridge } from '../../../../transports/shared/index.ts';
import { zmtp } from '../../../../transports/zmtp/index.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { readAll, within } from '../../../support/wait.ts';

let opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  opened = [];
});

function own<T extends AsyncDisposable>(one: T): T {
  opened.push(one);
  return one;
}

const TCP = 'tcp://127.0.0.1:*';
const MEMORY = 'memory://*';
const silent = { loggingLevel: 'silent' } as const;
const upper = { upper: (payload: Uint8Array) => bytes(textOf(payload).toUpperCase()) };

describe('addresses', () => {
  const transport = bridge(memory(), zmtp());

  it('go to the first transport that reads them', async () => {
    expect(transport.name).toBe('memory+zmtp');
    const connection = own(await transport.open());
    for (const [address, pattern] of [
      [TCP, /^tcp:\/\/127\.0\.0\.1:\d+$/],
      [MEMORY, /^memory:\/\/./],
    ] as const) {
      transport.checkAddress(address);
      expect((await connection.bindReply(address, (request) => request)).address).toMatch(pattern);
      expect((await connection.bindPull(address)).address).toMatch(pattern);
      expect((await connection.bindPush(address)).address).toMatch(pattern);
      expect((await connection.bindPublish(address)).address).toMatch(pattern);
      expect(connection.sharedStore?.(address)).toBeUndefined();
    }
  });

  it('that none reads are refused in the words of each', async () => {
    const words = /memory:\/\/.*; or .*tcp:\/\//;
    expect(() => transport.checkAddress('nats:a')).toThrow(words);
    expect(() => transport.resolveAddress?.('memory://a', 'nats:a')).toThrow(words);
    expect(() => transport.freeAddress?.('nats:a')).toThrow(words);
    const connection = own(await transport.open());
    await expect(connection.bindPull('nats:a')).rejects.toMatchObject({ code: 'INVALID_CALL' });
    expect(() => connection.push('nats:a')).toThrow(words);
    expect(() => connection.request('nats:a', bytes('x'))).toThrow(words);
  });

  it('are chosen beside another one by its transport, and else by the first', () => {
    expect(transport.freeAddress?.()).toMatch(/^memory:/);
    expect(transport.freeAddress?.('memory://a', 'pubAddress')).toMatch(/^memory:/);
    expect(transport.freeAddress?.('tcp://127.0.0.1:5555', 'pubAddress')).toMatch(/^tcp:\/\/127\.0\.0\.1:/);
    const { freeAddress: _, ...unchoosing } = zmtp();
    const bridged = bridge(unchoosing, memory());
    expect(() => bridged.freeAddress?.(undefined, 'dbAddress')).toThrow(
      'dbAddress must be given: the transport zmtp does not choose addresses',
    );
    expect(() => bridged.freeAddress?.('tcp://127.0.0.1:1')).toThrow('an address must be given');
  });

  it('that were learnt are completed by where they were learnt, within one transport', () => {
    const learnt = (advertised: string, via: string) => transport.resolveAddress?.(advertised, via);
    expect(learnt('tcp://0.0.0.0:5556', 'tcp://10.0.0.5:5555')).toBe('tcp://10.0.0.5:5556');
    expect(learnt('tcp://0.0.0.0:5556', 'memory://a')).toBe('tcp://0.0.0.0:5556');
    expect(learnt('memory://a', 'tcp://10.0.0.5:5555')).toBe('memory://a');
    expect(learnt('memory://b', 'memory://a')).toBe('memory://b');
  });
});

describe('a connection', () => {
  it('has one id with all transports', async () => {
    const connection = own(await bridge(memory(), zmtp()).open());
    expect([connection.id, connection.keyPrefix]).toEqual(['', '']);
    await connection.identify('me');
    expect(connection.id).toBe('me');
    const other = own(await bridge(zmtp(), memory()).open());
    await other.identify();
    expect(other.id).toMatch(/^[\w-]{21}$/);
    // What has a wish later has the first one's.
    await other.identify('late');
    expect(other.id).not.toBe('late');
  });

  it('tells what becomes of the channels of all, and why links are down', async () => {
    const connection = own(await bridge(memory(), zmtp()).open());
    const seen: ConnectionStatus[] = [];
    const reading = (async () => {
      for await (const status of connection.status()) seen.push(status);
    })();
    const left = connection.status();
    const waiting = left[Symbol.asyncIterator]().next();
    await left[Symbol.asyncIterator]().return?.();
    expect((await within(1_000, waiting)).done).toBe(true);

    const pull = await connection.bindPull(TCP);
    await connection.push(pull.address).ready();
    const absent = connection.push('tcp://127.0.0.1:1');
    const statuses = connection.status()[Symbol.asyncIterator]();
    while (connection.trouble === '') await within(5_000, statuses.next());
    expect(connection.trouble).toMatch(/ECONNREFUSED/);
    await statuses.return?.();
    await absent.close();
    await connection.close();
    await within(1_000, reading);
    expect(seen).toContainEqual({ type: 'connected', address: pull.address });
    expect(seen.filter(({ type }) => type === 'closed')).toEqual([{ type: 'closed', error: undefined }]);
    expect(seen.at(-1)?.type).toBe('closed');
  });

  it('ends with each of its parts', async () => {
    const parts: { close(): Promise<void> }[] = [];
    const noting = (transport: BindingTransport): BindingTransport => ({
      ...transport,
      open: async () => {
        const connection = await transport.open();
        parts.push(connection);
        return connection;
      },
    });
    for (const index of [0, 1]) {
      const connection = await bridge(noting(memory()), noting(zmtp())).open();
      await parts.splice(0)[index]?.close();
      expect(await within(1_000, connection.closed)).toBeUndefined();
      for (const address of [MEMORY, TCP])
        await expect(connection.bindPull(address)).rejects.toMatchObject({ code: 'CLOSED' });
    }
  });

  it('that cannot be opened whole is not open in part', async () => {
    let closed = 0;
    const opens: BindingTransport = {
      ...memory(),
      open: async () => {
        const connection = await memory().open();
        void connection.closed.then(() => closed++);
        return connection;
      },
    };
    const fails: BindingTransport = { ...zmtp(), open: () => Promise.reject(new Error('no')) };
    await expect(bridge(opens, fails).open()).rejects.toThrow('no');
    expect(closed).toBe(1);
  });
});

describe('what is not acceptable', () => {
  it.each([
    [[], 'bridge takes the transports that it joins, at least one'],
    [[memory(), 7], 'bridge takes transports, such as nats() and zmtp(), not 7'],
    [[undefined], 'not undefined'],
    [[{ open: () => {} }], 'bridge takes transports'],
  ])('is %j', (given, words) => {
    expect(() => bridge(...(given as never[]))).toThrow(words);
  });
});

describe('a role on two transports', () => {
  it('is a stage behind a server of one, whose results clients of the other read', async () => {
    const local = memory();
    const first = own(
      await Server.start({
        ...silent,
        transport: bridge(local, zmtp()),
        name: 'first',
        dbAddress: MEMORY,
        pubAddress: TCP,
        pipelined: true,
        functions: upper,
      }),
    );
    // One that has TCP alone, as a stage of pylm.
    const middle = own(
      await Pipeline.start({
        ...silent,
        transport: zmtp(),
        name: 'middle',
        previous: 'first',
        subAddress: first.pubAddress,
        toClient: false,
        functions: { twice: (payload) => bytes(textOf(payload).repeat(2)) },
      }),
    );
    const last = own(
      await Pipeline.start({
        ...silent,
        transport: bridge(local, zmtp()),
        name: 'last',
        previous: 'middle',
        previousDbAddress: middle.dbAddress,
        dbAddress: MEMORY,
        functions: { ends: (payload) => bytes(`${textOf(payload)}.`) },
      }),
    );
    expect([first.pullAddress, last.pubAddress].map((address) => address.split(':')[0])).toEqual([
      'memory',
      'memory',
    ]);
    await within(5_000, last.ready());
    const client = own(
      await Client.connect({
        ...silent,
        transport: local,
        dbAddress: first.dbAddress,
        subAddress: last.pubAddress,
      }),
    );
    const path = ['first.upper', 'middle.twice', 'last.ends'];
    const inputs = Array.from({ length: 100 }, (_, number) => `a${number}`);
    const results = await within(10_000, readAll(client.with(text()).map(path, inputs)));
    expect(results).toEqual(inputs.map((input) => `${input.toUpperCase().repeat(2)}.`));
  });

  it('is a Master whose clients are on one, and whose workers on the other', async () => {
    const local = memory();
    const workers = { workerPullAddress: TCP, workerPushAddress: TCP };
    const transport = bridge(local, zmtp());
    const master = own(
      await Master.start({
        ...silent,
        transport,
        name: 'crew',
        dbAddress: TCP,
        pullAddress: MEMORY,
        pubAddress: MEMORY,
        ...workers,
      }),
    );
    const { dbAddress } = master;
    own(await Worker.start({ ...silent, transport: zmtp(), dbAddress, functions: upper }));
    const client = own(await Client.connect({ ...silent, transport, dbAddress }));
    expect(await client.with(text()).eval('crew.upper', 'over both')).toBe('OVER BOTH');
  });
});
