/** What each option of a job does, how it ends, and what its server and its reader are told. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import type { CallSpec } from '../../../../src/client/call.ts';
import { openJob, startJob } from '../../../../src/client/stream/job.ts';
import type { JobOptions } from '../../../../src/client/stream/options.ts';
import { consoleLogger } from '../../../../src/logging.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { Feature, type PalmMessage, Status } from '../../../../src/protocol/message.ts';
import { readMetadata } from '../../../../src/protocol/metadata.ts';
import { json, type PayloadCodec, text } from '../../../../src/protocol/payload.ts';
import { bytes, textOf } from '../../../support/bytes.ts';
import { BROKEN, FakeServer, settle } from '../../../support/fake-connection.ts';
import { nextOf } from '../../../support/next-of.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC: CallSpec = { function: 'server.f', cache: 'k', pipeline: 'p', features: Feature.batches };

/** Inputs that are counted as they are taken. */
function inputs(count: number) {
  const own = { taken: 0, isLeft: false };
  function* values() {
    try {
      while (own.taken < count) yield String(own.taken++);
    } finally {
      own.isLeft = true;
    }
  }
  return Object.assign(own, { values: values() });
}

interface Settings {
  readonly payloads?: Iterable<unknown> | AsyncIterable<unknown>;
  readonly isUp?: boolean;
  readonly codec?: PayloadCodec<never, unknown>;
  readonly started?: number;
}

async function begin(
  options: JobOptions = {},
  { payloads = ['a', 'b'], isUp = true, codec = text() as never, started }: Settings = {},
) {
  const server = await FakeServer.open();
  if (isUp) server.up();
  const cancel = vi.fn();
  server.link.cancel = cancel;
  const job = openJob(server.client, codec, SPEC, payloads as never, options, started);
  const next = () => nextOf(job);
  return { server, job, next, cancel };
}

const answer = (server: FakeServer, call: PalmMessage | undefined, fields: Partial<PalmMessage> = {}) => {
  if (call !== undefined) server.reply(call, fields);
};

/** Nothing of a job that has ended is left. */
async function expectNothingLeft(server: FakeServer) {
  await settle();
  expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
  await server.calls.close();
}

describe('a job', () => {
  it('takes nothing before it is read, and gives results in the order they come', async () => {
    const input = inputs(2);
    const { server, job, next } = await begin({ messages: 2 }, { payloads: input.values });
    await settle();
    expect([input.taken, server.taken(), job.progress.started]).toEqual([0, [], undefined]);
    const first = next();
    await settle();
    const calls = server.taken();
    expect(
      calls.map(({ payload, cache, pipeline, client }) => [textOf(payload), cache, pipeline, client]),
    ).toEqual([
      ['0', 'k', 'p', 'client/1'],
      ['1', 'k', 'p', 'client/1'],
    ]);
    answer(server, calls[1]);
    answer(server, calls[0]);
    await settle();
    expect([first.value, job.progress]).toEqual(['1', { sent: 2, received: 2, started: expect.any(Number) }]);
    const [second, third] = [next(), next()];
    await settle();
    expect([second.value, third.isDone, third.value]).toEqual(['0', true, undefined]);
    await expectNothingLeft(server);
  });

  it('began when its caller says that it was first read', async () => {
    const { job, next } = await begin({}, { started: 5 });
    next();
    expect(job.progress.started).toBe(5);
    await job.return();
  });

  it('is not sent before the link is there, and takes no input', async () => {
    const input = inputs(3);
    const { server, job, next } = await begin({}, { payloads: input.values, isUp: false });
    next();
    await settle();
    expect([input.taken, server.link.mailbox.ids()]).toEqual([0, []]);
    server.up();
    await settle();
    expect([input.taken, server.taken().length]).toEqual([3, 3]);
    await job.return();
    await expectNothingLeft(server);
  });

  it('that is left before the link is there is not sent then', async () => {
    const { server, job, next, cancel } = await begin({}, { isUp: false });
    next();
    await job.return();
    server.up();
    await expectNothingLeft(server);
    expect([server.taken(), cancel.mock.calls]).toEqual([[], []]);
  });

  it('sends what is there together, 128 messages at most', async () => {
    const { server, job, next } = await begin({}, { payloads: inputs(200).values });
    const send = vi.spyOn(server.pusher, 'send');
    next();
    await settle();
    expect(send.mock.calls.map(([frames]) => frames.length)).toEqual([128, 72]);
    expect(job.progress.sent).toBe(200);
    await job.return();
  });

  it('sends together what an async input gives before other events have their turn', async () => {
    async function* values() {
      yield 'a';
      yield 'b';
      await new Promise((resolve) => setTimeout(resolve, 10));
      yield 'c';
    }
    const { server, job, next } = await begin({}, { payloads: values() });
    const send = vi.spyOn(server.pusher, 'send');
    next();
    await settle();
    await vi.advanceTimersByTimeAsync(20);
    expect(send.mock.calls.map(([frames]) => frames.length)).toEqual([2, 1]);
    await job.return();
    await expectNothingLeft(server);
  });

  it('that is left while it waits for a place takes no input, and keeps none', async () => {
    const input = inputs(3);
    const { server, job, next } = await begin({}, { payloads: input.values });
    let others = 0;
    while (server.link.tryAdmit()) others++;
    next();
    await settle();
    expect(input.taken).toBe(0);
    await job.return();
    server.link.inFlight.release(others);
    await settle();
    expect([input.taken, server.taken()]).toEqual([0, []]);
    await expectNothingLeft(server);
  });

  it('that is left while it waits for its reader takes no more input', async () => {
    const input = inputs(10);
    const { server, job, next } = await begin({ window: 1 }, { payloads: input.values });
    next();
    await settle();
    for (const call of server.taken()) answer(server, call);
    await settle();
    const { taken } = input;
    await job[Symbol.asyncDispose]();
    await settle();
    expect([input.taken, server.taken()]).toEqual([taken, []]);
    await expectNothingLeft(server);
  });

  it('waits for room in the transport', async () => {
    const room = deferred<void>();
    const { server, job, next } = await begin({}, { payloads: inputs(1_000).values });
    Object.assign(server.pusher, { room: () => room.promise });
    next();
    await settle();
    const { sent } = job.progress;
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(1_000);
    room.resolve();
    await settle();
    expect(job.progress.sent).toBe(1_000);
    await job.return();
    await expectNothingLeft(server);
  });
});

