/** However a job or map ends: no place, entry, listener or timer of it is left, and its input hears of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallSpec } from '../../../src/client/call.ts';
import { openJob } from '../../../src/client/stream/job.ts';
import { openMap } from '../../../src/client/stream/map.ts';
import { Feature, Status } from '../../../src/protocol/message.ts';
import { text } from '../../../src/protocol/payload.ts';
import { BROKEN, countedSignal, FakeServer, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC: CallSpec = { function: 'server.f', cache: '', pipeline: 'p', features: Feature.batches };

/** An input that counts what is taken of it, and knows when it is told to end. */
function countedInput(count: number) {
  const input = { taken: 0, isOver: false };
  function* values() {
    try {
      for (; input.taken < count; ) yield String(input.taken++);
    } finally {
      input.isOver = true;
    }
  }
  return Object.assign(input, { values: values() });
}

/** A stream that is read to its end, or its error. */
function read(stream: AsyncIterableIterator<unknown>) {
  const outcome = { results: [] as unknown[], error: undefined as unknown, isDone: false };
  const reading = (async () => {
    try {
      for await (const result of stream) outcome.results.push(result);
    } catch (error) {
      outcome.error = error;
    }
    outcome.isDone = true;
  })();
  return Object.assign(outcome, { reading });
}

const KINDS = ['job', 'map', 'mapSettled'] as const;

