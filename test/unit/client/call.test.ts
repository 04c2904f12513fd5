/** Whatever an eval ends with: its error says what is known, and nothing of it is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../src/async/deferred.ts';
import {
  type CallSpec,
  callEnvelope,
  checkCall,
  checkInput,
  type Evaluation,
  evaluate,
  nameOf,
  readAnswer,
} from '../../../src/client/call.ts';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import type { PalmError } from '../../../src/protocol/errors.ts';
import { encodeFailure } from '../../../src/protocol/failure-details.ts';
import { Feature, palmMessage, Status } from '../../../src/protocol/message.ts';
import { bytes, textOf } from '../../support/bytes.ts';
import { BROKEN, countedSignal, FakeServer, settle } from '../../support/fake-connection.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const SPEC: CallSpec = { function: 'server.f', cache: '', pipeline: 'p', features: Feature.batches };
const TIMEOUT = 5_000;

/** An eval under way: its outcome, and what it holds. */
async function begin(server: FakeServer, fields: Partial<Evaluation<string>> = {}) {
  const abort = countedSignal();
  const outcome = { value: undefined as string[] | undefined, error: undefined as unknown };
  const evaluation: Evaluation<string> = {
    spec: SPEC,
    payload: bytes('x'),
    messages: 1,
    errorSentinel: undefined,
    decode: (answer: Bytes) => textOf(answer),
    timeout: TIMEOUT,
    signal: abort.signal,
    signals: server.signals,
    ...fields,
  };
  const timers = vi.getTimerCount();
  const promise = evaluate(server.link, evaluation).then(
    (value) => {
      outcome.value = value;
    },
    (error) => {
      outcome.error = error;
    },
  );
  await settle();
  return {
    abort,
    outcome,
    promise,
    expectNothingLeft: () => {
      expect(server.link.inFlight.taken).toBe(0);
      expect(server.link.mailbox.ids()).toEqual([]);
      expect(abort.listeners).toBe(0);
      expect(vi.getTimerCount()).toBe(timers);
    },
  };
}

async function upServer(): Promise<FakeServer> {
  const server = await FakeServer.open();
  server.up();
  return server;
}