describe('the window of a job', () => {
  it('bounds the results that are unread: no more input is taken, until half of them are read', async () => {
    const gate: (() => void)[] = [];
    let taken = 0;
    async function* values() {
      for (;;) {
        yield String(taken++);
        await new Promise<void>((resolve) => gate.push(resolve));
      }
    }
    const { server, job, next } = await begin({ window: 4 }, { payloads: values() });
    const first = next();
    await settle();
    for (let i = 0; i < 10; i++) {
      for (const call of server.taken()) answer(server, call);
      await settle();
      gate.shift()?.();
      await settle();
    }
    // One is read and four wait, or five with the input that was awaited when there was room.
    expect(first.value).toBe('0');
    const [before, unread] = [taken, job.progress.received - 1];
    expect(unread).toBeGreaterThanOrEqual(4);
    expect(unread).toBeLessThanOrEqual(5);
    expect(before).toBe(job.progress.received);
    for (let left = unread - 1; left >= 2; left--) {
      next();
      await settle();
      gate.shift()?.();
      await settle();
      expect([left, taken]).toEqual([left, before + Number(left === 2)]);
    }
    await job.return();
  });
});

describe('a job that is told how it ends', () => {
  it('by a number of results', async () => {
    for (const messages of [1, 3]) {
      const { server, next } = await begin({ messages });
      const reads = Array.from({ length: messages + 1 }, () => next());
      await settle();
      const [call] = server.taken();
      for (let i = 0; i < 4; i++) answer(server, call);
      await settle();
      expect(reads.map(({ isDone }) => isDone)).toEqual([...Array(messages).fill(false), true]);
      await expectNothingLeft(server);
    }
  });

  it('by none: it gives nothing, and ends when its input has left', async () => {
    const left = deferred<void>();
    const { server, next, cancel } = await begin({ messages: 0 });
    const send = server.pusher.send.bind(server.pusher);
    server.pusher.send = async (frames) => {
      await send(frames);
      await left.promise;
    };
    const read = next();
    await settle();
    const [call] = server.taken();
    answer(server, call, { status: Status.failed, error: 'no' });
    await settle();
    expect(read.isDone).toBeUndefined();
    left.resolve();
    await settle();
    expect([read.isDone, read.error, cancel.mock.calls.length]).toEqual([true, undefined, 1]);
    await expectNothingLeft(server);
  });

  it('by its function, which says that it has given all', async () => {
    const { server, job, next, cancel } = await begin({ untilEnd: true }, { payloads: ['a'] });
    const reads = [next(), next(), next()];
    await settle();
    const [call] = server.taken();
    expect(call?.features).toBe(Feature.batches | Feature.ends);
    for (const payload of ['1', '2']) answer(server, call, { payload: bytes(payload) });
    answer(server, call, { status: Status.ended, payload: bytes('3') });
    await settle();
    expect(reads).toMatchObject([{ value: '1' }, { value: '2' }, { isDone: true, error: undefined }]);
    expect(job.progress.received).toBe(2);
    await expectNothingLeft(server);
    expect(cancel).not.toHaveBeenCalled();
  });

  it('by its function, for one of several inputs: the others are cancelled', async () => {
    const { server, next, cancel } = await begin({ untilEnd: true });
    const read = next();
    await settle();
    answer(server, server.taken()[0], { status: Status.ended });
    await settle();
    expect([read.isDone, read.error, cancel.mock.calls.length]).toEqual([true, undefined, 1]);
    await expectNothingLeft(server);
  });

  it('not by its input, which may have more results', async () => {
    const { server, job, next } = await begin();
    const reads = [next(), next(), next()];
    await settle();
    expect(server.taken()[0]?.features).toBe(Feature.batches);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(reads.map(({ isDone }) => isDone)).toEqual([undefined, undefined, undefined]);
    await job.return();
    await expectNothingLeft(server);
  });
});

