/** What a notice of cancelled calls says. */
import { describe, expect, it } from 'vitest';
import { cancelError, cancelMessage, cancelReason, readCancel } from '../../../src/protocol/cancel.ts';
import { PalmError } from '../../../src/protocol/errors.ts';
import { Feature, palmMessage } from '../../../src/protocol/message.ts';
import { bytes, textOf } from '../../support/bytes.ts';

describe('why a call is cancelled', () => {
  it.each([
    [new PalmError('TIMEOUT', 'late'), { code: 'TIMEOUT', reason: 'late' }],
    [new PalmError('DISCONNECTED', 'gone'), { code: 'DISCONNECTED', reason: 'gone' }],
    [new PalmError('CANCELLED', 'enough'), { code: 'CANCELLED', reason: 'enough' }],
    [new PalmError('REMOTE', 'no'), { code: 'CANCELLED', reason: 'no' }],
    [new Error('left'), { code: 'CANCELLED', reason: 'left' }],
    [{ code: 'TIMEOUT' }, { code: 'CANCELLED', reason: '[object Object]' }],
    ['in words', { code: 'CANCELLED', reason: 'in words' }],
  ])('%s is told by code and words', (reason, told) => {
    expect(cancelReason(reason)).toEqual(told);
  });

  it('is told in 256 characters', () => {
    for (const length of [255, 256]) expect(cancelReason('x'.repeat(length)).reason).toBe('x'.repeat(length));
    expect(cancelReason('x'.repeat(257)).reason).toBe(`${'x'.repeat(256)}…`);
  });

  it('is what the signals of the functions abort with', () => {
    const why = { client: 'c', calls: [], code: 'TIMEOUT' } as const;
    const error = cancelError({ ...why, reason: 'late' });
    expect(error).toBeInstanceOf(PalmError);
    expect(error).toMatchObject({ code: 'TIMEOUT', message: 'the caller gave the call up: late' });
    expect(cancelError({ ...why, reason: '' }).message).toBe('the caller gave the call up');
  });
});

describe('a notice', () => {
  const read = (fields: object) => readCancel(palmMessage({ client: 'c', ...fields }));

  it('is a message to the cache that names a client and its calls', () => {
    const own = { client: 'c', calls: ['1', '2:3'], code: 'TIMEOUT', reason: 'late' } as const;
    const message = cancelMessage(own);
    expect(message).toEqual(
      palmMessage({
        client: 'c',
        function: '_.cancel',
        payload: bytes('1 2:3'),
        features: Feature.replies | Feature.cancels,
        error: 'late',
        errorName: 'TIMEOUT',
      }),
    );
    expect(readCancel(message)).toEqual(own);
    const all = { ...own, calls: [] };
    expect(textOf(cancelMessage(all).payload)).toBe('');
    expect(readCancel(cancelMessage(all))).toEqual(all);
  });

  it.each(['TIMEOUT', 'DISCONNECTED', 'CANCELLED'])('may say %s', (errorName) => {
    expect(read({ errorName }).code).toBe(errorName);
  });

  it.each(['', 'REMOTE', 'timeout'])('that says %j says CANCELLED', (errorName) => {
    expect(read({ errorName }).code).toBe('CANCELLED');
  });

  it('has a reason of 256 characters at most, without any that act on a terminal', () => {
    expect(read({ error: 'x'.repeat(256) }).reason).toBe('x'.repeat(256));
    expect(read({ error: 'x'.repeat(257) }).reason).toBe(`${'x'.repeat(256)}…`);
    expect(read({ error: 'a\u001b[2J' }).reason).toBe('a\\u001b[2J');
  });

  it('names a client in 1 to 1,024 characters', () => {
    for (const length of [1, 1_023, 1_024])
      expect(read({ client: 'x'.repeat(length) }).client).toHaveLength(length);
    for (const length of [0, 1_025])
      expect(() => read({ client: 'x'.repeat(length) })).toThrow(
        expect.objectContaining({
          code: 'PROTOCOL',
          message: 'a cancel must name the client whose calls it cancels',
        }),
      );
  });

  it('names 1,024 calls at most, each in 1,024 characters', () => {
    const named = (count: number, name = 'x') => ({ payload: bytes(Array(count).fill(name).join(' ')) });
    for (const count of [1, 1_023, 1_024]) expect(read(named(count)).calls).toHaveLength(count);
    for (const length of [1_023, 1_024])
      expect(read(named(2, 'x'.repeat(length))).calls).toEqual(Array(2).fill('x'.repeat(length)));
    for (const payload of [named(1_025), named(100_000), named(2, 'x'.repeat(1_025))])
      expect(() => read(payload)).toThrow(
        expect.objectContaining({
          code: 'TOO_LARGE',
          message: 'a cancel names at most 1024 calls, each in 1024 characters',
        }),
      );
  });

  it('that is not UTF-8 is refused', () => {
    expect(() => read({ payload: new Uint8Array([0xff]) })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});
