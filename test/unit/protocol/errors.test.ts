import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { inspectValue, invalidCall, messageOf, PalmError, readSafely } from '../../../src/protocol/errors.ts';

describe('a PalmError', () => {
  it('carries what is known, and undefined for the rest', () => {
    const cause = new Error('why');
    const details = { cause, sent: true, index: 0, remoteName: 'ValueError', results: [1] } as const;
    const error = new PalmError('REMOTE', 'it failed', details);
    expect({ ...error, message: error.message, cause: error.cause }).toEqual({
      name: 'PalmError',
      code: 'REMOTE',
      message: 'it failed',
      ...details,
    });
    expect(error).toBeInstanceOf(Error);
    const bare = new PalmError('LOST', 'gone');
    expect([bare.sent, bare.index, bare.remoteName, bare.results, 'cause' in bare]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      false,
    ]);
  });

  it('is made of anything else that was thrown, and is what it is otherwise', () => {
    const own = new PalmError('TIMEOUT', 'late');
    expect(PalmError.from(own, 'LOST', 'reading')).toBe(own);
    const cause = new TypeError('odd');
    expect(PalmError.from(cause, 'PROTOCOL', 'reading')).toMatchObject({
      code: 'PROTOCOL',
      message: 'reading: odd',
      cause,
    });
  });

  it('for a refused call says that nothing was sent, unless more is known', () => {
    expect(invalidCall('bad')).toMatchObject({ code: 'INVALID_CALL', message: 'bad', sent: false });
    expect(invalidCall('bad', { index: 3 })).toMatchObject({ sent: false, index: 3 });
    expect(invalidCall('bad', { sent: 'unknown' }).sent).toBe('unknown');
  });
});

describe('the message of what was thrown', () => {
  it.each([
    [new Error('why'), 'why'],
    ['text', 'text'],
    [5, '5'],
    [undefined, 'undefined'],
    [null, 'null'],
    [new Error('a\ud800b'), 'a\ufffdb'],
    ['\udc00\ud800', '\ufffd\ufffd'],
    ['😀', '😀'],
    [Object.create(null), 'an error that cannot be read'],
    [
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('boom');
        },
      }),
      'an error that cannot be read',
    ],
  ])('is read', (reason, message) => {
    expect(messageOf(reason)).toBe(message);
  });

  it('is undefined where it cannot be read', () => {
    expect(readSafely(() => 'a')).toBe('a');
    expect(
      readSafely(() => {
        throw new Error('boom');
      }),
    ).toBeUndefined();
  });
});

describe('a value in an error', () => {
  class Own {}
  it.each([
    ['a\nb', '"a\\nb"'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [5, '5'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('\u001b'), 'Symbol(\\u001b)'],
    [10n ** 60n, `1${'0'.repeat(59)}…`],
    [[], 'an empty list'],
    [[1, 2], 'a list of 2'],
    [{}, 'an object'],
    [{ constructor: 5 }, 'an object'],
    [new Own(), 'a Own'],
    [new Uint8Array(1), 'a Uint8Array'],
    [Object.create(null), 'an object'],
    [Object.create({ constructor: { name: 5 } }), 'an object'],
    [Object.create({ constructor: null }), 'an object'],
    [runInNewContext('new Map()'), 'a Map'],
  ])('is shown short, with its kind', (value, shown) => {
    expect(inspectValue(value)).toBe(shown);
  });

  it('that is a function is clipped', () => {
    const shown = inspectValue(function example() {
      return 'of a function with a body that is longer than what an error shows';
    });
    expect(shown).toMatch(/^function example/);
    expect(shown.length).toBeLessThan(150);
    expect(shown).not.toContain('\n');
  });
});