describe('a failure of a function', () => {
  it('ends a job, after the results before it', async () => {
    const { server, next } = await begin();
    const reads = [next(), next()];
    await settle();
    const [a, b] = server.taken();
    answer(server, a);
    answer(server, b, { status: Status.failed, error: 'no' });
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: { code: 'REMOTE', sent: true } }]);
    await expectNothingLeft(server);
  });

  it('is given to onRemoteError, counts as a result, and the job goes on', async () => {
    const onRemoteError = vi.fn();
    const { server, job, next } = await begin({ messages: 2, onRemoteError });
    const reads = [next(), next()];
    await settle();
    const [a, b] = server.taken();
    answer(server, a, { status: Status.failed, error: 'no' });
    answer(server, b);
    await settle();
    expect(reads).toMatchObject([{ value: 'b' }, { isDone: true, error: undefined }]);
    expect(onRemoteError.mock.calls).toMatchObject([[{ code: 'REMOTE' }]]);
    expect(job.progress.received).toBe(2);
    await expectNothingLeft(server);
  });

  it('ends a job at once with what onRemoteError throws', async () => {
    const failure = new Error('enough');
    const onRemoteError = () => {
      throw failure;
    };
    const { server, next } = await begin({ onRemoteError });
    const read = next();
    await settle();
    answer(server, server.taken()[0], { status: Status.failed, error: 'no' });
    await settle();
    expect(read.error).toBe(failure);
    await expectNothingLeft(server);
  });

  it("may be '0', where the client says so", async () => {
    const { server, job, next } = await begin();
    Object.assign(server.client.settings, { errorSentinel: true });
    const other = openJob(server.client, text(), SPEC, ['a'], {}, undefined);
    const reading = expect(other.next()).rejects.toMatchObject({ code: 'REMOTE' });
    const read = next();
    await settle();
    for (const call of server.taken()) answer(server, call, { payload: bytes('0') });
    await settle();
    await reading;
    expect(read.value).toBe('0');
    await job.return();
  });

  it('is a result of another format: what is unread is dropped', async () => {
    const { server, next } = await begin({}, { payloads: [1, 2], codec: json<unknown>() as never });
    const read = next();
    await settle();
    const [a] = server.taken();
    answer(server, a, { payload: bytes('{') });
    answer(server, a, { payload: bytes('1') });
    await settle();
    const after = next();
    await settle();
    expect(read.error).toMatchObject({
      code: 'PROTOCOL',
      message: expect.stringMatching(/^a result is not JSON: /),
      sent: true,
    });
    expect([after.isDone, after.value]).toEqual([true, undefined]);
    await expectNothingLeft(server);
  });
});