describe('an eval leaves no place, entry, listener or timer', () => {
  it('when it is answered', async () => {
    const server = await upServer();
    const call = await begin(server);
    expect([server.link.inFlight.taken, server.link.mailbox.ids().length, call.abort.listeners]).toEqual([
      1, 1, 1,
    ]);
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { payload: bytes('y') });
    await call.promise;
    expect(call.outcome.value).toEqual(['y']);
    call.expectNothingLeft();
  });

  it('and takes no place of others when it is answered', async () => {
    const server = await upServer();
    const other = await begin(server);
    const call = await begin(server);
    const [, message] = server.taken();
    if (message !== undefined) server.reply(message);
    await call.promise;
    expect(server.link.inFlight.taken).toBe(1);
    other.abort.abort();
    await other.promise;
    other.expectNothingLeft();
  });

  it('when all of several answers came', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 3 });
    const [message] = server.taken();
    for (const payload of ['1', '2', '3'])
      if (message !== undefined) server.reply(message, { payload: bytes(payload) });
    await call.promise;
    expect(call.outcome.value).toEqual(['1', '2', '3']);
    call.expectNothingLeft();
  });

  it('when it wants no answer', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 0 });
    await call.promise;
    expect(call.outcome.value).toEqual([]);
    // The place is the message's until its answer comes, or a stall.
    expect([server.link.mailbox.ids(), call.abort.listeners, vi.getTimerCount()]).toEqual([[], 0, 0]);
    expect(server.link.inFlight.taken).toBe(1);
    const [message] = server.taken();
    if (message !== undefined) server.reply(message);
    await settle();
    call.expectNothingLeft();
  });

  it('when it wants no answer, and one comes before the payload has left', async () => {
    const server = await upServer();
    const left = deferred<void>();
    const send = server.pusher.send.bind(server.pusher);
    server.pusher.send = async (frames) => {
      await send(frames);
      await left.promise;
    };
    const call = await begin(server, { messages: 0 });
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { status: Status.failed, error: 'no' });
    await settle();
    expect(call.outcome.value).toBeUndefined();
    left.resolve();
    await call.promise;
    expect(call.outcome.value).toEqual([]);
    call.expectNothingLeft();
  });

  it('when it is aborted before the transport fails to send, and takes no place of others', async () => {
    const server = await upServer();
    const other = await begin(server);
    const sending = deferred<void>();
    server.pusher.send = () => sending.promise;
    const call = await begin(server);
    expect(server.link.inFlight.taken).toBe(2);
    call.abort.abort();
    await call.promise;
    expect(server.link.inFlight.taken).toBe(1);
    sending.reject(BROKEN);
    await settle();
    expect(server.link.inFlight.taken).toBe(1);
    other.abort.abort();
    await other.promise;
    other.expectNothingLeft();
  });

  it('when the function failed', async () => {
    const server = await upServer();
    const call = await begin(server);
    const [message] = server.taken();
    if (message !== undefined)
      server.reply(message, { status: Status.failed, error: 'no', errorName: 'ValueError' });
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'REMOTE', sent: true, remoteName: 'ValueError' });
    call.expectNothingLeft();
  });

  it('when it was refused, though more answers were wanted', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 3 });
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { status: Status.refused, error: 'no' });
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'FORBIDDEN', sent: true });
    call.expectNothingLeft();
  });

  it('when some answers failed and the others stay away', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 3, timeout: Number.POSITIVE_INFINITY });
    const [message] = server.taken();
    if (message !== undefined) {
      server.reply(message, { payload: bytes('1') });
      server.reply(message, { status: Status.failed, error: 'no' });
    }
    await vi.advanceTimersByTimeAsync(999);
    expect(call.outcome.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(call.outcome.error).toMatchObject({ code: 'REMOTE', sent: true, results: ['1'] });
    call.expectNothingLeft();
  });

  it('when the last of several answers comes after one that failed', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 2 });
    const [message] = server.taken();
    if (message !== undefined) {
      server.reply(message, { status: Status.failed, error: 'no' });
      server.reply(message, { payload: bytes('2') });
    }
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'REMOTE', results: ['2'] });
    call.expectNothingLeft();
  });

  it('when an answer cannot be decoded', async () => {
    const server = await upServer();
    const call = await begin(server, {
      decode: () => {
        throw new TypeError('not that');
      },
    });
    const [message] = server.taken();
    if (message !== undefined) server.reply(message);
    await call.promise;
    expect(call.outcome.error).toBeInstanceOf(TypeError);
    call.expectNothingLeft();
  });

  it('when an answer cannot be read', async () => {
    const server = await upServer();
    const call = await begin(server);
    const [message] = server.taken();
    server.deliver(message?.client ?? '', new Uint8Array([0xff]));
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'PROTOCOL', sent: true });
    call.expectNothingLeft();
  });

  it('when no answer comes in time', async () => {
    const server = await upServer();
    const call = await begin(server);
    await vi.advanceTimersByTimeAsync(TIMEOUT - 1);
    expect(call.outcome.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(call.outcome.error).toMatchObject({ code: 'TIMEOUT', sent: 'unknown' });
    call.expectNothingLeft();
  });

  it('when it is aborted', async () => {
    const server = await upServer();
    const call = await begin(server);
    call.abort.abort();
    await call.promise;
    expect(call.outcome.error).toMatchObject({ name: 'AbortError' });
    call.expectNothingLeft();
  });

  it('when the subscription breaks', async () => {
    const server = await upServer();
    const call = await begin(server);
    server.subscription.setBroken(BROKEN);
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    call.expectNothingLeft();
  });

  it('when the pusher breaks, after the time in which answers may still come', async () => {
    const server = await upServer();
    const call = await begin(server);
    server.pusher.setBroken(BROKEN);
    await vi.advanceTimersByTimeAsync(249);
    expect(call.outcome.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(call.outcome.error).toMatchObject({ code: 'DISCONNECTED', sent: 'unknown' });
    call.expectNothingLeft();
  });

  it('when the client closes', async () => {
    const server = await upServer();
    const call = await begin(server);
    server.link.close();
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'CLOSED', sent: 'unknown' });
    call.expectNothingLeft();
  });

  it('when the transport fails to send', async () => {
    const server = await upServer();
    server.pusher.send = () => Promise.reject(BROKEN);
    const call = await begin(server);
    await call.promise;
    expect(call.outcome.error).toBe(BROKEN);
    call.expectNothingLeft();
  });
});