describe.each(KINDS)('a %s', (kind) => {
  async function begin(inputs = 5, more: object = {}) {
    const server = await FakeServer.open();
    server.up();
    const abort = countedSignal();
    const input = countedInput(inputs);
    const options = { signal: abort.signal, ...more };
    const [client, codec] = [server.client, text()];
    const stream =
      kind === 'job'
        ? openJob(
            client,
            codec,
            SPEC,
            input.values,
            { messages: inputs, idleTimeout: 2_000, ...options },
            undefined,
          )
        : openMap(
            client,
            codec,
            SPEC,
            input.values,
            { timeout: 2_000, deadline: 60_000, ...options },
            kind === 'mapSettled',
          );
    const outcome = read(stream);
    await settle();
    return {
      server,
      stream,
      outcome,
      abort,
      input,
      expectNothingLeft: async () => {
        await outcome.reading;
        await settle();
        expect(server.link.inFlight.taken).toBe(0);
        expect(server.link.mailbox.ids()).toEqual([]);
        expect(abort.listeners).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
        expect(input.isOver).toBe(true);
        // Closing the client would wait for ever for one that still counts as open.
        await server.calls.close();
      },
    };
  }

  it('that is answered', async () => {
    const run = await begin();
    expect(run.server.link.inFlight.taken).toBe(5);
    for (const call of run.server.taken()) run.server.reply(call);
    await run.expectNothingLeft();
    expect(run.outcome.results).toHaveLength(5);
    expect(run.outcome.error).toBeUndefined();
  });

  it("that gives nobody else's places back when it ends", async () => {
    const run = await begin();
    // Another call's.
    run.server.link.inFlight.take(3);
    for (const call of run.server.taken()) run.server.reply(call);
    await run.outcome.reading;
    expect(run.server.link.inFlight.taken).toBe(3);
    run.server.link.inFlight.release(3);
    await run.expectNothingLeft();
  });

  it('that is left with some answers there', async () => {
    const run = await begin();
    const calls = run.server.taken();
    for (const call of calls.slice(0, 2)) run.server.reply(call);
    await settle();
    run.server.link.inFlight.take(3);
    await run.stream.return?.();
    await run.outcome.reading;
    expect(run.server.link.inFlight.taken).toBe(3);
    run.server.link.inFlight.release(3);
    await run.expectNothingLeft();
    // Late ones are nobody's.
    for (const call of calls.slice(2)) run.server.reply(call);
    await settle();
    expect(run.server.link.mailbox.unclaimed).toBe(3);
  });

  it('that is aborted', async () => {
    const run = await begin();
    run.abort.abort();
    await run.expectNothingLeft();
    expect(run.outcome.error).toMatchObject({ name: 'AbortError' });
  });

  it('whose signal has aborted before takes no input', async () => {
    const server = await FakeServer.open();
    server.up();
    const abort = countedSignal();
    abort.abort();
    const input = countedInput(3);
    const options = { signal: abort.signal };
    const stream =
      kind === 'job'
        ? openJob(server.client, text(), SPEC, input.values, options, undefined)
        : openMap(server.client, text(), SPEC, input.values, options, kind === 'mapSettled');
    const outcome = read(stream);
    await outcome.reading;
    expect(outcome.error).toMatchObject({ name: 'AbortError' });
    expect([input.taken, server.taken(), server.link.mailbox.ids(), abort.listeners]).toEqual([0, [], [], 0]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('whose answers stay away', async () => {
    const run = await begin();
    await vi.advanceTimersByTimeAsync(1_900);
    expect(run.outcome.isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(400);
    await run.expectNothingLeft();
    if (kind === 'mapSettled') {
      expect(run.outcome.results).toMatchObject(
        Array.from({ length: 5 }, (_, index) => ({ index, status: 'rejected', reason: { code: 'TIMEOUT' } })),
      );
    } else expect(run.outcome.error).toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
  });

  it('whose link breaks', async () => {
    const run = await begin();
    run.server.subscription.setBroken(BROKEN);
    await run.expectNothingLeft();
    if (kind === 'mapSettled') expect(run.outcome.results).toHaveLength(5);
    else expect(run.outcome.error).toMatchObject({ code: 'DISCONNECTED' });
  });

  it('whose client closes', async () => {
    const run = await begin();
    run.server.link.close();
    await run.expectNothingLeft();
    expect(run.outcome.error).toMatchObject({ code: 'CLOSED' });
  });

  it('one input of which fails', async () => {
    const run = await begin();
    const [first, ...others] = run.server.taken();
    if (first !== undefined) run.server.reply(first, { status: Status.failed, error: 'no', errorName: 'E' });
    for (const call of others) run.server.reply(call);
    await run.expectNothingLeft();
    if (kind === 'mapSettled') expect(run.outcome.results).toHaveLength(5);
    else expect(run.outcome.error).toMatchObject({ code: 'REMOTE', sent: true, remoteName: 'E' });
  });

  it('whose input throws after some', async () => {
    const server = await FakeServer.open();
    server.up();
    const failure = new Error('the input');
    function* values() {
      yield '0';
      throw failure;
    }
    const stream =
      kind === 'job'
        ? openJob(server.client, text(), SPEC, values(), {}, undefined)
        : openMap(server.client, text(), SPEC, values(), {}, kind === 'mapSettled');
    const outcome = read(stream);
    await settle();
    for (const call of server.taken()) server.reply(call);
    await outcome.reading;
    expect(outcome.error).toBe(failure);
    expect(outcome.results).toHaveLength(1);
    expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
    await server.calls.close();
  });

  it('one input of which is not a payload', async () => {
    const server = await FakeServer.open();
    server.up();
    const values = ['0', 5 as unknown as string, '2'];
    const stream =
      kind === 'job'
        ? openJob(server.client, text(), SPEC, values, {}, undefined)
        : openMap(server.client, text(), SPEC, values, {}, kind === 'mapSettled');
    const outcome = read(stream);
    await settle();
    for (const call of server.taken()) server.reply(call);
    await outcome.reading;
    if (kind === 'mapSettled') {
      expect(outcome.results).toMatchObject([
        { index: 0, status: 'fulfilled' },
        { index: 1, status: 'rejected', reason: { code: 'INVALID_CALL', sent: false, index: 1 } },
        { index: 2, status: 'fulfilled' },
      ]);
    } else {
      expect(outcome.error).toMatchObject({ code: 'INVALID_CALL', sent: false, index: 1 });
      expect(outcome.results).toHaveLength(1);
    }
    expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
    await server.calls.close();
  });
});

describe('a map', () => {
  it('takes no input after a failure, though its window has room', async () => {
    const server = await FakeServer.open();
    server.up();
    const input = countedInput(100);
    // Each input is there a turn after the one before.
    async function* slowly() {
      for (const value of input.values) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        yield value;
      }
    }
    const outcome = read(openMap(server.client, text(), SPEC, slowly(), {}));
    await vi.advanceTimersByTimeAsync(35);
    const [first, second] = server.taken();
    // The reader hears of it after the result of the first.
    if (second !== undefined) server.reply(second, { status: Status.failed, error: 'no' });
    await settle();
    const { taken } = input;
    expect(taken).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(200);
    expect(input.taken).toBeLessThanOrEqual(taken + 1);
    expect(server.taken()).toEqual([]);
    expect(outcome.isDone).toBe(false);
    if (first !== undefined) server.reply(first);
    await outcome.reading;
    expect(outcome.results).toHaveLength(1);
    expect(outcome.error).toMatchObject({ code: 'REMOTE', index: 1 });
  });

  it('ends at its deadline', async () => {
    const server = await FakeServer.open();
    server.up();
    const outcome = read(openMap(server.client, text(), SPEC, ['a'], { deadline: 500, timeout: 60_000 }));
    await vi.advanceTimersByTimeAsync(499);
    expect(outcome.isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await outcome.reading;
    expect(outcome.error).toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
    expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
  });

  it('counts what it took, what was answered, failed, tried again, and came twice', async () => {
    const server = await FakeServer.open();
    server.up();
    const stream = openMap(
      server.client,
      text(),
      SPEC,
      ['a', 'b', 'c'],
      { timeout: 100, retries: 1, retryDelay: 10 },
      true,
    );
    const outcome = read(stream);
    await settle();
    expect(stream.progress).toMatchObject({
      taken: 3,
      answered: 0,
      failed: 0,
      retried: 0,
      duplicates: 0,
      inFlight: 3,
    });
    const [a, b] = server.taken();
    if (a !== undefined) {
      server.reply(a);
      server.reply(a);
    }
    if (b !== undefined) server.reply(b, { status: Status.failed, error: 'no' });
    await settle();
    expect(stream.progress).toMatchObject({ taken: 3, answered: 2, failed: 1, duplicates: 1, inFlight: 1 });
    await vi.advanceTimersByTimeAsync(150);
    const [again] = server.taken();
    expect(again?.ordinal).toBe(3);
    expect(stream.progress).toMatchObject({ retried: 1, inFlight: 1 });
    if (again !== undefined) server.reply(again);
    await outcome.reading;
    expect(stream.progress).toMatchObject({
      taken: 3,
      answered: 3,
      failed: 1,
      retried: 1,
      duplicates: 1,
      inFlight: 0,
    });
    expect([server.link.inFlight.taken, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

describe('a job', () => {
  it('that is left while its input is awaited keeps no place for it', async () => {
    const server = await FakeServer.open();
    server.up();
    async function* never() {
      yield 'a';
      await new Promise(() => {});
    }
    const stream = openJob(server.client, text(), SPEC, never(), {}, undefined);
    const outcome = read(stream);
    await settle();
    expect(server.link.inFlight.taken).toBe(2);
    await stream.return();
    await outcome.reading;
    expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
  });

  it('counts what was sent and received', async () => {
    const server = await FakeServer.open();
    server.up();
    const stream = openJob(server.client, text(), SPEC, ['a', 'b'], { messages: 3 }, undefined);
    const outcome = read(stream);
    await settle();
    expect(stream.progress).toMatchObject({ sent: 2, received: 0 });
    const [a] = server.taken();
    for (let i = 0; i < 3; i++) if (a !== undefined) server.reply(a);
    await outcome.reading;
    expect(stream.progress).toMatchObject({ sent: 2, received: 3 });
    expect(outcome.results).toHaveLength(3);
  });
});