describe('the time of a job', () => {
  it.each([
    [{ messages: 3 }, 1_000, '0 of 3'],
    [{ untilEnd: true }, 1_000, '0'],
    [{ idleTimeout: 200 }, 200, '0'],
    [{ messages: 3, idleTimeout: 300 }, 300, '0 of 3'],
  ])('with %j is up after %i ms without a result', async (options, time, came) => {
    const { server, next, cancel } = await begin(options);
    const read = next();
    await settle();
    await vi.advanceTimersByTimeAsync(time - 1);
    expect(read.isDone).toBeUndefined();
    // It looks a few times in that span.
    await vi.advanceTimersByTimeAsync(time / 2);
    expect(read.error).toMatchObject({
      code: 'TIMEOUT',
      sent: 'unknown',
      message: `no further result (2 sent, ${came} results came) from server.f at push within ${time} ms; it may need longer`,
    });
    expect(cancel.mock.calls).toEqual([['1', SPEC_OF(options), read.error]]);
    await expectNothingLeft(server);
  });

  const SPEC_OF = ({ untilEnd = false }: JobOptions) => ({
    ...SPEC,
    features: SPEC.features | (untilEnd ? Feature.ends : 0),
  });

  it('is up where there is no link, and nothing was sent', async () => {
    const { server, next, cancel } = await begin({ idleTimeout: 200 }, { isUp: false });
    const read = next();
    await vi.advanceTimersByTimeAsync(300);
    expect(read.error).toMatchObject({ code: 'TIMEOUT', sent: false });
    expect(cancel).not.toHaveBeenCalled();
    server.up();
    await expectNothingLeft(server);
    expect(server.taken()).toEqual([]);
  });

  it('begins anew with each result', async () => {
    const { server, job, next } = await begin({ messages: 3, idleTimeout: 200 });
    const reads = [next(), next(), next()];
    await settle();
    const calls = server.taken();
    for (const call of calls) {
      await vi.advanceTimersByTimeAsync(150);
      answer(server, call);
    }
    await vi.advanceTimersByTimeAsync(150);
    expect(reads.map(({ isDone }) => isDone)).toEqual([false, false, undefined]);
    await job.return();
    await expectNothingLeft(server);
  });

  it('is up while its input is awaited when a result is owed', async () => {
    async function* slow() {
      yield 'a';
      await new Promise(() => {});
    }
    const { server, next } = await begin({ idleTimeout: 200 }, { payloads: slow() });
    const read = next();
    await vi.advanceTimersByTimeAsync(300);
    expect(read.error).toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
    await expectNothingLeft(server);
  });

  it('is not up while its input is awaited and all else is answered', async () => {
    async function* slow() {
      yield 'a';
      await new Promise(() => {});
    }
    const { server, job, next } = await begin({ idleTimeout: 200 }, { payloads: slow() });
    const reads = [next(), next()];
    await settle();
    answer(server, server.taken()[0]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reads.map(({ isDone }) => isDone)).toEqual([false, undefined]);
    await job.return();
    await expectNothingLeft(server);
  });

  it('is not up while its reader reads nothing', async () => {
    const { server, job, next } = await begin(
      { idleTimeout: 200, window: 1 },
      { payloads: inputs(10).values },
    );
    next();
    await settle();
    const calls = server.taken();
    for (const call of calls) answer(server, call);
    await settle();
    for (const call of server.taken()) answer(server, call);
    await vi.advanceTimersByTimeAsync(10_000);
    const read = next();
    await settle();
    expect(read.error).toBeUndefined();
    await job.return();
    await expectNothingLeft(server);
  });
});

