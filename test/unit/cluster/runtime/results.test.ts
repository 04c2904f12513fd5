/** What a function may return: bytes of any kind, and what is said of anything else. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { cancelledAnswer, failed } from '../../../../src/cluster/runtime/failures.ts';
import { followNotices, readNotice } from '../../../../src/cluster/runtime/notices.ts';
import {
  bytesOf,
  handled,
  isIterable,
  NoResult,
  WrongResult,
} from '../../../../src/cluster/runtime/results.ts';
import { PREVIOUS_UNREAD } from '../../../../src/flow-control.ts';
import { AnsweredError } from '../../../../src/functions/contract/answered-error.ts';
import { atLevel, consoleLogger } from '../../../../src/logging.ts';
import { cancelMessage, NOTICES } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage, Status } from '../../../../src/protocol/message.ts';
import type { Connection } from '../../../../src/transport.ts';
import { bytes } from '../../../support/bytes.ts';
import { until, within } from '../../../support/wait.ts';

describe('the bytes of a result', () => {
  it('are those of any view or buffer, of any realm, and share its memory', () => {
    const whole = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(bytesOf(whole)).toBe(whole);
    for (const view of [new DataView(whole.buffer, 2, 4), new Uint16Array(whole.buffer, 2, 2)]) {
      const own = bytesOf(view);
      expect([own?.buffer, own?.byteOffset, own?.byteLength]).toEqual([whole.buffer, 2, 4]);
    }
    expect(bytesOf(whole.buffer)).toEqual(whole);
    expect(bytesOf(whole.buffer)?.buffer).toBe(whole.buffer);
    expect(bytesOf(runInNewContext('new Uint8Array([1, 2])'))).toEqual(new Uint8Array([1, 2]));
    expect(bytesOf(runInNewContext('new Uint8Array([1, 2]).buffer'))).toEqual(new Uint8Array([1, 2]));
  });

  it.each([undefined, null, 'text', 5, true, [], [1], {}, { byteLength: 3 }, () => {}])(
    'are not in %j',
    (value) => {
      expect(bytesOf(value)).toBeUndefined();
    },
  );
});

describe('several results', () => {
  it.each([
    [[], true],
    [new Set(), true],
    [(function* () {})(), true],
    [(async function* () {})(), true],
    ['text', false],
    [null, false],
    [undefined, false],
    [{}, false],
    [5, false],
  ])('are in %j: %s', (value, isSo) => {
    expect(isIterable(value)).toBe(isSo);
  });

  it('leave no rejection unhandled', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const list = [Promise.reject(new Error('1')), 5];
      expect(handled(list)).toBe(list);
      handled(new Set([Promise.reject(new Error('2'))]));
      handled(Promise.reject(new Error('3')));
      handled(null);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

/** A value that throws when anything of it is read. */
const UNREADABLE = new Proxy(() => {}, {
  get: () => {
    throw new Error('no');
  },
  getPrototypeOf: () => {
    throw new Error('no');
  },
});

describe('what a function returned that is not an answer', () => {
  it.each([
    [() => new WrongResult('text'), 'the function returned "text", but an answer must be bytes'],
    [() => new WrongResult(5, [5]), 'the function returned 5 in a list of 1, but an answer must be bytes'],
    [() => new NoResult(undefined), 'the function returned undefined, but its caller waits for an answer'],
    [() => new NoResult([]), 'the function returned no results, but its caller waits for an answer'],
    [() => new WrongResult(UNREADABLE), 'the function returned a value that cannot be read, but an answer'],
  ])('is told: %s', (error, text) => {
    expect(error().message).toContain(text);
  });

  it('has a name that callers know', () => {
    expect([new WrongResult(1).name, new NoResult(1).name]).toEqual(['TypeError', 'NoResult']);
  });
});