describe('an eval that waits for the link', () => {
  it('is not sent when its time is up before, and leaves nothing when the link is there', async () => {
    const server = await FakeServer.open();
    const call = await begin(server);
    await vi.advanceTimersByTimeAsync(TIMEOUT);
    expect(call.outcome.error).toMatchObject({ code: 'TIMEOUT', sent: false });
    server.up();
    await settle();
    expect(server.taken()).toEqual([]);
    call.expectNothingLeft();
  });

  it('is not sent when it is aborted before', async () => {
    const server = await FakeServer.open();
    const call = await begin(server);
    call.abort.abort();
    await call.promise;
    server.up();
    await settle();
    expect(server.taken()).toEqual([]);
    call.expectNothingLeft();
  });

  it('fails when the client closes', async () => {
    const server = await FakeServer.open();
    const call = await begin(server);
    server.link.close();
    await server.connection.close({ timeout: 0 });
    await call.promise;
    expect(call.outcome.error).toMatchObject({ code: 'CLOSED', sent: false });
    call.expectNothingLeft();
  });

  it('sends the payload as it was, though the caller has changed it since', async () => {
    const server = await FakeServer.open();
    const payload = bytes('before');
    const call = await begin(server, { payload });
    payload.fill(0x21);
    server.up();
    await settle();
    const [message] = server.taken();
    expect(textOf(message?.payload ?? bytes(''))).toBe('before');
    call.abort.abort();
    await call.promise;
  });
});

it('an eval whose signal has aborted before sends nothing', async () => {
  const server = await upServer();
  const abort = countedSignal();
  abort.abort();
  const call = await begin(server, { signal: abort.signal });
  await call.promise;
  expect(call.outcome.error).toMatchObject({ name: 'AbortError' });
  expect(server.taken()).toEqual([]);
  expect(abort.listeners).toBe(0);
  call.expectNothingLeft();
});

describe('an eval tells the server that it is given up', () => {
  /** What the server is told. */
  async function told(
    fields: Partial<Evaluation<string>>,
    end: (server: FakeServer, call: Awaited<ReturnType<typeof begin>>) => unknown,
  ) {
    const server = await upServer();
    const cancel = vi.fn();
    server.link.cancel = cancel;
    const call = await begin(server, fields);
    const [id] = server.link.mailbox.ids();
    await end(server, call);
    await call.promise;
    return { id, calls: cancel.mock.calls, error: call.outcome.error };
  }

  it('when it is aborted, with its id and the reason', async () => {
    const { id, calls, error } = await told({}, (_, call) => call.abort.abort());
    expect(calls).toEqual([[id, SPEC, error]]);
  });

  it('when its time is up, also with some answers there', async () => {
    const { id, calls, error } = await told({ messages: 2 }, async (server) => {
      const [message] = server.taken();
      if (message !== undefined) server.reply(message, { payload: bytes('1') });
      await vi.advanceTimersByTimeAsync(TIMEOUT);
    });
    expect(calls).toEqual([[id, SPEC, expect.objectContaining({ code: 'TIMEOUT' })]]);
    // The caller's own error has the answers.
    expect(error).toMatchObject({ code: 'TIMEOUT', results: ['1'], cause: calls[0]?.[2] });
  });

  it('not when all answers are there, or none is wanted', async () => {
    const answered = await told({}, (server) => {
      const [message] = server.taken();
      if (message !== undefined) server.reply(message);
    });
    expect(answered.calls).toEqual([]);
    expect((await told({ messages: 0 }, () => {})).calls).toEqual([]);
  });

  it('not when it was never sent', async () => {
    const server = await FakeServer.open();
    const cancel = vi.fn();
    server.link.cancel = cancel;
    const call = await begin(server);
    call.abort.abort();
    await call.promise;
    server.up();
    await settle();
    expect(cancel).not.toHaveBeenCalled();
  });
});

