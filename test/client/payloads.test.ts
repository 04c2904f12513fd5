/** Payloads are read when they are given, and those that are handed out own their bytes: through every transport and role. */
import { describe, expect, it } from 'vitest';
import type { Master, Server, Worker } from '../../src/cluster/index.ts';
import type { PayloadCodec, TapEvent } from '../../src/index.ts';
import type { Bytes } from '../../src/protocol/bytes.ts';
import { zeromq } from '../../transports/zeromq/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { testCluster } from '../support/cluster.ts';
import { eventually, readAll, until, within } from '../support/wait.ts';
import { GROUNDS, serverAndClient } from './grounds.ts';

/** Sizes that are kept in different places: within an object, in a slab, in a buffer of their own. */
const SIZES = [0, 1, 8, 100, 1_000, 20_000, 300_000];

const sized = (size: number) => new Uint8Array(size).fill(size % 251);

function expectOwned(payload: Uint8Array, what = ''): void {
  expect([what, payload.constructor === Uint8Array, payload.byteOffset, payload.buffer.byteLength]).toEqual([
    what,
    true,
    0,
    payload.byteLength,
  ]);
}

/** As toEqual, which takes seconds for so many bytes. */
function expectSame(payload: Uint8Array, wanted = new Uint8Array(0)): void {
  expect([payload.length, Buffer.compare(payload, wanted)]).toEqual([wanted.length, 0]);
}

/** Takes a payload away with its buffer, as a message to a worker of the page's does. */
function give(payload: Uint8Array): Uint8Array {
  return structuredClone(payload, { transfer: [payload.buffer as ArrayBuffer] });
}