describe('the answer to a call', () => {
  const logger = atLevel(consoleLogger('x'), 'silent');
  const settings = { logger, includeStack: false };
  const message = palmMessage({ client: 'a/1', function: 's.f', payload: bytes('input'), features: 1 });

  it('that was cancelled says why', () => {
    const error = new PalmError('TIMEOUT', 'too late');
    expect(cancelledAnswer(message, error)).toEqual({
      ...message,
      payload: bytes('0'),
      status: Status.cancelled,
      error: 'too late',
      errorName: 'TIMEOUT',
    });
  });

  it('that failed is as the error says, for callers that know of that', () => {
    const error = new AnsweredError('SAD', 'no', { status: Status.invalid, payload: bytes('{}') });
    const told = { error: 'no', errorName: 'SAD' };
    expect(failed(settings, message, error)).toMatchObject({
      ...told,
      status: Status.invalid,
      payload: bytes('{}'),
    });
    // pylm's callers have no features, and take `0` for a failure.
    expect(failed(settings, { ...message, features: 0 }, error)).toMatchObject({
      ...told,
      status: Status.failed,
      payload: bytes('0'),
    });
  });

  it('that failed has the reason and its name, and a status', () => {
    expect(failed(settings, message, new RangeError('no'))).toMatchObject({
      payload: bytes('0'),
      status: Status.failed,
      error: 'no',
      errorName: 'RangeError',
      client: 'a/1',
    });
    expect(failed(settings, message, 'only text', Status.unknownFunction)).toMatchObject({
      status: Status.unknownFunction,
      error: 'only text',
      errorName: '',
    });
    expect(failed({ ...settings, includeStack: true }, message, 'no stack').error).toBe('no stack');
    const warned = { ...logger, error: vi.fn() };
    failed({ ...settings, logger: warned }, { ...message, stage: 2 }, new RangeError('no'));
    expect(warned.error.mock.calls).toEqual([['call failed', { function: 's.f', stage: 2, reason: 'no' }]]);
    const odd = Object.defineProperty(new Error('odd'), 'name', {
      get: () => {
        throw new Error('no');
      },
    });
    expect(failed(settings, message, odd)).toMatchObject({ error: 'odd', errorName: '' });
  });
});

describe('a notice of a server before', () => {
  const codec = new EnvelopeCodec();

  it('is read, and anything else is none', () => {
    const notice = { client: 'a', calls: ['1'], code: 'CANCELLED', reason: 'why' } as const;
    expect(readNotice(codec, codec.encode(cancelMessage(notice)).slice())).toEqual(notice);
    for (const frame of [
      new Uint8Array([0xff]),
      codec.encode(palmMessage({ client: 'a', function: 's.f' })).slice(),
      codec.encode({ ...cancelMessage(notice), client: '' }).slice(),
    ])
      expect(readNotice(codec, frame)).toBeUndefined();
  });
});

describe('what a server publishes for roles behind it', () => {
  it('is taken from its topic alone: notices and progress, whatever else comes', async () => {
    const codec = new EnvelopeCodec();
    const notice = { client: 'a', calls: ['1'], code: 'CANCELLED', reason: 'why' } as const;
    const cancel = codec.encode(cancelMessage(notice)).slice();
    const progress = codec.encode(palmMessage({ client: 'a/p1~', status: Status.progress })).slice();
    const other = codec.encode(palmMessage({ client: 'a/1', function: 's.f' })).slice();
    const batches = [
      [{ topic: `${NOTICES}x`, frames: [cancel, progress] }],
      [{ topic: NOTICES, frames: [new Uint8Array([0xff]), other, progress] }],
      [{ topic: NOTICES, frames: [cancel] }],
    ];
    const subscribe = vi.fn(() => ({
      async *[Symbol.asyncIterator]() {
        yield* batches;
      },
    }));
    const [onCancel, onProgress] = [vi.fn(), vi.fn()];
    const connection = { subscribe } as unknown as Connection;
    expect(followNotices(connection, 'news', { onCancel, onProgress })).toBe(
      subscribe.mock.results[0]?.value,
    );
    await within(
      10_000,
      until(() => onCancel.mock.calls.length > 0),
    );
    expect(subscribe.mock.calls).toEqual([['news', NOTICES, { maxUnread: PREVIOUS_UNREAD }]]);
    expect(onCancel.mock.calls).toEqual([[notice]]);
    expect(onProgress.mock.calls).toMatchObject([[{ client: 'a/p1~', status: Status.progress }]]);
    // A worker needs no progress.
    const own = vi.fn();
    followNotices(connection, 'news', { onCancel: own });
    await within(
      10_000,
      until(() => own.mock.calls.length > 0),
    );
  });
});
