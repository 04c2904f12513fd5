/** What each role does with messages. On any transport. */
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/async/deferred.ts';
import type { Hub, Master, Pipeline, Server, Sink, Worker } from '../../src/cluster/index.ts';
import type { Client } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { type TestGround, testCluster } from '../support/test-cluster.ts';
import { until, within } from '../support/wait.ts';

const tag = (name: string) => (payload: Uint8Array) => bytes(`${textOf(payload)}|${name}`);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

async function readAll(client: Client, path: string | string[], sent: readonly string[], messages: number) {
  const results: string[] = [];
  const payloads = sent.map(bytes);
  for await (const result of client.job(path, payloads, { messages })) results.push(textOf(result));
  return results;
}

/** Adds the tests. */
export function testRoles(name: string, make: () => TestGround): void {
  describe(`roles on ${name}`, () => {
    const cluster = testCluster(make);

    describe('a pipeline', () => {
      async function open() {
        const { start, connect } = cluster();
        const first = await start<Server>({
          role: 'server',
          name: 'first',
          pipelined: true,
          functions: { tag: tag('first') },
        });
        const second = await start<Pipeline>({
          role: 'pipeline',
          name: 'second',
          subAddress: first.pubAddress,
          previous: 'first',
          functions: {
            tag: tag('second'),
            even: (payload) => (Number(textOf(payload)) % 2 === 0 ? payload : undefined),
            lateEven: async (payload) => (Number(textOf(payload)) % 2 === 0 ? payload : undefined),
            boom: () => {
              throw new RangeError('too far');
            },
          },
        });
        await second.ready();
        const client = await connect({ dbAddress: first.dbAddress, subAddress: second.pubAddress });
        return { first, second, client };
      }

      it('runs a function on each server, in order', async () => {
        const { client } = await open();
        expect(textOf(await client.eval(['first.tag', 'second.tag'], bytes('x')))).toBe('x|first|second');
        const results = await readAll(client, ['first.tag', 'second.tag'], numbers(3_000), 3_000);
        expect(results).toEqual(numbers(3_000).map((number) => `${number}|first|second`));
      });

      it('ends messages whose function returns nothing', async () => {
        const { client, second } = await open();
        for (const path of ['second.even', 'second.lateEven']) {
          const results = await readAll(client, ['first.echo', path], numbers(10), 5);
          expect(results).toEqual(['0', '2', '4', '6', '8']);
        }
        expect(second.counters).toMatchObject({
          received: 20,
          answered: 10,
          ended: 10,
          failed: 0,
          inFlight: 0,
        });
      });

      it('tells the caller what failed first', async () => {
        const { client } = await open();
        await expect(client.eval(['first.echo', 'second.boom'], bytes(''))).rejects.toMatchObject({
          code: 'REMOTE',
          remoteName: 'RangeError',
        });
        await expect(client.eval(['first.nothing', 'second.tag'], bytes(''))).rejects.toMatchObject({
          code: 'REMOTE',
          message: expect.stringContaining('first.nothing'),
        });
      });
    });

    describe('a sink', () => {
      it('takes what several servers publish', async () => {
        const { start, connect } = cluster();
        let count = 0;
        const first = await start<Server>({
          role: 'server',
          name: 'first',
          handleStream: (message) => {
            message.stage++;
            return { topic: count++ % 2 === 0 ? 'even' : 'odd', message };
          },
        });
        // The path names one function for a stage, so branches share a name.
        const branches = await Promise.all(
          ['even', 'odd'].map((previous) =>
            start<Pipeline>({
              role: 'pipeline',
              name: 'branch',
              previous,
              subAddress: first.pubAddress,
              toClient: false,
              functions: { run: tag(previous) },
            }),
          ),
        );
        const sink = await start<Sink>({
          role: 'sink',
          name: 'sink',
          subAddresses: branches.map(({ pubAddress }) => pubAddress),
          previous: ['branch', 'branch'],
          functions: { run: tag('sink') },
        });
        await Promise.all([...branches, sink].map((role) => role.ready()));
        const client = await connect({ dbAddress: first.dbAddress, subAddress: sink.pubAddress });
        const sent = numbers(1_000);
        const results = await readAll(client, ['first.echo', 'branch.run', 'sink.run'], sent, sent.length);
        const expected = sent.map((number, i) => `${number}|${i % 2 === 0 ? 'even' : 'odd'}|sink`);
        expect([...results].sort()).toEqual(expected.sort());
      });
    });

    describe('a master', () => {
      async function open(master: object = {}, workers: object[] = [{}, {}]) {
        const { start, connect, transport } = cluster();
        const role = await start<Master>({ role: 'master', name: 'master', ...master });
        const { dbAddress } = role;
        const crew = await Promise.all(
          workers.map((worker, i) =>
            start<Worker>({
              role: 'worker',
              name: `worker${i}`,
              dbAddress,
              functions: {
                upper: (payload) => bytes(textOf(payload).toUpperCase()),
                who: (_payload, { name }) => bytes(name),
              },
              ...worker,
            }),
          ),
        );
        const client = await connect({ dbAddress });
        return { master: role, workers: crew, client, transport };
      }

      it('has its workers run each call once', async () => {
        const { client, master, workers } = await open();
        expect(textOf(await client.eval('master.upper', bytes('x')))).toBe('X');
        const sent = numbers(5_000);
        const results = await readAll(client, 'master.echo', sent, sent.length);
        expect([...results].sort()).toEqual([...sent].sort());
        expect(workers.map(({ counters }) => counters.received).reduce((a, b) => a + b)).toBe(5_001);
        for (const { counters } of workers) expect(counters.received).toBeGreaterThan(0);
        expect(master.counters).toMatchObject({ received: 5_001, answered: 5_001, failed: 0, inFlight: 0 });
      });

      it('scatters and gathers', async () => {
        let gathered = 0;
        const { client } = await open({
          *scatter(message: { payload: Uint8Array }) {
            for (let i = 0; i < 3; i++)
              yield { ...message, payload: bytes(`${textOf(message.payload)}${i}`) };
          },
          async *gather(message: { payload: Uint8Array }) {
            yield message;
            if (++gathered === 6) yield { ...message, payload: bytes('end') };
          },
        });
        const results = await readAll(client, 'master.upper', ['a', 'b'], 7);
        expect([...results].sort()).toEqual(['A0', 'A1', 'A2', 'B0', 'B1', 'B2', 'end']);
      });

      it('gives the parts of one message the same mark, and leaves the marks of the user', async () => {
        const seen: string[] = [];
        const { client } = await open({
          *scatter(message: object) {
            yield message;
            yield message;
          },
          *gather(message: { cache: string }) {
            seen.push(message.cache);
            yield message;
          },
        });
        await client.eval('master.echo', bytes(''), { messages: 2 });
        await client.eval('master.echo', bytes(''), { messages: 2, cache: 'mine' });
        expect(seen[0]).not.toBe('');
        expect(seen[1]).toBe(seen[0]);
        expect(seen.slice(2)).toEqual(['mine', 'mine']);
      });

      it('answers when scatter or gather fails', async () => {
        const { client } = await open({
          *scatter(message: { payload: Uint8Array }) {
            if (textOf(message.payload) === 'scatter') throw new Error('no scatter');
            yield message;
          },
          *gather(message: { payload: Uint8Array }) {
            if (textOf(message.payload) === 'gather') throw new Error('no gather');
            yield textOf(message.payload) === 'odd' ? 'no message' : message;
          },
        });
        for (const [payload, reason] of [
          ['scatter', 'no scatter'],
          ['gather', 'no gather'],
          ['odd', 'scatter and gather must give messages'],
        ] as const) {
          await expect(client.eval('master.echo', bytes(payload))).rejects.toMatchObject({
            code: 'REMOTE',
            message: expect.stringContaining(reason),
          });
        }
        expect(textOf(await client.eval('master.echo', bytes('fine')))).toBe('fine');
      });

      it.each(['scatter', 'gather'])(
        'answers when %s is an async function and no generator',
        async (what) => {
          const { client, master } = await open({
            [what]: async ({ payload }: { payload: Uint8Array }) => {
              if (textOf(payload) === 'fails') throw new Error('nobody hears this');
            },
          });
          for (const payload of ['fails', 'does not'])
            await expect(client.eval('master.echo', bytes(payload))).rejects.toThrow(
              /as generators do, not a Promise/,
            );
          await within(
            3_000,
            until(() => master.counters.inFlight === 0),
          );
        },
      );

      it('gives every result of a generator', async () => {
        const functions = {
          *count(payload: Uint8Array) {
            for (let i = 0; i < Number(textOf(payload)); i++) yield bytes(String(i));
          },
          async *countLater(payload: Uint8Array) {
            for (let i = 0; i < Number(textOf(payload)); i++) yield bytes(String(i));
          },
          *half() {
            yield bytes('one');
            throw new Error('then none');
          },
        };
        const { client, master } = await open({}, [{ functions }]);
        for (const name of ['count', 'countLater']) {
          const results = await client.eval(`master.${name}`, bytes('5'), { messages: 5 });
          expect(results.map(textOf)).toEqual(['0', '1', '2', '3', '4']);
        }
        await client
          .job('master.count', [bytes('0')])
          [Symbol.asyncIterator]()
          .return?.();
        await expect(client.eval('master.half', bytes(''), { messages: 2 })).rejects.toMatchObject({
          code: 'REMOTE',
          message: expect.stringContaining('then none'),
        });
        expect(master.counters.inFlight).toBe(0);
      });

      it('tells the caller which function of a worker failed', async () => {
        const functions = {
          boom: () => {
            throw new RangeError('too far');
          },
          nothing: () => undefined,
          text: () => 'text' as never,
        };
        const { client } = await open({}, [{ functions }]);
        for (const [name, text] of [
          ['boom', 'too far'],
          ['nothing', 'undefined'],
          ['text', '"text"'],
          ['missing', 'no function'],
        ]) {
          await expect(client.eval(`master.${name}`, bytes(''))).rejects.toMatchObject({
            code: 'REMOTE',
            message: expect.stringContaining(text ?? ''),
          });
        }
      });

      it('keeps calls without a worker for the first worker that comes', async () => {
        const { start, connect } = cluster();
        const master = await start<Master>({ role: 'master', name: 'master' });
        const client = await connect({ dbAddress: master.dbAddress });
        const answer = client.eval('master.echo', bytes('early'));
        await start<Worker>({ role: 'worker', dbAddress: master.dbAddress });
        expect(textOf(await within(5_000, answer))).toBe('early');
      });

      it('has quick work done elsewhere while a worker is slow', async () => {
        const over = deferred<void>();
        const functions = {
          work: async (payload: Uint8Array) => {
            if (textOf(payload) === 'slow') await over.promise;
            return new Uint8Array(payload);
          },
        };
        const { client } = await open({}, [{ functions }, { functions }]);
        const sent = numbers(100).map((number, i) => (i === 10 ? 'slow' : number));
        const results: string[] = [];
        const reading = (async () => {
          for await (const result of client.job('master.work', sent.map(bytes), { messages: 100 })) {
            results.push(textOf(result));
            // One may wait behind it.
            if (results.length === 98) over.resolve();
          }
        })();
        await within(10_000, reading, () => `${results.length} of 98`);
        expect(results.indexOf('slow')).toBeGreaterThanOrEqual(98);
      });

      it('runs as many async functions at once as the worker’s concurrency', async () => {
        let running = 0;
        let most = 0;
        const functions = {
          wait: async (payload: Uint8Array) => {
            most = Math.max(most, ++running);
            await new Promise((resolve) => setTimeout(resolve, 20));
            running--;
            return new Uint8Array(payload);
          },
        };
        const { client } = await open({}, [{ functions, concurrency: 4 }]);
        await readAll(client, 'master.wait', numbers(40), 40);
        expect(most).toBe(4);
      });

      it('loses nothing when a worker closes midway', async () => {
        const { client, workers, master } = await open();
        const sent = numbers(20_000);
        const seen: string[] = [];
        for await (const result of client.job('master.echo', sent.map(bytes), { messages: sent.length })) {
          seen.push(textOf(result));
          if (seen.length === 5_000) workers[0]?.close();
        }
        expect(new Set(seen).size).toBe(sent.length);
        expect(master.counters).toMatchObject({ dropped: 0, inFlight: 0 });
      });

      it('finishes what it has when it closes', async () => {
        const functions = {
          wait: async (payload: Uint8Array) => {
            await new Promise((resolve) => setTimeout(resolve, 100));
            return new Uint8Array(payload);
          },
        };
        const { client, master } = await open({}, [{ functions, concurrency: 8 }]);
        const calls = Promise.all(numbers(8).map((number) => client.eval('master.wait', bytes(number))));
        while (master.counters.received < 8) await new Promise(setImmediate);
        await within(3_000, master.close({ timeout: 2_000 }));
        expect(master.counters).toMatchObject({ answered: 8, inFlight: 0 });
        expect(await within(3_000, calls)).toHaveLength(8);
      });

      it.each([0, 1])('works with workers that it pushes to, beside %i that ask for work', async (asking) => {
        const { start, connect } = cluster();
        const master = await start<Master>({ role: 'master', name: 'master' });
        const { dbAddress, workerPushAddress: pushAddress, workerPullAddress: pullAddress } = master;
        const pushed = await start<Worker>({ role: 'worker', dbAddress, pushAddress, pullAddress });
        for (let i = 0; i < asking; i++) await start<Worker>({ role: 'worker', dbAddress });
        const client = await connect({ dbAddress });
        const sent = numbers(5_000);
        const results = await readAll(client, 'master.echo', sent, sent.length);
        expect([...results].sort()).toEqual([...sent].sort());
        expect(pushed.counters.received).toBeGreaterThan(0);
        await within(
          2_000,
          until(() => master.counters.inFlight === 0),
        );
      });
    });

    describe('a hub', () => {
      it('has workers run what a previous server publishes', async () => {
        const { start, connect } = cluster();
        const first = await start<Server>({
          role: 'server',
          name: 'first',
          pipelined: true,
          functions: { tag: tag('first') },
        });
        const hub = await start<Hub>({
          role: 'hub',
          name: 'hub',
          subAddress: first.pubAddress,
          previous: 'first',
        });
        await start<Worker>({ role: 'worker', dbAddress: hub.dbAddress, functions: { tag: tag('hub') } });
        await hub.ready();
        const client = await connect({ dbAddress: first.dbAddress, subAddress: hub.pubAddress });
        const results = await readAll(client, ['first.tag', 'hub.tag'], numbers(2_000), 2_000);
        expect([...results].sort()).toEqual(
          numbers(2_000)
            .map((number) => `${number}|first|hub`)
            .sort(),
        );
      });
    });
  });
}
