/** What jobs do, on any transport. */
import { describe, expect, it } from 'vitest';
import type { PalmError } from '../../src/index.ts';
import { bytes, textOf } from '../support/bytes.ts';
import { within } from '../support/wait.ts';
import { type Ground, onGround } from './on-ground.ts';

export function testJobs(name: string, make: () => Ground): void {
  describe(`jobs: ${name}`, () => {
    const { startRaw: start } = onGround(make);

    const numbers = (count: number) => Array.from({ length: count }, (_, i) => bytes(String(i)));

    function* endless(state: { pulled: number; returned: boolean }) {
      try {
        for (;;) yield bytes(String(state.pulled++));
      } finally {
        state.returned = true;
      }
    }

    async function read(job: AsyncIterable<Uint8Array>, limit = Number.POSITIVE_INFINITY): Promise<string[]> {
      const results: string[] = [];
      for await (const result of job) {
        results.push(textOf(result));
        if (results.length >= limit) break;
      }
      return results;
    }

    it('gives every result, in the order they arrive', async () => {
      const { client } = await start();
      const results = await within(15_000, read(client.job('raw.f', numbers(20_000), { messages: 20_000 })));
      expect(results).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i)));
    });

    it('takes async inputs, and sends each at once', async () => {
      const { client } = await start();
      let next = 0;
      async function* oneAfterAnother() {
        while (next < 50) yield bytes(String(next++));
      }
      const job = client.job('raw.f', oneAfterAnother(), { messages: 50 });
      expect(await within(5_000, read(job))).toHaveLength(50);
      expect(job.progress).toMatchObject({ sent: 50, received: 50 });
    });

    it('feeds an input from its own results', async () => {
      const { client } = await start();
      const waiting: ((value: IteratorResult<Uint8Array>) => void)[] = [];
      const input: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => waiting.push(resolve)) }),
      };
      const job = client.job('raw.f', input);
      const first = job.next();
      await within(
        2_000,
        until(() => waiting.length === 1),
      );
      waiting.shift()?.({ done: false, value: bytes('1') });
      expect(textOf((await within(2_000, first)).value ?? bytes(''))).toBe('1');
      await job.return?.();
    });

    it('does nothing before it is read', async () => {
      const { server, client } = await start();
      const state = { pulled: 0, returned: false };
      const job = client.job('raw.f', endless(state));
      expect(job.progress).toEqual({ sent: 0, received: 0, started: undefined });
      await client.eval('raw.f', bytes('x'));
      expect(state.pulled).toBe(0);
      expect(server.received).toHaveLength(1);
      await read(job, 1);
      expect(job.progress.started).toBeGreaterThan(Date.now() - 10_000);
    });

    it('runs two jobs and twenty evals at once, each getting its own', async () => {
      const { client } = await start();
      const tagged = (tag: string) => Array.from({ length: 500 }, (_, i) => bytes(`${tag}${i}`));
      const [a, b, evals] = await Promise.all([
        read(client.job('raw.f', tagged('a'), { messages: 500 })),
        read(client.job('raw.f', tagged('b'), { messages: 500 })),
        Promise.all(Array.from({ length: 20 }, (_, i) => client.eval('raw.f', bytes(`e${i}`)))),
      ]);
      expect(a).toEqual(Array.from({ length: 500 }, (_, i) => `a${i}`));
      expect(b).toEqual(Array.from({ length: 500 }, (_, i) => `b${i}`));
      expect(evals.map(textOf)).toEqual(Array.from({ length: 20 }, (_, i) => `e${i}`));
    });

    it('takes fewer or more results than inputs', async () => {
      const { client } = await start(({ payload }) => {
        const value = Number(textOf(payload));
        return value % 2 === 0 ? [bytes(`${value}a`), bytes(`${value}b`)] : [];
      });
      expect(await read(client.job('raw.f', numbers(6), { messages: 6 }))).toEqual([
        '0a',
        '0b',
        '2a',
        '2b',
        '4a',
        '4b',
      ]);
    });

    it('stops pulling the input when enough results came, and returns it', async () => {
      const { client } = await start();
      const state = { pulled: 0, returned: false };
      expect(await read(client.job('raw.f', endless(state), { messages: 10 }))).toHaveLength(10);
      expect(state.returned).toBe(true);
    });

    it('when left stops pulling the input, returns it, and frees its place', async () => {
      const { client } = await start();
      const state = { pulled: 0, returned: false };
      const job = client.job('raw.f', endless(state));
      expect(await read(job, 10)).toHaveLength(10);
      expect(state.returned).toBe(true);
      const pulled = state.pulled;
      await client.eval('raw.f', bytes('x'));
      expect(state.pulled).toBe(pulled);
      expect(await job.next()).toEqual({ done: true, value: undefined });
    });

    it('carries the cache field', async () => {
      const { server, client } = await start();
      const results = client.job('raw.f', ['a', 'b'].map(bytes), { cache: 'mine', messages: 2 });
      for await (const _ of results);
      expect(server.received.map(({ cache }) => cache)).toEqual(['mine', 'mine']);
    });

    it('takes no more input while its results lie unread', async () => {
      const { client } = await start();
      const payload = new Uint8Array(1_000);
      let pulled = 0;
      function* large() {
        for (; pulled < 1_000_000; pulled++) yield payload;
      }
      const job = client.job('raw.f', large(), { window: 100 });
      await job.next();
      let before = -1;
      while (before !== pulled) {
        before = pulled;
        for (let i = 0; i < 20; i++) await client.eval('raw.f', bytes('x'));
      }
      // What is bounded beyond the window is what the sockets on the way hold.
      expect(pulled).toBeLessThan(100_000);
      let read = 1;
      for await (const _ of job) if (++read === before + 500) break;
      expect(read).toBe(before + 500);
    });

    it('survives a reader that is slow', async () => {
      const { client } = await start();
      const payload = new Uint8Array(20_000);
      let count = 0;
      const job = client.job(
        'raw.f',
        Array.from({ length: 1_500 }, () => payload),
        { messages: 1_500 },
      );
      for await (const _ of job) {
        if (++count === 10) await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(count).toBe(1_500);
    });

    it('ends at once with the reason of its signal, and sends no more', async () => {
      const { server, client } = await start();
      const controller = new AbortController();
      const state = { pulled: 0, returned: false };
      const job = client.job('raw.f', endless(state), { signal: controller.signal });
      const reading = (async () => {
        let seen = 0;
        for await (const _ of job) if (++seen === 3) controller.abort(new Error('enough'));
      })();
      await expect(within(5_000, reading)).rejects.toThrow('enough');
      expect(state.returned).toBe(true);
      await client.eval('raw.f', bytes('x'));
      const received = server.received.length;
      await client.eval('raw.f', bytes('x'));
      expect(server.received.length).toBe(received + 1);
      await expect(client.job('raw.f', [], { signal: AbortSignal.abort() }).next()).rejects.toMatchObject({
        name: 'AbortError',
      });
    });

    it('names the input that is no payload, after the results of those before it', async () => {
      const { client } = await start();
      const inputs = [...numbers(200), 'text' as never, ...numbers(5)];
      const results: string[] = [];
      const reading = (async () => {
        for await (const result of client.job('raw.f', inputs)) results.push(textOf(result));
      })();
      await expect(within(5_000, reading)).rejects.toMatchObject({ code: 'INVALID_CALL', index: 200 });
      expect(results).toHaveLength(200);
      expect(textOf(await client.eval('raw.f', bytes('alive')))).toBe('alive');
    });

    it('passes on what its input throws, after the results of what came before', async () => {
      const { client } = await start();
      function* failing() {
        yield* numbers(70);
        throw new Error('no more disk');
      }
      const results: string[] = [];
      const reading = (async () => {
        for await (const result of client.job('raw.f', failing())) results.push(textOf(result));
      })();
      await expect(within(5_000, reading)).rejects.toThrow('no more disk');
      expect(results).toHaveLength(70);
    });

    it('ends with the error of a failed input though some answers never come', async () => {
      const { client } = await start(() => [], { timeout: 1_500 });
      const job = client.job('raw.f', [bytes('a'), 5 as never]);
      await expect(within(10_000, job.next())).rejects.toMatchObject({ code: 'INVALID_CALL', index: 1 });
    });

    it('fails with TIMEOUT when results that are owed do not come', async () => {
      const { client } = await start(({ payload }) => (textOf(payload) === '2' ? [] : [payload]), {
        timeout: 600,
      });
      const results: string[] = [];
      const reading = (async () => {
        for await (const result of client.job('raw.f', numbers(3), { messages: 3 }))
          results.push(textOf(result));
      })();
      await expect(within(3_000, reading)).rejects.toMatchObject({ code: 'TIMEOUT' });
      expect(results).toEqual(['0', '1']);
    });

    it('does not time out while it waits for its own input', async () => {
      const { client } = await start();
      async function* slowly() {
        yield bytes('a');
        await new Promise((resolve) => setTimeout(resolve, 1_200));
        yield bytes('b');
      }
      expect(await read(client.job('raw.f', slowly(), { messages: 2, idleTimeout: 500 }))).toEqual([
        'a',
        'b',
      ]);
    });

    it('goes on past failed calls when told to', async () => {
      const { client } = await start(({ payload }) => [textOf(payload) === 'b' ? bytes('0') : payload], {
        errorSentinel: true,
      });
      const errors: PalmError[] = [];
      const onRemoteError = (error: PalmError) => errors.push(error);
      const inputs = ['a', 'b', 'c'].map(bytes);
      expect(await read(client.job('raw.f', inputs, { messages: 3, onRemoteError }))).toEqual(['a', 'c']);
      expect(errors.map(({ code }) => code)).toEqual(['REMOTE']);
      await expect(read(client.job('raw.f', numbers(3), { messages: 3 }))).rejects.toMatchObject({
        code: 'REMOTE',
      });
    });

    it('ends with what its onRemoteError throws, and harms no other call', async () => {
      const { client } = await start(() => [bytes('0')], { errorSentinel: true });
      const onRemoteError = () => {
        throw new Error('my own');
      };
      await expect(within(3_000, read(client.job('raw.f', numbers(3), { onRemoteError })))).rejects.toThrow(
        'my own',
      );
      await expect(client.eval('raw.f', bytes(''), { timeout: 3_000 })).rejects.toMatchObject({
        code: 'REMOTE',
      });
    });

    it('ends when its client is closed: with CLOSED when results are owed', async () => {
      const { client } = await start(() => []);
      const calls = [{}, { messages: 2 }].map((options) => client.job('raw.f', numbers(2), options).next());
      for (const call of calls) call.catch(() => {});
      await client.eval('raw.f', bytes(''), { timeout: 50 }).catch(() => {});
      await within(2_000, client.close());
      for (const call of calls) await expect(within(1_000, call)).rejects.toMatchObject({ code: 'CLOSED' });
    });

    it.each([
      ['that has ended', () => numbers(2)],
      [
        'that waits for more',
        async function* () {
          yield* numbers(2);
          await new Promise(() => {});
        },
      ],
    ])(
      'without an end ends well when its client is closed, with an input %s and all of it answered',
      async (_, input) => {
        const { client } = await start();
        const job = client.job('raw.f', input());
        expect([
          textOf((await job.next()).value ?? bytes('')),
          textOf((await job.next()).value ?? bytes('')),
        ]).toEqual(['0', '1']);
        const last = job.next();
        await within(2_000, client.close());
        expect(await within(1_000, last)).toEqual({ done: true, value: undefined });
      },
    );

    it('that still had input when its client was closed gives what was answered, and CLOSED', async () => {
      const { client } = await start();
      let given = 0;
      function* endless() {
        for (;;) yield bytes(`${given++}`);
      }
      const job = client.job('raw.f', endless(), { window: 10 });
      const results = [textOf((await job.next()).value ?? bytes(''))];
      const closing = client.close();
      const reading = (async () => {
        for await (const result of job) results.push(textOf(result));
      })();
      await expect(within(2_000, reading)).rejects.toMatchObject({ code: 'CLOSED' });
      expect(results).toEqual(Array.from({ length: given }, (_, i) => `${i}`));
      await closing;
    });

    it('that is to give none sends its input and ends, as in pylm', async () => {
      const { server, client } = await start();
      const job = client.job('raw.f', numbers(3), { messages: 0 });
      expect(await within(2_000, job.next())).toEqual({ done: true, value: undefined });
      await within(
        2_000,
        until(() => server.received.length === 3),
      );
    });

    it('ends with DISCONNECTED when the server goes, after the results that came', async () => {
      const { server, client } = await start(({ payload }) => (textOf(payload) === '5' ? [] : [payload]));
      const job = client.job('raw.f', numbers(6), { messages: 6 });
      const results: string[] = [];
      const reading = (async () => {
        for await (const result of job) results.push(textOf(result));
      })();
      reading.catch(() => {});
      await within(
        3_000,
        until(() => results.length === 5),
      );
      await server.close();
      await expect(within(5_000, reading)).rejects.toMatchObject({ code: 'DISCONNECTED' });
    });

    it.each([
      ['messages', { messages: -1 }],
      ['window', { window: 0 }],
      ['window', { window: Number.POSITIVE_INFINITY }],
      ['window', { window: Number.NaN }],
      ['window', { concurrency: 8 } as never],
      ['idleTimeout', { idleTimeout: Number.NaN }],
      ['cache', { cache: null as never }],
    ])('refuses a bad %s before anything is sent', async (what, options) => {
      const { client } = await start();
      const refusal = expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringContaining(what),
      });
      await expect(async () => client.job('raw.f', [], options).next()).rejects.toThrowError(refusal);
    });

    it.each([
      ['a path', 'nodot', []],
      ['an input that is no iterable', 'raw.f', 7],
      ['bytes for an input', 'raw.f', new Uint8Array(3)],
    ])('refuses %s before anything is sent', async (_, path, input) => {
      const { client } = await start();
      await expect(async () => client.job(path, input as never).next()).rejects.toMatchObject({
        code: 'INVALID_CALL',
      });
    });
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}