describe('the server of a job is told', () => {
  it('that it was left, with its id', async () => {
    const { job, next, cancel } = await begin();
    next();
    await settle();
    await job.return();
    expect(cancel.mock.calls).toEqual([['1', SPEC, 'the job was left']]);
  });

  it('that it was aborted, and why', async () => {
    const abort = new AbortController();
    const { job, next, cancel } = await begin({ signal: abort.signal });
    const read = next();
    await settle();
    abort.abort('enough');
    await settle();
    // It ends once, also when it is left then.
    await job.return();
    expect([read.error, cancel.mock.calls]).toEqual(['enough', [['1', SPEC, 'enough']]]);
  });

  it('that it was left, though each input has a result: there may be more', async () => {
    for (const payloads of [['a'], ['a', 'b']]) {
      const { server, job, next, cancel } = await begin({}, { payloads });
      next();
      await settle();
      for (const call of server.taken()) answer(server, call);
      await settle();
      await job.return();
      expect(cancel.mock.calls).toEqual([['1', SPEC, 'the job was left']]);
    }
  });

  it('nothing when all that were wanted came, or nothing was taken', async () => {
    const { server, next, cancel } = await begin({ messages: 2 });
    next();
    await settle();
    for (const call of server.taken()) answer(server, call);
    await settle();
    expect(cancel).not.toHaveBeenCalled();
    const empty = await begin({}, { payloads: [] });
    empty.next();
    await settle();
    await empty.job.return();
    expect(empty.cancel).not.toHaveBeenCalled();
    const failed = await begin({ messages: 2 });
    const reads = [failed.next(), failed.next()];
    await settle();
    const [a, b] = failed.server.taken();
    answer(failed.server, a);
    answer(failed.server, b, { status: Status.failed, error: 'no' });
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: { code: 'REMOTE' } }]);
    expect(failed.cancel).not.toHaveBeenCalled();
  });

  it('nothing when its input has failed, and all before that came', async () => {
    const failure = new Error('why');
    function* values() {
      yield 'a';
      throw failure;
    }
    const { server, next, cancel } = await begin({}, { payloads: values() });
    const reads = [next(), next()];
    await settle();
    answer(server, server.taken()[0]);
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: failure }]);
    expect(cancel).not.toHaveBeenCalled();
  });

  it('once, however often it is left', async () => {
    const { job, next, cancel } = await begin();
    next();
    await settle();
    await job.return();
    await job.return();
    await job[Symbol.asyncDispose]();
    expect(cancel).toHaveBeenCalledTimes(1);
  });

  it('when all that were wanted came, and not each input has its result', async () => {
    const { server, next, cancel } = await begin({ messages: 1 });
    next();
    await settle();
    answer(server, server.taken()[0]);
    await settle();
    expect(cancel.mock.calls).toEqual([['1', SPEC, 'the job was left']]);
  });
});

describe('the end of a job', () => {
  it('is told once to those who asked for it', async () => {
    const { job, next } = await begin();
    const ended = vi.fn();
    job.onEnd(ended);
    next();
    await settle();
    expect(ended).not.toHaveBeenCalled();
    await job.return();
    await job.return();
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it('comes after the results that are there, though nothing can be sent any more', async () => {
    const { server, next } = await begin({}, { payloads: inputs(100_000).values });
    const first = next();
    await settle();
    const [call] = server.taken();
    for (let i = 0; i < 3; i++) answer(server, call);
    await settle();
    server.link.close();
    await settle();
    const reads = [next(), next(), next()];
    await settle();
    expect([first, ...reads].map(({ value }) => value)).toEqual(['0', '0', '0', undefined]);
    expect(reads[2]?.error).toMatchObject({ code: 'CLOSED' });
  });
});

describe('a job whose client closes', () => {
  it('ends without an error when its input is over and answered', async () => {
    const { server, next } = await begin();
    const reads = [next(), next(), next()];
    await settle();
    const closing = server.calls.close();
    await settle();
    expect(reads[2]?.isDone).toBeUndefined();
    for (const call of server.taken()) answer(server, call);
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { value: 'b' }, { isDone: true, error: undefined }]);
    await closing;
    await expectNothingLeft(server);
  });

  it('ends without an error while its input gives nothing', async () => {
    let isLeft = false;
    const payloads = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => {}),
        return: async () => {
          isLeft = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { server, next } = await begin({}, { payloads });
    const read = next();
    await settle();
    await server.calls.close();
    await settle();
    expect([read.isDone, read.error, isLeft]).toEqual([true, undefined, true]);
    await expectNothingLeft(server);
  });

  it('goes on until all results came that were wanted', async () => {
    const { server, next } = await begin({ messages: 3 }, { payloads: ['a'] });
    const reads = [next(), next(), next(), next()];
    await settle();
    const closing = server.calls.close();
    const [call] = server.taken();
    for (let i = 0; i < 3; i++) {
      answer(server, call);
      await settle();
    }
    expect(reads.map(({ isDone, error }) => [isDone, error])).toEqual(
      [false, false, false, true].map((isDone) => [isDone, undefined]),
    );
    await closing;
  });

  it('ends with CLOSED when more results were wanted of an input that is awaited', async () => {
    async function* slow() {
      yield 'a';
      await new Promise(() => {});
    }
    const { server, next } = await begin({ messages: 2 }, { payloads: slow() });
    const reads = [next(), next()];
    await settle();
    const closing = server.calls.close();
    answer(server, server.taken()[0]);
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: { code: 'CLOSED', sent: 'unknown' } }]);
    await closing;
  });

  it('ends with CLOSED when it had more input, or was owed results', async () => {
    const input = inputs(3_000);
    const { server, job, next } = await begin({ window: 10 }, { payloads: input.values });
    const read = next();
    await settle();
    const closing = server.calls.close();
    for (const call of server.taken()) answer(server, call);
    await settle();
    while (read.isDone === undefined) await settle();
    let last = read;
    for (let i = 0; i < 5_000 && last.error === undefined && !last.isDone; i++) {
      last = next();
      await settle();
    }
    await job.return();
    await closing;
    expect([input.isLeft, last.error]).toMatchObject([true, { code: 'CLOSED', sent: 'unknown' }]);
    await expectNothingLeft(server);
    const owed = await begin({ messages: 5 });
    const reads = [owed.next(), owed.next(), owed.next()];
    await settle();
    void owed.server.calls.close();
    for (const call of owed.server.taken()) answer(owed.server, call);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(reads[2]?.error).toMatchObject({ code: 'TIMEOUT' });
  });

  it('takes no more input, and says that nothing was sent where there is no link', async () => {
    const { server, next } = await begin({ messages: 1 }, { isUp: false });
    const read = next();
    await settle();
    await server.calls.close();
    await settle();
    expect(read.error).toMatchObject({ code: 'CLOSED', sent: false });
    await expectNothingLeft(server);
  });
});