describe('an eval that fails', () => {
  it('says how many of its answers came in time', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 3 });
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { payload: bytes('1') });
    await vi.advanceTimersByTimeAsync(TIMEOUT);
    expect(call.outcome.error).toMatchObject({
      message: `1 of 3 answers from server.f at push within ${TIMEOUT} ms; it may need longer`,
      results: ['1'],
    });
    const other = await begin(server);
    await vi.advanceTimersByTimeAsync(TIMEOUT);
    expect(other.outcome.error).toMatchObject({
      message: `no answer from server.f at push within ${TIMEOUT} ms; it may need longer`,
      results: undefined,
    });
  });

  it('keeps what the error of the first bad answer says beside the good ones', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 3 });
    const [message] = server.taken();
    if (message !== undefined) {
      server.reply(message, { payload: bytes('1') });
      server.reply(message, {
        status: Status.failed,
        error: 'first',
        errorName: 'Gone',
        payload: encodeFailure({ data: { left: 3 } }),
      });
      server.reply(message, { status: Status.failed, error: 'second' });
    }
    await call.promise;
    expect(call.outcome.error).toMatchObject({
      code: 'REMOTE',
      message: 'server.f failed: Gone: first',
      sent: true,
      remoteName: 'Gone',
      data: { left: 3 },
      results: ['1'],
      cause: expect.objectContaining({ remoteName: 'Gone', results: undefined }),
    });
  });

  it('waits a second for the others after each that failed', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 4 });
    const [message] = server.taken();
    const fail = () => message && server.reply(message, { status: Status.failed, error: 'no' });
    fail();
    await vi.advanceTimersByTimeAsync(999);
    fail();
    await vi.advanceTimersByTimeAsync(999);
    expect(call.outcome.error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(call.outcome.error).toMatchObject({ code: 'REMOTE' });
    call.expectNothingLeft();
  });

  it('fails with the bad answer, and not for its time, when that is up first', async () => {
    const server = await upServer();
    const call = await begin(server, { messages: 2, timeout: 500 });
    const [message] = server.taken();
    if (message !== undefined) server.reply(message, { status: Status.failed, error: 'no' });
    await vi.advanceTimersByTimeAsync(500);
    expect(call.outcome.error).toMatchObject({ code: 'REMOTE', message: 'server.f failed: no' });
    call.expectNothingLeft();
  });
});

describe('a call that is checked', () => {
  const defaults = { pipeline: 'p', features: 5, metadata: new Uint8Array([1]) };

  it('has its function, its cache field and the fields of its client', () => {
    const spec = checkCall(['server.f', 'next.g'], 'server', 'k', defaults);
    expect(spec).toEqual({ function: 'server.f next.g', cache: 'k', ...defaults });
    expect(callEnvelope(spec, 'client/1')).toEqual(
      palmMessage({
        pipeline: 'p',
        client: 'client/1',
        function: 'server.f next.g',
        cache: 'k',
        features: 5,
        unknown: defaults.metadata,
      }),
    );
  });

  it.each([
    [
      'a list',
      ['other.f', 'server.g'],
      '',
      "this client calls server 'server' first: 'server.…', not \"other.f\"",
    ],
    ['a string', 'other.f', '', "this client calls server 'server' first: 'server.…', not \"other.f\""],
    ['half of a surrogate pair', 'server.f', 'a\ud800', 'surrogate'],
    ['a number', 'server.f', 5, 'cache must be a string, not 5'],
  ])('is refused for %s', (_what, path, cache, message) => {
    expect(() => checkCall(path, 'server', cache, defaults)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        sent: false,
        message: expect.stringContaining(message),
      }),
    );
  });
});

describe('a path', () => {
  it('is written as it was given: a string whatever its spaces, a list with one between its stages', () => {
    const written = (path: string | readonly string[]) =>
      checkCall(path, 'server', '', { pipeline: '', features: 0 }).function;
    expect([written('server.f'), written(['server.f', 'next.g'])]).toEqual(['server.f', 'server.f next.g']);
  });
});

