/** What each option of a map does, how it ends, and what its server and its reader are told. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../src/async/deferred.ts';
import type { CallSpec } from '../../../../src/client/call.ts';
import { openMap, startMap } from '../../../../src/client/stream/map.ts';
import type { MapOptions } from '../../../../src/client/stream/options.ts';
import { consoleLogger } from '../../../../src/logging.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
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

interface Settings {
  readonly payloads?: Iterable<unknown> | AsyncIterable<unknown>;
  readonly isUp?: boolean;
  readonly isSettled?: boolean;
  readonly codec?: PayloadCodec<never, unknown>;
}

async function begin(
  options: MapOptions = {},
  { payloads = ['a', 'b', 'c'], isUp = true, isSettled = false, codec = text() as never }: Settings = {},
) {
  const server = await FakeServer.open();
  if (isUp) server.up();
  const cancel = vi.fn();
  server.link.cancel = cancel;
  const map = openMap(server.client, codec, SPEC, payloads as never, options, isSettled);
  const next = () => nextOf(map);
  return { server, map, next, cancel };
}

const answer = (server: FakeServer, call: PalmMessage | undefined, fields: Partial<PalmMessage> = {}) => {
  if (call !== undefined) server.reply(call, fields);
};
const shown = (calls: readonly PalmMessage[]) =>
  calls.map(({ ordinal, payload }) => `${ordinal} ${textOf(payload)}`);

async function expectNothingLeft(server: FakeServer) {
  await settle();
  expect([server.link.inFlight.taken, server.link.mailbox.ids(), vi.getTimerCount()]).toEqual([0, [], 0]);
  await server.calls.close();
}

describe('a map', () => {
  it('numbers its inputs, and gives their results in their order, or as they come', async () => {
    for (const ordered of [undefined, true, false]) {
      const { server, map, next } = await begin({ ordered });
      const reads = [next(), next(), next(), next()];
      await settle();
      const calls = server.taken();
      expect(shown(calls)).toEqual(['1 a', '2 b', '3 c']);
      expect(new Set(calls.map(({ client, cache }) => `${client} ${cache}`))).toEqual(
        new Set(['client/1 k']),
      );
      for (const call of [...calls].reverse()) answer(server, call);
      await settle();
      expect(reads.map(({ value }) => value).slice(0, 3)).toEqual(
        ordered === false ? ['c', 'b', 'a'] : ['a', 'b', 'c'],
      );
      expect(reads[3]).toMatchObject({ isDone: true, error: undefined });
      expect(map.progress).toMatchObject({ taken: 3, answered: 3, inFlight: 0 });
      await expectNothingLeft(server);
    }
  });

  it('gives failures as results where it is told to, and fails with the first otherwise', async () => {
    for (const isSettled of [true, false]) {
      const { server, next } = await begin({}, { isSettled });
      const reads = [next(), next(), next(), next()];
      await settle();
      const [a, b, c] = server.taken();
      answer(server, b, { status: Status.failed, error: 'no', errorName: 'E' });
      answer(server, c);
      answer(server, a);
      await settle();
      const reason = {
        code: 'REMOTE',
        index: 1,
        message: 'input 1: server.f failed: E: no',
        remoteName: 'E',
      };
      if (isSettled)
        expect(reads.slice(0, 3).map(({ value }) => value)).toMatchObject([
          { index: 0, status: 'fulfilled', value: 'a' },
          { index: 1, status: 'rejected', reason },
          { index: 2, status: 'fulfilled', value: 'c' },
        ]);
      else expect(reads.slice(0, 2)).toMatchObject([{ value: 'a' }, { error: reason }]);
      await expectNothingLeft(server);
    }
  });

  it('is done after the last result', async () => {
    const { server, map } = await begin({}, { payloads: ['a'] });
    const reading = map.next();
    await settle();
    answer(server, server.taken()[0]);
    expect([await reading, await map.next()]).toEqual([
      { done: false, value: 'a' },
      { done: true, value: undefined },
    ]);
  });

  it('fails as its link does while calls are refused, and when its client was closed before the first read', async () => {
    const refused = await begin({}, { isUp: false });
    refused.server.link.refusal = new PalmError('WRONG_SERVER', 'another one is there', { sent: false });
    const read = refused.next();
    await settle();
    expect(read.error).toBe(refused.server.link.refusal);
    await expectNothingLeft(refused.server);
    const late = await begin();
    await late.server.calls.close();
    const lateRead = late.next();
    await settle();
    expect(lateRead.error).toMatchObject({ code: 'CLOSED', sent: false });
    expect(late.server.taken()).toEqual([]);
  });

  it('says which answer or input is of another format', async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const { server, next } = await begin(
      {},
      { payloads: [1, circle], codec: json<unknown>() as never, isSettled: true },
    );
    const reads = [next(), next()];
    await settle();
    const calls = server.taken();
    expect(shown(calls)).toEqual(['1 1']);
    answer(server, calls[0], { payload: bytes('{') });
    await settle();
    expect(reads.map(({ value }) => value)).toMatchObject([
      {
        index: 0,
        reason: {
          code: 'PROTOCOL',
          sent: true,
          index: 0,
          message: expect.stringMatching(/^input 0: the answer of server\.f is not JSON: /),
          cause: expect.any(SyntaxError),
        },
      },
      {
        index: 1,
        reason: {
          code: 'INVALID_CALL',
          sent: false,
          index: 1,
          message: expect.stringMatching(/^input 1 of server\.f was not sent: /),
          cause: expect.any(TypeError),
        },
      },
    ]);
    await expectNothingLeft(server);
  });

  it('fails at an answer that does not say which input it is to', async () => {
    const { server, next } = await begin();
    const read = next();
    await settle();
    answer(server, server.taken()[0], { ordinal: 0 });
    await settle();
    expect(read.error).toMatchObject({
      code: 'PROTOCOL',
      sent: true,
      message: expect.stringMatching(/^an answer of server\.f does not say which input it is to: /),
    });
    await expectNothingLeft(server);
  });

  it('takes an answer of an input that it never had for a duplicate', async () => {
    const { server, map, next } = await begin();
    next();
    await settle();
    answer(server, server.taken()[0], { ordinal: 9 });
    await settle();
    expect(map.progress).toMatchObject({ answered: 0, duplicates: 1 });
    await map.return();
  });

  it('fails as its input does, after the results of those before', async () => {
    const failure = new Error('why');
    function* values() {
      yield 'a';
      throw failure;
    }
    const { server, next } = await begin({}, { payloads: values() });
    const reads = [next(), next()];
    await settle();
    expect(reads[1]?.isDone).toBeUndefined();
    answer(server, server.taken()[0]);
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: failure }]);
    await expectNothingLeft(server);
  });
});

describe('the window of a map', () => {
  it('bounds how far the input runs ahead of the reader', async () => {
    const own = { taken: 0 };
    function* values() {
      while (own.taken < 100) yield String(own.taken++);
    }
    const { server, map, next } = await begin({ window: 8 }, { payloads: values() });
    const read = next();
    await settle();
    expect([own.taken, map.progress.taken]).toEqual([8, 8]);
    for (const call of server.taken()) answer(server, call);
    await settle();
    // One is read; there is room again when a quarter of the window is free.
    expect([read.value, own.taken]).toEqual(['0', 8]);
    next();
    await settle();
    expect(own.taken).toBe(10);
    await map.return();
    await expectNothingLeft(server);
  });
});

describe('the progress of a map', () => {
  it('tells rate and rest, where the number of inputs is known, and stands still at the end', async () => {
    const { server, map, next } = await begin();
    expect(map.progress).toMatchObject({ rate: 0, remaining: undefined, started: undefined });
    for (let i = 0; i < 4; i++) next();
    await settle();
    const calls = server.taken();
    await vi.advanceTimersByTimeAsync(500);
    answer(server, calls[0]);
    await settle();
    expect(map.progress).toMatchObject({ rate: 2, remaining: 1_000 });
    await vi.advanceTimersByTimeAsync(500);
    for (const call of calls.slice(1)) answer(server, call);
    await settle();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(map.progress).toMatchObject({ rate: 3, remaining: 0, answered: 3 });
    await expectNothingLeft(server);
  });

  it('takes the number from its caller, before that of the payloads', async () => {
    const { server, map, next } = await begin({ total: 11, window: 1 });
    next();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    answer(server, server.taken()[0]);
    await settle();
    expect(map.progress).toMatchObject({ rate: 10, remaining: 1_000 });
    await map.return();
    // Once the input has ended, its number is known.
    const ended = await begin({ total: 11 });
    ended.next();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    answer(ended.server, ended.server.taken()[0]);
    await settle();
    expect(ended.map.progress).toMatchObject({ rate: 10, remaining: 200 });
    await ended.map.return();
    const unknown = await begin(
      {},
      {
        payloads: (async function* () {
          yield 'a';
          await new Promise(() => {});
        })(),
      },
    );
    unknown.next();
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    answer(unknown.server, unknown.server.taken()[0]);
    await settle();
    expect(unknown.map.progress).toMatchObject({ rate: 10, remaining: undefined });
    await unknown.map.return();
  });
});

describe('the time of a map', () => {
  it('is that of each attempt where it is given, and the server is told which message is given up', async () => {
    const { server, next, cancel } = await begin({ timeout: 100 }, { isSettled: true });
    const reads = [next(), next(), next()];
    await settle();
    const calls = server.taken();
    await vi.advanceTimersByTimeAsync(60);
    answer(server, calls[0]);
    await vi.advanceTimersByTimeAsync(60);
    expect(reads.map(({ value }) => value)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'TIMEOUT', sent: 'unknown' } },
      {
        status: 'rejected',
        reason: { message: 'input 2: no answer from server.f at push within 100 ms; it may need longer' },
      },
    ]);
    expect(cancel.mock.calls.map(([call, spec, error]) => [call, spec, error.code])).toEqual([
      ['1:2', SPEC, 'TIMEOUT'],
      ['1:3', SPEC, 'TIMEOUT'],
    ]);
    await expectNothingLeft(server);
  });

  it('is the client’s where none is given, and begins anew with any answer', async () => {
    const { server, map, next } = await begin({}, { isSettled: true });
    const reads = [next(), next()];
    await settle();
    const calls = server.taken();
    await vi.advanceTimersByTimeAsync(800);
    answer(server, calls[0]);
    await vi.advanceTimersByTimeAsync(800);
    expect(reads.map(({ isDone }) => isDone)).toEqual([false, undefined]);
    await vi.advanceTimersByTimeAsync(300);
    expect(reads[1]?.value).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT' } });
    await map.return();
    await expectNothingLeft(server);
  });

  it('of what was not sent says so, and cancels nothing', async () => {
    const { server, next, cancel } = await begin({ timeout: 100 }, { isUp: false });
    const read = next();
    await vi.advanceTimersByTimeAsync(150);
    expect(read.error).toMatchObject({ code: 'TIMEOUT', sent: false, index: 0 });
    expect(cancel).not.toHaveBeenCalled();
    server.up();
    await expectNothingLeft(server);
    expect(server.taken()).toEqual([]);
  });

  it('is up at the deadline for all of it', async () => {
    const { server, next, cancel } = await begin({ deadline: 500, timeout: 60_000 });
    const reads = [next(), next()];
    await settle();
    answer(server, server.taken()[0]);
    await vi.advanceTimersByTimeAsync(500);
    expect(reads[1]?.error).toMatchObject({
      code: 'TIMEOUT',
      sent: 'unknown',
      message: '1 of 3 inputs of server.f were answered within the deadline of 500 ms',
    });
    expect(cancel.mock.calls).toEqual([['1', SPEC, reads[1]?.error]]);
    await expectNothingLeft(server);
  });
});

describe('a map that tries again', () => {
  it('sends what has no answer in time, under its number, and takes the first answer', async () => {
    const { server, map, next } = await begin(
      { timeout: 100, retries: 2, retryDelay: 10 },
      { payloads: ['a'] },
    );
    const read = next();
    await settle();
    const [first] = server.taken();
    await vi.advanceTimersByTimeAsync(120);
    const [second] = server.taken();
    expect(second).toMatchObject({ ordinal: 1, payload: bytes('a') });
    answer(server, first);
    await settle();
    expect([read.value, map.progress.retried]).toEqual(['a', 1]);
    answer(server, second);
    await settle();
    await expectNothingLeft(server);
  });

  it('says how often it tried', async () => {
    const { server, next } = await begin({ timeout: 100, retries: 1, retryDelay: 10 }, { payloads: ['a'] });
    const read = next();
    await vi.advanceTimersByTimeAsync(300);
    expect(read.error).toMatchObject({
      message: expect.stringMatching(/^input 0 \(tried 2 times\): no answer from server\.f/),
    });
    await expectNothingLeft(server);
  });

  it('sends what a break has lost, and not what was sent since', async () => {
    const { server, map, next } = await begin({ retries: 1, retryDelay: 10 });
    next();
    await settle();
    expect(server.taken()).toHaveLength(3);
    server.subscription.setBroken(BROKEN);
    server.up();
    await vi.advanceTimersByTimeAsync(50);
    const again = server.taken();
    expect(shown(again).sort()).toEqual(['1 a', '2 b', '3 c']);
    expect(map.progress.retried).toBe(3);
    for (const call of again) answer(server, call);
    await settle();
    expect(map.progress.answered).toBe(3);
    await map.return();
  });

  it('gives each input its time, whenever another one is tried again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const second = deferred<void>();
    async function* values() {
      yield 'a';
      await second.promise;
      yield 'b';
    }
    const { server, map, next } = await begin(
      { timeout: 100, retries: 1, retryDelay: 10_000 },
      { payloads: values(), isSettled: true },
    );
    next();
    await vi.advanceTimersByTimeAsync(150);
    expect(shown(server.taken())).toEqual(['1 a']);
    second.resolve();
    await settle();
    expect(shown(server.taken())).toEqual(['2 b']);
    // Both rest for 7.5 s after their time was up, at 100 and 250 ms.
    await vi.advanceTimersByTimeAsync(7_800);
    expect(shown(server.taken())).toEqual(['1 a', '2 b']);
    await map.return();
    await expectNothingLeft(server);
  });

  it('is not harmed by an earlier attempt that fails to leave', async () => {
    const { server, next } = await begin({ timeout: 100, retries: 1, retryDelay: 10 }, { payloads: ['a'] });
    const leaving = deferred<void>();
    vi.spyOn(server.pusher, 'send').mockReturnValueOnce(leaving.promise);
    const read = next();
    await vi.advanceTimersByTimeAsync(150);
    const [again] = server.taken();
    leaving.reject(new PalmError('DISCONNECTED', 'gone', { sent: 'unknown' }));
    await settle();
    expect(read.isDone).toBeUndefined();
    answer(server, again);
    await settle();
    expect(read.value).toBe('a');
    await expectNothingLeft(server);
  });

  it('is not sent twice while the link is down', async () => {
    const { server, map, next } = await begin({ timeout: 100, retries: 5, retryDelay: 10 }, { isUp: false });
    next();
    await vi.advanceTimersByTimeAsync(350);
    server.up();
    await settle();
    expect(new Set(shown(server.taken())).size).toBeLessThanOrEqual(3);
    expect(server.link.inFlight.taken).toBeLessThanOrEqual(3);
    await map.return();
    await vi.advanceTimersByTimeAsync(1_000);
    await expectNothingLeft(server);
  });
});

describe('a transport that does not send', () => {
  it('what it refuses alone fails, and the others go on', async () => {
    const { server, next } = await begin({}, { isSettled: true });
    const send = server.pusher.send.bind(server.pusher);
    const tooLarge = new PalmError('TOO_LARGE', 'over the limit', { sent: false });
    server.pusher.send = async (frames) => {
      // Together, or with the second input.
      if (frames.length > 1 || textOf(frames[0] ?? bytes('')).includes('\u0001b')) throw tooLarge;
      await send(frames);
    };
    const reads = [next(), next(), next()];
    await settle();
    const calls = server.taken();
    expect(shown(calls)).toEqual(['1 a', '3 c']);
    for (const call of calls) answer(server, call);
    await settle();
    expect(reads.map(({ value }) => value)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'TOO_LARGE', sent: false, index: 1 } },
      { status: 'fulfilled' },
    ]);
    await expectNothingLeft(server);
  });

  it('because it is closed is as good as a break', async () => {
    const { server, map, next } = await begin({ retries: 1, retryDelay: 10 }, { payloads: ['a'] });
    const closed = new PalmError('CLOSED', 'the channel is closed', { sent: false });
    vi.spyOn(server.pusher, 'send').mockRejectedValueOnce(closed);
    const read = next();
    await vi.advanceTimersByTimeAsync(50);
    answer(server, server.taken()[0]);
    await settle();
    expect([read.value, map.progress.retried]).toEqual(['a', 1]);
    await expectNothingLeft(server);
  });

  it('fails what it may have sent, and that is tried again', async () => {
    const { server, map, next } = await begin({ retries: 1, retryDelay: 10 });
    const send = vi.spyOn(server.pusher, 'send').mockRejectedValueOnce(new Error('odd'));
    const read = next();
    await vi.advanceTimersByTimeAsync(50);
    expect([send.mock.calls.length > 1, map.progress.retried]).toEqual([true, 3]);
    for (const call of server.taken()) answer(server, call);
    await settle();
    expect(read.value).toBe('a');
    await map.return();
    const other = await begin();
    vi.spyOn(other.server.pusher, 'send').mockRejectedValueOnce(new Error('odd'));
    const failed = other.next();
    await settle();
    expect(failed.error).toMatchObject({ code: 'DISCONNECTED', message: 'input 0: sending failed: odd' });
  });
});

describe('the end of a map', () => {
  it('tells the server of what is under way alone', async () => {
    const { server, map, next, cancel } = await begin();
    next();
    await settle();
    const calls = server.taken();
    for (const call of calls.slice(1)) answer(server, call);
    await settle();
    await map.return();
    expect(cancel.mock.calls).toEqual([['1', SPEC, 'the map was left']]);
    const whole = await begin();
    whole.next();
    await settle();
    for (const call of whole.server.taken()) answer(whole.server, call);
    await settle();
    await whole.map.return();
    expect(whole.cancel).not.toHaveBeenCalled();
    await expectNothingLeft(server);
  });

  it('comes with CLOSED when the client closes, after the results of what was sent', async () => {
    async function* values() {
      yield 'a';
      await new Promise(() => {});
    }
    const { server, next } = await begin({}, { payloads: values() });
    const reads = [next(), next()];
    await settle();
    const closing = server.calls.close();
    answer(server, server.taken()[0]);
    await settle();
    expect(reads).toMatchObject([{ value: 'a' }, { error: { code: 'CLOSED', sent: 'unknown' } }]);
    await closing;
    let give = () => {};
    let isGiven = false;
    const own = await begin(
      {},
      {
        payloads: {
          async *[Symbol.asyncIterator]() {
            yield 'a';
            await new Promise<void>((resolve) => {
              give = resolve;
            });
            isGiven = true;
            yield 'late';
          },
        },
      },
    );
    const ownReads = [own.next(), own.next()];
    await settle();
    void own.server.calls.close();
    // An input that was awaited is not taken.
    give();
    await settle();
    const [call, ...others] = own.server.taken();
    answer(own.server, call);
    await settle();
    expect([isGiven, others, ownReads]).toMatchObject([
      true,
      [],
      [{ value: 'a' }, { error: { code: 'CLOSED', sent: 'unknown' } }],
    ]);
    const none = await begin(
      {},
      { payloads: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) } as never },
    );
    const read = none.next();
    await settle();
    await none.server.calls.close();
    await settle();
    expect(read.error).toMatchObject({ code: 'CLOSED', sent: false });
  });
});

describe('inputs of a map', () => {
  it('are sent together, 128 at most, and no more than have places', async () => {
    const payloads = Array.from({ length: 1_100 }, (_, i) => String(i));
    const { server, map, next } = await begin({}, { payloads });
    const send = vi.spyOn(server.pusher, 'send');
    server.link.inFlight.answered(1, performance.now());
    next();
    await settle();
    const sizes = send.mock.calls.map(([frames]) => frames.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    let answered = 0;
    while (answered < 1_100) {
      const calls = server.taken();
      expect(calls.length).toBeGreaterThan(0);
      for (const call of calls) answer(server, call);
      answered += calls.length;
      await settle();
    }
    expect(map.progress).toMatchObject({ taken: 1_100, answered: 1_100, duplicates: 0 });
    await map.return();
    await expectNothingLeft(server);
  });

  it('wait for a batch to leave before the next is made', async () => {
    const left = deferred<void>();
    const payloads = Array.from({ length: 1_000 }, (_, i) => String(i));
    const { server, map, next } = await begin({}, { payloads });
    const send = server.pusher.send.bind(server.pusher);
    let batches = 0;
    server.pusher.send = async (frames) => {
      batches++;
      await left.promise;
      await send(frames);
    };
    next();
    await settle();
    expect(batches).toBeLessThanOrEqual(3);
    expect(map.progress.taken).toBeLessThan(1_000);
    left.resolve();
    await settle();
    expect(map.progress.taken).toBe(1_000);
    await map.return();
    await expectNothingLeft(server);
  });
});

it('a map with metadata of its own, or within interceptors, is opened with them', async () => {
  const server = await FakeServer.open();
  server.up();
  const seen = vi.fn();
  const client = Object.assign(server.client, {
    interceptors: [] as never[],
    settings: { timeout: 1_000, metadata: { tenant: 'acme' }, logger: consoleLogger('test') },
    callLink: () => server.link,
  });
  const open = async (options: MapOptions) => {
    const opening = startMap(client, text(), SPEC, ['a'], options);
    await vi.dynamicImportSettled();
    const map = await opening;
    const reading = map.next();
    await settle();
    const [call] = server.taken();
    answer(server, call);
    await settle();
    expect((await reading).value).toBe('a');
    await map.return();
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
  expect(seen.mock.calls).toEqual([['map']]);
  // Its other options count as well.
  const abort = new AbortController();
  const opening = startMap(client, text(), SPEC, ['a'], { signal: abort.signal });
  await vi.dynamicImportSettled();
  const reading = (await opening).next();
  await settle();
  abort.abort('enough');
  await expect(reading).rejects.toBe('enough');
});
