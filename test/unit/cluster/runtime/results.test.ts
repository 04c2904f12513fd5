/** What a function may return: bytes of any kind, and what is said of anything else. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { cancelledAnswer, failed } from '../../../../src/cluster/runtime/failures.ts';
import { readNotice } from '../../../../src/cluster/runtime/notices.ts';
import {
  bytesOf,
  handled,
  isIterable,
  NoResult,
  WrongResult,
} from '../../../../src/cluster/runtime/results.ts';
import { atLevel, consoleLogger } from '../../../../src/logging.ts';
import { cancelMessage } from '../../../../src/protocol/cancel.ts';
import { EnvelopeCodec } from '../../../../src/protocol/envelope.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';
import { palmMessage, Status } from '../../../../src/protocol/message.ts';
import { bytes } from '../../../support/bytes.ts';

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

describe('what a function returned that is not an answer', () => {
  it.each([
    [new WrongResult('text'), 'the function returned "text", but an answer must be bytes'],
    [new WrongResult(5, [5]), 'the function returned 5 in a list of 1, but an answer must be bytes'],
    [new NoResult(undefined), 'the function returned undefined, but its caller waits for an answer'],
    [new NoResult([]), 'the function returned no results, but its caller waits for an answer'],
  ])('is told: %s', (error, text) => {
    expect(error.message).toContain(text);
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