describe('the payloads of a job or map', () => {
  const reader = { getReader: () => {} };
  it.each([
    ['a list', []],
    ['a generator', (function* () {})()],
    ['an iterable without an end', { [Symbol.iterator]: () => {} }],
    ['an async iterable', { [Symbol.asyncIterator]: () => {} }],
    ['a stream that cannot be iterated', reader],
    ['a Blob', new Blob(['x'])],
    ['what is like a Blob', { stream: () => {}, slice: () => {} }],
  ])('may be %s', (_what, payloads) => {
    expect(() => checkInput(payloads)).not.toThrow();
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a string, which gives characters', 'abc', '"abc"'],
    ['a number', 5, '5'],
    ['a function', () => {}, ''],
    ['bytes, which give numbers', new Uint8Array(2), 'a Uint8Array'],
    ['a view of bytes', new DataView(new ArrayBuffer(2)), 'a DataView'],
    ['an object', {}, 'an object'],
    ['what has one method of a Blob', { stream: () => {} }, 'an object'],
    ['what has the other', { slice: () => {} }, 'an object'],
  ])('are not %s', (_what, payloads, shown) => {
    expect(() => checkInput(payloads)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        sent: false,
        message: expect.stringContaining(`payloads must be an iterable, a stream or a Blob, not ${shown}`),
      }),
    );
  });
});

it('a name is shown in 200 characters, none of which acts on a terminal', () => {
  for (const length of [1, 200]) expect(nameOf('x'.repeat(length))).toBe('x'.repeat(length));
  expect(nameOf('x'.repeat(201))).toBe(`${'x'.repeat(200)}…`);
  expect(nameOf('a\u001b')).toBe('a\\u001b');
});

describe('an answer', () => {
  const message = (fields: object) => palmMessage({ function: 'server.f', ...fields });

  it.each([
    [Status.failed, 'REMOTE'],
    [Status.unknownFunction, 'REMOTE'],
    [Status.refused, 'FORBIDDEN'],
    [Status.cancelled, 'REMOTE'],
    [Status.invalid, 'INVALID_CALL'],
    [Status.ended, 'REMOTE'],
  ])('of status %i is an error of code %s', (status, code) => {
    expect(readAnswer(message({ status, error: 'why' }), false)).toMatchObject({ code, sent: true });
  });

  it('that failed says what failed, and how', () => {
    const read = (fields: object) => readAnswer(message(fields), false);
    const text = (fields: object) => (read(fields) as PalmError).message;
    expect(text({ status: Status.failed, error: 'why', errorName: 'E' })).toBe('server.f failed: E: why');
    expect(text({ status: Status.failed, error: 'why' })).toBe('server.f failed: why');
    expect(text({ status: Status.refused, error: 'why' })).toBe('server.f was refused: why');
    expect(read({ status: Status.failed, errorName: 'E' })).toMatchObject({ remoteName: 'E' });
    expect(read({ status: Status.failed })).toMatchObject({ remoteName: undefined });
    const issues = [{ path: ['a'], message: 'is missing' }];
    expect(read({ status: Status.invalid, payload: encodeFailure({ issues }) })).toMatchObject({ issues });
  });

  it('that succeeded is its payload, also an empty one', () => {
    const payload = bytes('');
    expect(readAnswer(message({ payload }), true)).toBe(payload);
    expect(readAnswer(message({ payload: bytes('0') }), true)).toMatchObject({
      message: "server.f answered '0': in pylm it raised or does not exist: see its log",
    });
  });

  it("of one byte, '0', is a failure only where the caller says so", () => {
    const zero = bytes('0');
    expect(readAnswer(message({ payload: zero }), false)).toBe(zero);
    expect(readAnswer(message({ payload: zero }), undefined)).toBe(zero);
    expect(readAnswer(message({ payload: zero }), true)).toMatchObject({ code: 'REMOTE', sent: true });
    for (const payload of [bytes('00'), bytes('1'), bytes('')])
      expect(readAnswer(message({ payload }), true)).toBe(payload);
  });
});
