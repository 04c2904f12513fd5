import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../../../src/client/stream/attempts.ts';
import { failureOf, progressOf } from '../../../../src/client/stream/map-results.ts';
import { PalmError } from '../../../../src/protocol/errors.ts';

const counts = { taken: 9, answered: 4, failed: 1, retried: 2, duplicates: 3, inFlight: 5, started: 7 };

describe('the progress of a map', () => {
  it.each([
    ['of 20 after 2 s', 2_000, 20, 2, 8_000],
    ['of unknown length', 2_000, undefined, 2, undefined],
    ['with all results', 2_000, 4, 2, 0],
    ['with more results than were said', 2_000, 3, 2, 0],
    ['that has just begun', 0, 20, 4_000, 4],
    ['whose clock went back', -5, 20, 4_000, 4],
  ])('%s', (_, elapsed, total, rate, remaining) => {
    expect(progressOf(counts, elapsed, total)).toEqual({ ...counts, rate, remaining });
  });

  it('without results has no rate', () => {
    expect(progressOf({ ...counts, answered: 0 }, 1_000, 20)).toMatchObject({
      rate: 0,
      remaining: undefined,
    });
  });
});

describe('the failure of an input', () => {
  const attempt = (count: number) => ({ index: 3, count }) as Attempt;

  it('names the input, and how often it was tried', () => {
    const error = new PalmError('TIMEOUT', 'late', { sent: true, remoteName: 'ValueError' });
    expect(failureOf(attempt(1), error)).toMatchObject({
      code: 'TIMEOUT',
      message: 'input 3: late',
      index: 3,
      cause: error,
      sent: true,
      remoteName: 'ValueError',
    });
    expect(failureOf(attempt(2), error).message).toBe('input 3 (tried 2 times): late');
  });

  it('says nothing of what is not known', () => {
    const failure = failureOf(attempt(1), new PalmError('LOST', 'gone'));
    expect([failure.sent, failure.remoteName]).toEqual([undefined, undefined]);
    expect(failureOf(attempt(1), new PalmError('LOST', 'gone', { sent: false })).sent).toBe(false);
  });
});
