/** What maps do, on any transport. */
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/client/connect-options.ts';
import { ClientCore } from '../../src/client/core.ts';
import { openMap } from '../../src/client/stream/map.ts';
import { json, type MapOutcome, type MapResults, bytes as plain, text } from '../../src/index.ts';
import { EnvelopeCodec } from '../../src/protocol/envelope.ts';
import type { PalmMessage } from '../../src/protocol/message.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type RawHandler, type RawServer, startRawServer } from '../support/raw-server.ts';
import { until, within } from '../support/wait.ts';
import { echo, type Ground, onGround } from './on-ground.ts';

export function testMaps(name: string, make: () => Ground): void {
  describe(`maps: ${name}`, () => {
    const on = onGround(make);
    const { cleanup, serveRaw: serve, startRaw: start } = on;

    const numbers = (count: number) => Array.from({ length: count }, (_, i) => bytes(String(i)));
    const words = (count: number) => Array.from({ length: count }, (_, i) => String(i));

    function* endless(state: { pulled: number; returned: boolean }) {
      try {
        for (;;) yield bytes(String(state.pulled++));
      } finally {
        state.returned = true;
      }
    }

    async function read(results: AsyncIterable<Uint8Array>, into: string[] = []): Promise<string[]> {
      for await (const result of results) into.push(textOf(result));
      return into;
    }

    async function settled<T>(results: AsyncIterable<MapOutcome<T>>): Promise<MapOutcome<T>[]> {
      const all: MapOutcome<T>[] = [];
      for await (const outcome of results) all.push(outcome);
      return all;
    }

    /** What `fulfilled` and `rejected` outcomes say, in one word each. */
    const told = (outcomes: readonly MapOutcome<Uint8Array>[]) =>
      outcomes.map((one) =>
        one.status === 'fulfilled' ? `${one.index}=${textOf(one.value)}` : `${one.index}:${one.reason.code}`,
      );

    /** Answers in groups of `size`, the last of a group first. */
    function backwards(size: number): RawHandler {
      const held: PalmMessage[] = [];
      const codec = new EnvelopeCodec();
      return (message) => {
        held.push(message);
        if (held.length < size) return [];
        return held
          .splice(0)
          .reverse()
          .map((own) => ({ topic: own.client, frames: [codec.encode(own)] }));
      };
    }

    async function answer(server: RawServer, to: PalmMessage | undefined, payload: string): Promise<void> {
      if (to === undefined) throw new Error('there is no such call');
      const frames = [new EnvelopeCodec().encode({ ...to, payload: bytes(payload) })];
      await server.publish([{ topic: to.client, frames }]);
    }

    describe('results', () => {
      it('are one for each input, in the order of the inputs', async () => {
        const { client } = await start(backwards(10));
        expect(await within(15_000, read(client.map('raw.f', numbers(5_000))))).toEqual(words(5_000));
      });

      it('come as they arrive when order is not asked for', async () => {
        const { client } = await start(backwards(4));
        const results = await within(5_000, read(client.map('raw.f', numbers(8), { ordered: false })));
        expect(results).toEqual(['3', '2', '1', '0', '7', '6', '5', '4']);
      });

      it('are none for no inputs', async () => {
        const { client } = await start();
        expect(await within(2_000, read(client.map('raw.f', [])))).toEqual([]);
      });

      it('come for async inputs, each sent at once', async () => {
        const { client } = await start();
        let answered = 0;
        async function* oneAfterAnother() {
          for (let i = 0; i < 50; i++) {
            // No further input comes before the last is answered.
            await until(() => answered === i);
            yield bytes(String(i));
          }
        }
        const results: string[] = [];
        for await (const result of client.map('raw.f', oneAfterAnother())) {
          results.push(textOf(result));
          answered++;
        }
        expect(results).toEqual(words(50));
      });

      it('belong to their map alone, whatever else the client does', async () => {
        const { client } = await start();
        const tagged = (tag: string) => Array.from({ length: 400 }, (_, i) => bytes(`${tag}${i}`));
        const all = await within(
          10_000,
          Promise.all([
            read(client.map('raw.f', tagged('a'))),
            read(client.map('raw.f', tagged('b'), { ordered: false })),
            read(client.job('raw.f', tagged('c'), { messages: 400 })),
            Promise.all(Array.from({ length: 20 }, (_, i) => client.eval('raw.f', bytes(`e${i}`)))),
          ]),
        );
        expect(all[0]).toEqual(tagged('a').map(textOf));
        expect(new Set(all[1])).toEqual(new Set(tagged('b').map(textOf)));
        expect(all[2]).toEqual(tagged('c').map(textOf));
        expect(all[3].map(textOf)).toEqual(Array.from({ length: 20 }, (_, i) => `e${i}`));
        expect(client.unclaimed).toBe(0);
      });

      it('are of the type of the client', async () => {
        const { client } = await start();
        const doubled: number[] = [];
        for await (const { n } of client.with(json<{ n: number }>()).map('raw.f', [{ n: 1 }, { n: 2 }]))
          doubled.push(n * 2);
        expect(doubled).toEqual([2, 4]);
        const outcomes = await settled(client.with(text()).mapSettled('raw.f', new Set(['a', 'b'])));
        expect(outcomes).toEqual([
          { index: 0, status: 'fulfilled', value: 'a' },
          { index: 1, status: 'fulfilled', value: 'b' },
        ]);
      });

      it('carry the cache field', async () => {
        const { server, client } = await start();
        await read(client.map('raw.f', numbers(3), { cache: 'mine' }));
        expect(server.received.map(({ cache }) => cache)).toEqual(['mine', 'mine', 'mine']);
      });
    });

    describe('the input', () => {
      it('is not touched before the first read', async () => {
        const { server, client } = await start();
        const state = { pulled: 0, returned: false };
        const results = client.map('raw.f', endless(state));
        await client.eval('raw.f', bytes('x'));
        expect([state.pulled, server.received.length, results.progress]).toEqual([0, 1, undefined]);
        await results.return();
        expect(await results.next()).toEqual({ done: true, value: undefined });
        expect(state.pulled).toBe(0);
      });

      it.each([1, 3, 100])('that is endless gives no more than are read and window %i', async (window) => {
        const { client } = await start();
        const state = { pulled: 0, returned: false };
        let seen = 0;
        for await (const _ of client.map('raw.f', endless(state), { window })) if (++seen === 10) break;
        expect(state.pulled).toBeLessThanOrEqual(10 + window);
        expect(state.returned).toBe(true);
        const { pulled } = state;
        await client.eval('raw.f', bytes('x'));
        expect(state.pulled).toBe(pulled);
      });

      it('waits while results lie unread, and goes on when they are read', async () => {
        const { client } = await start();
        const state = { pulled: 0, returned: false };
        const results = client.map('raw.f', endless(state), { window: 20 });
        await results.next();
        for (let i = 0; i < 5; i++) await client.eval('raw.f', bytes('x'));
        expect(state.pulled).toBeLessThanOrEqual(21);
        for (let i = 1; i < 200; i++)
          expect(textOf((await results.next()).value ?? bytes(''))).toBe(String(i));
        expect(state.pulled).toBeLessThanOrEqual(220);
        await results.return();
      });

      it('that throws ends the map with that, after the results of what came before', async () => {
        const { client } = await start();
        function* failing() {
          yield* numbers(70);
          throw new Error('no more disk');
        }
        const results: string[] = [];
        await expect(within(5_000, read(client.map('raw.f', failing()), results))).rejects.toThrow(
          'no more disk',
        );
        expect(results).toHaveLength(70);
      });

      it('is left where one of its values is no payload', async () => {
        const { client } = await start();
        const results: string[] = [];
        const inputs = [...numbers(20), 'text' as never, ...numbers(5)];
        const failure = within(5_000, read(client.map('raw.f', inputs), results));
        await expect(failure).rejects.toMatchObject({ code: 'INVALID_CALL', index: 20, sent: false });
        expect(results).toHaveLength(20);
        const outcomes = await settled(client.mapSettled('raw.f', [bytes('a'), 5 as never, bytes('b')]));
        expect(told(outcomes)).toEqual(['0=a', '1:INVALID_CALL', '2=b']);
      });
    });

    describe('failures', () => {
      it('are told with their index, after the results before them, and nothing is sent again', async () => {
        const { server, client } = await start(
          ({ payload }) => [textOf(payload) === '5' ? bytes('0') : payload],
          { errorSentinel: true },
        );
        const results: string[] = [];
        const inputs = words(10)
          .map((word) => bytes(`${Number(word)}`))
          .slice(1);
        const failure = within(5_000, read(client.map('raw.f', inputs, { retries: 3 }), results));
        await expect(failure).rejects.toMatchObject({ code: 'REMOTE', index: 4 });
        await expect(failure).rejects.toThrow('input 4');
        expect(results).toEqual(['1', '2', '3', '4']);
        expect(server.received.filter(({ payload }) => textOf(payload) === '5')).toHaveLength(1);
      });

      it('are results of mapSettled', async () => {
        const { client } = await start(({ payload }) => [textOf(payload) === '1' ? bytes('0') : payload], {
          errorSentinel: true,
        });
        const outcomes = await within(5_000, settled(client.mapSettled('raw.f', numbers(3).slice(1))));
        expect(told(outcomes)).toEqual(['0:REMOTE', '1=2']);
      });

      it('end it where an answer cannot be read, which may be to any input', async () => {
        const { client } = await start(({ payload, client: topic }) =>
          textOf(payload) === '1' ? [{ topic, frames: [new Uint8Array([0x0a, 0xff])] }] : [payload],
        );
        const reading = settled(client.mapSettled('raw.f', numbers(3)));
        await expect(within(5_000, reading)).rejects.toMatchObject({ code: 'PROTOCOL' });
        const typed = await settled(client.with(json()).mapSettled('raw.f', [[1], 2]));
        expect(typed.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      });

      it('end it where an answer does not say which input it is to', async () => {
        const { client } = await start((message) => [
          { topic: message.client, frames: [new EnvelopeCodec().encode({ ...message, ordinal: 0 })] },
        ]);
        const reading = settled(client.mapSettled('raw.f', numbers(3)));
        await expect(within(5_000, reading)).rejects.toMatchObject({
          code: 'PROTOCOL',
          message: expect.stringContaining('which input'),
        });
      });

      it('name the answer that is of another type', async () => {
        const { client } = await start(() => [bytes('{')]);
        await expect(client.with(json()).map('raw.f', [1]).next()).rejects.toMatchObject({
          code: 'PROTOCOL',
          index: 0,
        });
      });
    });

    describe('attempts', () => {
      it('without an answer in time fail with TIMEOUT, others unharmed', async () => {
        const { client } = await start(({ payload }) => (textOf(payload) === '1' ? [] : [payload]));
        const outcomes = await within(
          5_000,
          settled(client.mapSettled('raw.f', numbers(4), { timeout: 600 })),
        );
        expect(told(outcomes)).toEqual(['0=0', '1:TIMEOUT', '2=2', '3=3']);
      });

      it('have as long as others are answered, when no time is said', async () => {
        const { server, client } = await start(() => [], { timeout: 1_000 });
        const results = client.map('raw.f', numbers(6));
        const reading = read(results);
        reading.catch(() => {});
        // The last is answered long after the time of one.
        for (let i = 0; i < 6; i++) {
          await until(() => server.received.length === 6);
          await new Promise((resolve) => setTimeout(resolve, 300));
          await answer(server, server.received[i], String(i));
        }
        expect(await within(5_000, reading)).toEqual(words(6));
        expect(results.progress?.retried).toBe(0);
        await expect(within(5_000, read(client.map('raw.f', numbers(2))))).rejects.toMatchObject({
          code: 'TIMEOUT',
          index: 0,
        });
      });

      it('are made again, until one is answered', async () => {
        const tries = new Map<string, number>();
        const { client } = await start(({ payload }) => {
          const own = textOf(payload);
          tries.set(own, (tries.get(own) ?? 0) + 1);
          return Number(own) % 3 === 0 && tries.get(own) !== 3 ? [] : [payload];
        });
        const results = client.map('raw.f', numbers(30), { timeout: 500, retries: 2, retryDelay: 20 });
        expect(await within(10_000, read(results))).toEqual(words(30));
        expect(results.progress).toMatchObject({ answered: 30, failed: 0, retried: 20, inFlight: 0 });
      });

      it('are as many as asked for', async () => {
        const { server, client } = await start(() => []);
        const options = { timeout: 60, retries: 2, retryDelay: 10 };
        await expect(within(5_000, client.map('raw.f', numbers(1), options).next())).rejects.toThrow(
          '3 times',
        );
        expect(server.received).toHaveLength(3);
      });

      it('that are answered late count, and what comes after is dropped', async () => {
        const { server, client } = await start(() => []);
        const results = client.map('raw.f', numbers(2), { timeout: 100, retries: 50, retryDelay: 20 });
        const reading = read(results);
        reading.catch(() => {});
        await within(
          5_000,
          until(() => server.received.length >= 4),
        );
        const [first, second] = server.received;
        await answer(server, first, 'first');
        await answer(
          server,
          server.received.find((one) => one !== first && one.ordinal === first?.ordinal),
          'again',
        );
        await until(() => results.progress?.duplicates === 1);
        await answer(server, second, 'second');
        expect(await within(5_000, reading)).toEqual(['first', 'second']);
        expect(results.progress).toMatchObject({ answered: 2, duplicates: 1, inFlight: 0 });
      });

      it('that are answered twice give one result', async () => {
        const { client } = await start(({ payload }) => [payload, payload]);
        const results = client.map('raw.f', numbers(500));
        expect(await within(5_000, read(results))).toEqual(words(500));
        // The second answer to the last is nobody's any more.
        expect([499, 500]).toContain(results.progress?.duplicates);
      });

      it('that nobody answers leave nothing: no entry, no place, no timer, no listener', async () => {
        const server = await serve(() => []);
        const core = await ClientCore.open(
          resolveOptions({
            transport: on.ground.transport,
            dbAddress: server.dbAddress,
            loggingLevel: 'silent',
          }),
          () => import('../../src/client/later.ts'),
        );
        cleanup.push(() => core.close({}));
        const path = core.callLink();
        const { signal } = new AbortController();
        const listeners = watchListeners(signal);
        const timers = () => process.getActiveResourcesInfo().filter((own) => own === 'Timeout').length;
        const before = timers();
        const payloads = Array.from({ length: 10_000 }, () => bytes('x'));
        const map = openMap(
          core,
          plain(),
          { function: 'raw.f', cache: '', pipeline: 'p', features: 1 },
          payloads,
          { timeout: 50, window: 5_000, signal },
          true,
        );
        let [failed, mostTimers] = [0, 0];
        for (let next = await map.next(); !next.done; next = await map.next()) {
          failed++;
          mostTimers = Math.max(mostTimers, timers());
        }
        expect(failed).toBe(10_000);
        expect([path.mailbox.ids().length, path.inFlight.taken]).toEqual([0, 0]);
        expect([listeners.most, listeners.now]).toEqual([1, 0]);
        // The map's own, the brake's, and those of the link, which may be dialled anew.
        expect(mostTimers).toBeLessThanOrEqual(before + 20);
      });
    });

    describe('ends', () => {
      it('at once with the reason of its signal, sends no more, and lets go of everything', async () => {
        const { server, client } = await start();
        const controller = new AbortController();
        const listeners = watchListeners(controller.signal);
        const state = { pulled: 0, returned: false };
        const results = client.map('raw.f', endless(state), { signal: controller.signal });
        const reading = (async () => {
          let seen = 0;
          for await (const _ of results) if (++seen === 3) controller.abort(new Error('enough'));
          return seen;
        })();
        await expect(within(5_000, reading)).rejects.toThrow('enough');
        expect(state.returned).toBe(true);
        expect(listeners.now).toBe(0);
        await client.eval('raw.f', bytes('x'));
        const { length } = server.received;
        await client.eval('raw.f', bytes('x'));
        expect(server.received).toHaveLength(length + 1);
        const aborted = client.map('raw.f', [], { signal: AbortSignal.abort() }).next();
        await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
      });

      it('with TIMEOUT at its deadline, after the results that came', async () => {
        const { client } = await start(({ payload }) => (textOf(payload) === '2' ? [] : [payload]));
        const results: string[] = [];
        const reading = read(client.map('raw.f', numbers(5), { deadline: 1_000 }), results);
        await expect(within(5_000, reading)).rejects.toMatchObject({ code: 'TIMEOUT' });
        await expect(reading).rejects.toThrow('deadline');
        expect(results).toEqual(['0', '1']);
      });

      it('with CLOSED when its client is closed', async () => {
        const { client } = await start(() => []);
        const next = client.map('raw.f', numbers(2), { retries: 5 }).next();
        next.catch(() => {});
        await client.eval('raw.f', bytes(''), { timeout: 50 }).catch(() => {});
        await within(2_000, client.close());
        await expect(within(1_000, next)).rejects.toMatchObject({ code: 'CLOSED' });
        await expect(within(1_000, client.map('raw.f', numbers(1)).next())).rejects.toMatchObject({
          code: 'CLOSED',
        });
      });

      it('with DISCONNECTED and the index when the server goes', async () => {
        const { server, client } = await start(({ payload }) => (textOf(payload) === '5' ? [] : [payload]));
        const results: string[] = [];
        const reading = read(client.map('raw.f', numbers(6)), results);
        reading.catch(() => {});
        await within(
          3_000,
          until(() => results.length === 5),
        );
        await server.close();
        await expect(within(5_000, reading)).rejects.toMatchObject({ code: 'DISCONNECTED', index: 5 });
      });

      it('only when all is answered, though the server is started anew, where it may try again', async () => {
        const { transport, rawTransport = transport } = on.ground;
        const { server, client } = await start(({ payload }) =>
          Number(textOf(payload)) % 2 ? [] : [payload],
        );
        const results = client.map('raw.f', numbers(40), { retries: 20, retryDelay: 20 });
        const reading = read(results);
        reading.catch(() => {});
        await within(
          3_000,
          until(() => server.received.length === 40),
        );
        const { dbAddress, pullAddress, pubAddress } = server;
        await server.close();
        const again = await startRawServer(
          rawTransport,
          '',
          echo,
          {},
          { dbAddress, pullAddress, pubAddress },
        );
        cleanup.push(() => again.close());
        expect(await within(15_000, reading)).toEqual(words(40));
        expect(results.progress?.retried).toBeGreaterThanOrEqual(20);
      });
    });

    describe('progress', () => {
      it('says how far it is', async () => {
        const { server, client } = await start(() => []);
        const results = client.mapSettled('raw.f', numbers(4), { ordered: false });
        const next = results.next();
        await until(() => server.received.length === 4);
        expect(results.progress).toMatchObject({ taken: 4, answered: 0, inFlight: 4, rate: 0 });
        await new Promise((resolve) => setTimeout(resolve, 20));
        await answer(server, server.received[2], 'x');
        await next;
        const { progress } = results;
        expect(progress).toMatchObject({
          taken: 4,
          answered: 1,
          failed: 0,
          retried: 0,
          duplicates: 0,
          inFlight: 3,
        });
        expect(progress?.started).toBeGreaterThan(Date.now() - 20_000);
        expect(progress?.rate).toBeGreaterThan(0);
        expect(progress?.remaining).toBeCloseTo(3_000 / (progress?.rate ?? 0), 0);
        await results.return();
      });

      it('knows what remains of a list, or of what it is told', async () => {
        const { client } = await start();
        const listed = client.map('raw.f', numbers(4), { window: 1 });
        const told = client.map('raw.f', endless({ pulled: 0, returned: false }), {
          total: 50,
          window: 1,
        });
        const unknown = client.map('raw.f', endless({ pulled: 0, returned: false }), { window: 1 });
        for (const one of [listed, told, unknown]) {
          await one.next();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(listed.progress?.remaining).toBeGreaterThan(0);
        expect(told.progress?.remaining).toBeGreaterThan(0);
        expect(unknown.progress?.remaining).toBeUndefined();
        await Promise.all([listed, told, unknown].map((one: MapResults<unknown>) => one.return()));
      });
    });

    describe('arguments', () => {
      it.each([
        ['a path', 'nodot', [], {}],
        ['an input that is no iterable', 'raw.f', 7, {}],
        ['bytes for an input', 'raw.f', new Uint8Array(3), {}],
        ['a cache that is no text', 'raw.f', [], { cache: 5 }],
      ])('refuses %s before anything is sent', async (_, path, input, options) => {
        const { client } = await start();
        const refusal = expect.objectContaining({ code: 'INVALID_CALL' });
        const map = async () => client.map(path, input as never, options as never).next();
        const settled = async () => client.mapSettled(path, input as never, options as never).next();
        await expect(map).rejects.toEqual(refusal);
        await expect(settled).rejects.toEqual(refusal);
      });

      it.each([
        ['ordered', { ordered: 1 }],
        ['window', { window: 0 }],
        ['window', { window: Number.POSITIVE_INFINITY }],
        ['window', { concurrency: 8 }],
        ['timeout', { timeout: 0 }],
        ['deadline', { deadline: Number.NaN }],
        ['retries', { retries: -1 }],
        ['retries', { retries: 1.5 }],
        ['retryDelay', { retryDelay: 0 }],
        ['total', { total: 0.5 }],
      ])('refuses a bad %s before anything is sent', async (what, options) => {
        const { server, client } = await start();
        const refusal = expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringContaining(what),
        });
        await expect(client.map('raw.f', numbers(1), options as never).next()).rejects.toThrowError(refusal);
        await expect(client.mapSettled('raw.f', numbers(1), options as never).next()).rejects.toThrowError(
          refusal,
        );
        await client.eval('raw.f', bytes('x'));
        expect(server.received).toHaveLength(1);
      });
    });
  });
}

/** Counts the listeners of a signal. */
function watchListeners(signal: AbortSignal): { readonly most: number; readonly now: number } {
  const listeners = new Set<unknown>();
  let most = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    most = Math.max(most, listeners.add(args[1]).size);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1]);
    remove(...args);
  };
  return {
    get most() {
      return most;
    },
    get now() {
      return listeners.size;
    },
  };
}
