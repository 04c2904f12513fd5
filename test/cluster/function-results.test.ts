/** What a function may give back, and what its caller gets for it. Nothing that it gives leaves a caller without an answer. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Master, PalmFunctions, Pipeline, Server, Worker } from '../../src/cluster/index.ts';
import { PalmError } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { grounds, testCluster } from '../support/cluster.ts';
import { until, within } from '../support/wait.ts';

const one = bytes('one');
const two = bytes('two');
const numbers = Float32Array.of(0.5, -2);
const hostile = (trap: 'get' | 'has' | 'getPrototypeOf') => () =>
  new Proxy(
    {},
    {
      [trap]: () => {
        throw new RangeError(`no ${trap}`);
      },
    },
  ) as never;

const results: PalmFunctions = {
  floats: () => numbers,
  part: () => new Uint16Array([1, 2, 3, 4]).subarray(1, 3),
  view: () => new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2),
  buffer: async () => Uint8Array.of(7, 8).buffer,
  sharedMemory: () => new Uint8Array(new SharedArrayBuffer(3)).fill(5),
  otherRealm: () => runInNewContext('Uint8Array.of(1, 2)') as Uint8Array,
  otherRealmFloats: async () => runInNewContext('Float64Array.of(1)') as Float64Array,
  noFloats: () => new Float32Array(0),
  list: () => [one, two],
  set: async () => new Set([one, two]) as never,
  *generator() {
    yield Uint16Array.of(1);
    yield new ArrayBuffer(1);
  },
};

const noResults: PalmFunctions = {
  emptyList: () => [],
  emptySet: () => new Set<Uint8Array>(),
  emptyMap: () => new Map() as never,
  *emptyGenerator() {},
  async *emptyAsyncGenerator() {},
  emptyListLater: async () => [] as never,
  nothing: () => undefined,
  nothingLater: async () => undefined,
};

const wrong: readonly [name: string, run: PalmFunctions[string], text: RegExp][] = [
  ['numbers', () => [1, 2] as never, /returned 1 in a list of 2, but an answer must be bytes/],
  ['map', () => new Map([['k', one]]) as never, /returned a list of 2 in a Map/],
  ['text', () => 'text' as never, /returned "text", but an answer must be bytes/],
  ['null', () => null as never, /returned null/],
  ['object', async () => ({}) as never, /returned an object/],
  ['hostileGet', hostile('get'), /no get/],
  ['hostileHas', hostile('has'), /no has/],
  ['hostilePrototype', hostile('getPrototypeOf'), /no getPrototypeOf/],
];

describe.each(grounds)('the result of a function on %s', (_, make) => {
  const cluster = testCluster(make);

  const serve = async (functions: PalmFunctions) => {
    const { start, connect } = cluster();
    const server = await start<Server>({ role: 'server', name: 'server', functions });
    return { role: server, client: await connect({ dbAddress: server.dbAddress, timeout: 3_000 }) };
  };
  const work = async (functions: PalmFunctions) => {
    const { start, connect } = cluster();
    const { dbAddress } = await start<Master>({ role: 'master', name: 'server' });
    const worker = await start<Worker>({ role: 'worker', dbAddress, functions });
    return { role: worker, client: await connect({ dbAddress, timeout: 3_000 }) };
  };

  describe.each([
    ['a server', serve],
    ['a worker', work],
  ] as const)('in %s', (_kind, open) => {
    it('is sent as its bytes if it has bytes', async () => {
      const { client } = await open(results);
      const call = async (name: string, messages = 1) =>
        (await client.eval(`server.${name}`, bytes(''), { messages: messages as 2 })) as unknown;
      const own = new Uint8Array(numbers.buffer.slice(0));
      expect(await call('floats')).toEqual(own);
      expect(await call('part')).toEqual(new Uint8Array(Uint16Array.of(2, 3).buffer));
      expect(await call('view')).toEqual(Uint8Array.of(2, 3));
      expect(await call('buffer')).toEqual(Uint8Array.of(7, 8));
      expect(await call('sharedMemory')).toEqual(Uint8Array.of(5, 5, 5));
      expect(await call('otherRealm')).toEqual(Uint8Array.of(1, 2));
      expect(await call('otherRealmFloats')).toEqual(new Uint8Array(Float64Array.of(1).buffer));
      expect(await call('noFloats')).toEqual(new Uint8Array(0));
      expect(await call('list', 2)).toEqual([one, two]);
      expect(await call('set', 2)).toEqual([one, two]);
      expect(await call('generator', 2)).toEqual([
        new Uint8Array(Uint16Array.of(1).buffer),
        new Uint8Array(1),
      ]);
    });

    it('is a failure if it is not a result at all', async () => {
      const { client, role } = await open(noResults);
      const names = Object.keys(noResults);
      for (const name of names) {
        const error = await client.eval(`server.${name}`, bytes('')).catch((reason: unknown) => reason);
        expect(error, name).toBeInstanceOf(PalmError);
        expect(error, name).toMatchObject({ code: 'REMOTE', remoteName: 'NoResult' });
      }
      await within(
        3_000,
        until(() => role.counters.answered === names.length),
      );
      expect(role.counters).toMatchObject({ failed: names.length, ended: 0, inFlight: 0 });
    });

    it('is a failure that says what it was if it is not bytes', async () => {
      const { client, role } = await open(Object.fromEntries(wrong));
      for (const [name, , text] of wrong)
        await expect(client.eval(`server.${name}`, bytes('')), name).rejects.toThrow(text);
      expect(textOf(await client.eval('server.echo', bytes('alive')))).toBe('alive');
      await within(
        3_000,
        until(() => role.counters.inFlight === 0),
      );
    });
  });

  it('ends the message in a pipeline if it is undefined or null', async () => {
    const { start, connect } = cluster();
    const first = await start<Server>({ role: 'server', name: 'first', pipelined: true });
    const second = await start<Pipeline>({
      role: 'pipeline',
      name: 'second',
      subAddress: first.pubAddress,
      previous: 'first',
      functions: noResults,
    });
    await second.ready();
    const client = await connect({ dbAddress: first.dbAddress, subAddress: second.pubAddress });
    const names = Object.keys(noResults);
    const calls = names.map((name) =>
      client.eval(`first.echo second.${name}`, bytes('')).catch(({ code }: PalmError) => code),
    );
    await within(
      3_000,
      until(() => second.counters.ended === names.length),
    );
    expect(second.counters).toMatchObject({ received: names.length, answered: 0, failed: 0 });
    await client.close();
    expect(await Promise.all(calls)).toEqual(names.map(() => 'CLOSED'));
  });
});