for (const [name, make] of GROUNDS) {
  describe(`payloads: ${name}`, () => {
    const start = serverAndClient(make);

    describe('that are given', () => {
      it('are read when the call is made, in eval, job and map alike', async () => {
        const { client } = await start();
        const buffer = new Uint8Array(1);
        function* refilled() {
          for (let i = 0; i < 300; i++) {
            buffer[0] = i % 256;
            yield buffer;
          }
        }
        async function* later() {
          yield* refilled();
        }
        const wanted = Array.from({ length: 300 }, (_, i) => i % 256);
        const first = (results: readonly Uint8Array[]) => results.map(([byte]) => byte);
        for (const input of [refilled, later]) {
          expect(first(await readAll(client.map('server.echo', input())))).toEqual(wanted);
          expect(first(await readAll(client.job('server.echo', input(), { messages: 300 })))).toEqual(wanted);
        }
        const calls = Array.from({ length: 9_000 }, (_, i) => {
          buffer[0] = i % 256;
          return client.eval('server.echo', buffer);
        });
        const answers = first(await within(20_000, Promise.all(calls)));
        expect(answers.filter((byte, i) => byte !== i % 256)).toEqual([]);
      });

      it('are those of a codec that encodes into one buffer, too', async () => {
        const { client } = await start();
        const scratch = new Uint8Array(8);
        const view = new DataView(scratch.buffer);
        const numbers: PayloadCodec<number> = {
          name: 'float64',
          encode: (value) => {
            view.setFloat64(0, value);
            return scratch;
          },
          decode: (payload) => new DataView(payload.buffer).getFloat64(0),
        };
        const inputs = Array.from({ length: 100 }, (_, i) => i / 4);
        expect(await readAll(client.with(numbers).map('server.echo', inputs))).toEqual(inputs);
      });

      it('are read at once in a set, however many wait, and in the store of a function', async () => {
        const { client } = await start({
          keep: async (
            _payload: Bytes,
            context: { cache: { set(v: Uint8Array, k: string): Promise<string> } },
          ) => {
            const own = new Uint8Array([1]);
            const kept = context.cache.set(own, 'kept');
            own[0] = 2;
            await kept;
            return own;
          },
        });
        const buffer = new Uint8Array(1);
        const sets = Array.from({ length: 600 }, (_, i) => {
          buffer[0] = i % 256;
          return client.set(buffer, `k${i}`);
        });
        await Promise.all(sets);
        const values = await Promise.all(sets.map((_, i) => client.get(`k${i}`)));
        expect(values.map((value) => value?.[0])).toEqual(sets.map((_, i) => i % 256));
        await client.eval('server.keep', bytes(''));
        expect(await client.get('kept')).toEqual(new Uint8Array([1]));
      });

      it('of a function that refills its buffer are those of when it gave them', async () => {
        const buffer = new Uint8Array(1);
        const { client } = await start({
          sync: (payload: Bytes) => {
            buffer[0] = payload[0] ?? 0;
            return buffer;
          },
          later: async (payload: Bytes) => {
            buffer[0] = payload[0] ?? 0;
            return buffer;
          },
          *some() {
            for (let i = 0; i < 4; i++) {
              buffer[0] = i;
              yield buffer;
            }
          },
          async *someLater() {
            for (let i = 0; i < 4; i++) {
              buffer[0] = i;
              yield buffer;
            }
          },
        });
        const inputs = Array.from({ length: 50 }, (_, i) => new Uint8Array([i]));
        for (const own of ['sync', 'later'])
          expect(await readAll(client.map(`server.${own}`, inputs)), own).toEqual(inputs);
        for (const own of ['some', 'someLater']) {
          const answers = await client.eval(`server.${own}`, bytes(''), { messages: 4 });
          expect(
            answers.map(([byte]) => byte),
            own,
          ).toEqual([0, 1, 2, 3]);
        }
      });
    });

    describe('that are handed out', () => {
      it('own their bytes: answers, results, values, and what functions get', async () => {
        const seen: Uint8Array[] = [];
        const { client } = await start({
          look: (payload: Bytes, { message }: { message: { payload: Uint8Array } }) => {
            expectOwned(payload, 'in a function');
            expectOwned(message.payload, 'in its context');
            seen.push(payload);
            return payload;
          },
        });
        const inputs = SIZES.map(sized);
        for (const [i, result] of (await readAll(client.map('server.look', inputs))).entries()) {
          expectOwned(result, `map ${SIZES[i]}`);
          expectSame(result, inputs[i]);
        }
        const results = await readAll(client.job('server.look', inputs, { messages: inputs.length }));
        for (const result of results) expectOwned(result, `job ${result.length}`);
        for (const input of inputs) {
          expectOwned(await client.eval('server.look', input), `eval ${input.length}`);
          await client.set(input, 'k');
          const value = await client.get('k');
          if (value === undefined) throw new Error('the value is gone');
          expectOwned(value, `get ${input.length}`);
          expectSame(value, input);
        }
        expect(seen.length).toBe(3 * inputs.length);
      });

      it('may be given away, with their buffers, without harm to others', async () => {
        const { client } = await start({
          take: (payload: Bytes) => give(payload),
        });
        const inputs = Array.from({ length: 200 }, (_, i) => new Uint8Array(8).fill(i));
        const results = await readAll(client.map('server.take', inputs));
        const given = results.splice(0, 1).map(give);
        expect([...given, ...results]).toEqual(inputs);
        expect(new Float64Array(results[0]?.buffer ?? new ArrayBuffer(0)).length).toBe(1);
        const empty = await Promise.all([1, 2].map(() => client.eval('server.take', new Uint8Array(0))));
        for (const answer of empty) expect(give(answer)).toEqual(new Uint8Array(0));
      });

      it('by a store stay as they are, whatever becomes of a copy', async () => {
        const { client, server } = await start({
          spoil: async (_payload: Bytes, { cache }: { cache: Server['cache'] }) => {
            const value = await cache.get('k');
            return give(value ?? new Uint8Array(0)).fill(0);
          },
        });
        await client.set(bytes('value'), 'k');
        await client.eval('server.spoil', bytes(''));
        (await server.cache.get('k'))?.fill(0);
        (await client.get('k'))?.fill(0);
        expect(textOf((await client.get('k')) ?? bytes(''))).toBe('value');
      });

      it('through a Master, its scatter and gather, and its workers own their bytes', async () => {
        const { cluster } = await start();
        const spread = (where: string) =>
          function* (message: { payload: Bytes }) {
            expectOwned(message.payload, where);
            yield { ...message, payload: message.payload.slice() } as never;
          };
        const master = await cluster.start<Master>({
          role: 'master',
          name: 'master',
          scatter: spread('scatter'),
          gather: spread('gather'),
        });
        await cluster.start<Worker>({
          role: 'worker',
          dbAddress: master.dbAddress,
          functions: {
            look: async (payload, { cache }) => {
              expectOwned(payload, 'in a worker');
              await cache.set(payload, 'k');
              const value = await cache.get('k');
              expectOwned(value ?? new Uint8Array(new ArrayBuffer(8), 1), 'from its cache');
              return give(payload);
            },
          },
        });
        const client = await cluster.connect({ dbAddress: master.dbAddress });
        const inputs = SIZES.filter((size) => size > 0).map(sized);
        const results = await within(10_000, readAll(client.map('master.look', inputs)));
        for (const [i, result] of results.entries()) {
          expectOwned(result, 'of a worker');
          expectSame(result, inputs[i]);
        }
      });

      it('to a tap are copies, that keep what was sent and came', async () => {
        const { cluster, server } = await start();
        const seen: TapEvent[] = [];
        const client = await cluster.connect({
          dbAddress: server.dbAddress,
          tap: (event) => seen.push(event),
        });
        seen.length = 0;
        const input = bytes('hi');
        const answer = await client.eval('server.echo', input);
        input.fill(0);
        give(answer);
        expect(seen.map(({ message }) => textOf(message?.payload ?? bytes('')))).toEqual(['hi', 'hi']);
      });
    });
  });
}