it('a job whose input fails waits for what is owed as long as its client waits for an answer', async () => {
  const failure = new Error('why');
  function* values() {
    yield 'a';
    throw failure;
  }
  const { server, next, cancel } = await begin({}, { payloads: values() });
  const read = next();
  await settle();
  await vi.advanceTimersByTimeAsync(999);
  expect(read.isDone).toBeUndefined();
  await vi.advanceTimersByTimeAsync(500);
  expect([read.error, cancel.mock.calls.length]).toEqual([failure, 1]);
  await expectNothingLeft(server);
});

it('a job with metadata of its own, or within interceptors, is opened with them', async () => {
  const server = await FakeServer.open();
  server.up();
  const seen = vi.fn();
  const client = Object.assign(server.client, {
    interceptors: [] as never[],
    settings: {
      timeout: 1_000,
      metadata: { tenant: 'acme' },
      logger: consoleLogger('test'),
      transport: { name: 'fake' },
    },
    callLink: () => server.link,
    connection: server.connection,
    serverName: 'server',
    cache: { codec: new EnvelopeCodec() },
  });
  const open = async (options: JobOptions) => {
    const opening = startJob(client, text(), SPEC, ['a'], { messages: 1, ...options }, 5);
    await vi.dynamicImportSettled();
    const job = await opening;
    const reading = job.next();
    await settle();
    const [call] = server.taken();
    answer(server, call);
    await settle();
    expect([(await reading).value, job.progress.started]).toEqual(['a', 5]);
    await job.return();
    return readMetadata(call?.unknown ?? bytes(''));
  };
  expect(await open({})).toEqual({});
  expect(await open({ metadata: { lang: 'de' } })).toEqual({ tenant: 'acme', lang: 'de' });
  const interceptor = (next: (call: unknown) => unknown) => (call: { kind: string }) => {
    seen(call.kind);
    return next(call);
  };
  client.interceptors.push(interceptor as never);
  expect(await open({})).toEqual({ tenant: 'acme' });
  expect(seen.mock.calls).toEqual([['job']]);
  // Its other options count as well.
  const abort = new AbortController();
  const opening = startJob(client, text(), SPEC, ['a'], { signal: abort.signal }, 5);
  await vi.dynamicImportSettled();
  const reading = (await opening).next();
  await settle();
  abort.abort('enough');
  await expect(reading).rejects.toBe('enough');
});

it('a job that cannot be sent fails with the link', async () => {
  const { server, next } = await begin();
  server.pusher.send = () => Promise.reject(BROKEN);
  const read = next();
  await settle();
  expect(read.error).toBe(BROKEN);
  await expectNothingLeft(server);
});

it('a job names the input that cannot be sent, after the results before it', async () => {
  const { server, next } = await begin({}, { payloads: ['a', 5, 'c'] });
  const reads = [next(), next()];
  await settle();
  const calls = server.taken();
  expect(calls.map(({ payload }) => textOf(payload))).toEqual(['a']);
  answer(server, calls[0]);
  await settle();
  expect(reads).toMatchObject([
    { value: 'a' },
    {
      error: {
        code: 'INVALID_CALL',
        sent: false,
        index: 1,
        message: expect.stringMatching(/^input 1 of the job server\.f was not sent: .*not 5/),
      },
    },
  ]);
  await expectNothingLeft(server);
});
