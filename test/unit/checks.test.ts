import { describe, expect, it } from 'vitest';
import { checkCount, checkLimit, checkTimeout } from '../../src/checks.ts';

const refusal = (text: string) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: text, sent: false });

describe('checks of options', () => {
  it('return what is acceptable', () => {
    expect([checkTimeout('timeout', 0.5), checkTimeout('timeout', Infinity)]).toEqual([0.5, Infinity]);
    expect([checkCount('messages', 1), checkCount('messages', 0, 0)]).toEqual([1, 0]);
    expect([checkLimit('concurrency', 1), checkLimit('concurrency', Infinity)]).toEqual([1, Infinity]);
  });

  it.each([0, -1, Number.NaN, '5', null])('refuse the time-out %s', (timeout) => {
    expect(() => checkTimeout('timeout', timeout)).toThrowError(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringMatching(/^timeout must be milliseconds above 0, or Infinity, not /),
      }),
    );
  });

  it.each([0, 1.5, Infinity, Number.NaN, '5'])('refuse the count %s', (count) => {
    expect(() => checkCount('messages', count)).toThrowError(
      expect.objectContaining({
        message: expect.stringMatching(/^messages must be a whole number from 1 on, not /),
      }),
    );
  });

  it.each([0, 1.5, -Infinity, Number.NaN, '5'])('refuse the limit %s', (limit) => {
    expect(() => checkLimit('concurrency', limit)).toThrowError(
      expect.objectContaining({
        message: expect.stringMatching(/^concurrency must be a whole number from 1 on, or Infinity, not /),
      }),
    );
  });

  it('say what was given', () => {
    expect(() => checkCount('messages', 'many')).toThrowError(
      refusal('messages must be a whole number from 1 on, not "many"'),
    );
  });
});