describe('payloads that wait', () => {
  const open = testCluster(() => ({ transport: zeromq(), any: 'tcp://127.0.0.1:*' }));

  it('for a link are those of the call', async () => {
    const cluster = open();
    const first = await cluster.start<Server>({ role: 'server', name: 'server' });
    const { dbAddress, pullAddress, pubAddress } = first;
    const client = await cluster.connect({ dbAddress });
    await first.close();
    const isDown = async () => {
      const ask = client.get('k', { timeout: 50 }).catch(({ code }) => code);
      const call = client.eval('server.echo', bytes(''), { timeout: 50 }).catch(({ sent }) => sent);
      return (await call) === false && (await ask) === 'TIMEOUT';
    };
    await eventually(isDown);
    const input = bytes('old');
    const call = client.eval('server.echo', input);
    const values = readAll(client.map('server.echo', [input], { retries: 5, timeout: 5_000 }));
    const set = client.set(input, 'k');
    await new Promise(setImmediate);
    input.set(bytes('new'));
    await cluster.start<Server>({ role: 'server', name: 'server', dbAddress, pullAddress, pubAddress });
    expect(textOf(await within(10_000, call))).toBe('old');
    expect((await within(10_000, values)).map(textOf)).toEqual(['old']);
    await within(10_000, set);
    expect(textOf((await client.get('k')) ?? bytes(''))).toBe('old');
  });

  it('for a retry are those of the first attempt', async () => {
    const cluster = open();
    const received: string[] = [];
    const server = await cluster.start<Server>({
      role: 'server',
      name: 'server',
      functions: {
        second: (payload) => {
          received.push(textOf(payload));
          return received.length < 2 ? new Promise<Uint8Array>(() => {}) : payload;
        },
      },
      concurrency: 2,
    });
    const client = await cluster.connect({ dbAddress: server.dbAddress });
    const input = bytes('old');
    const results = client.map('server.second', [input], { retries: 3, timeout: 200, retryDelay: 1 });
    const next = results.next();
    await within(
      5_000,
      until(() => received.length === 1),
    );
    input.set(bytes('new'));
    expect(await within(10_000, next)).toMatchObject({ done: false });
    expect(received).toEqual(['old', 'old']);
    await server.close({ timeout: 0 });
  });
});
