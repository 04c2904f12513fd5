import { describe, expect, it } from 'vitest';
import {
  checkServerName,
  currentStage,
  isName,
  joinPath,
  parsePath,
} from '../../../src/protocol/function-path.ts';
import { checkId, countedIdBytes, countedIds } from '../../../src/protocol/ids.ts';
import { textOf } from '../../support/bytes.ts';

const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_CALL', message, sent: false });

/** Half of a surrogate pair, controls and white space, at each end and within. */
const UNFIT = [' ', '\t', '\u2003', '\0', '\u0085', '\ud800', '.'].flatMap((own) => [
  own,
  `${own}a`,
  `a${own}`,
  `a${own}a`,
]);

describe('a name', () => {
  it.each(['', ...UNFIT])('is not %j', (name) => {
    expect(isName(name)).toBe(false);
    expect(() => checkServerName('serverName', name)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringMatching(/^serverName must be a string without dots or spaces, not "/),
      }),
    );
  });

  it.each(['a', 'ab', 'é', '😀', 'a-b_c/d:e'])('is %j', (name) => {
    expect(isName(name)).toBe(true);
    expect(() => checkServerName('serverName', name)).not.toThrow();
  });

  it('is a string', () => {
    expect(() => checkServerName('serverName', 5)).toThrow(
      refusal('serverName must be a string without dots or spaces, not 5'),
    );
  });
});

describe('a path', () => {
  it('is one string or a list, with a space between stages', () => {
    expect(joinPath('a.f')).toBe('a.f');
    expect(joinPath('a.f b.g')).toBe('a.f b.g');
    expect(joinPath(['a.f', 'b.g'])).toBe('a.f b.g');
    expect(parsePath('server.run second.go')).toEqual([
      { server: 'server', function: 'run' },
      { server: 'second', function: 'go' },
    ]);
  });

  it.each(UNFIT)('has no stage with %j in a name', (own) => {
    for (const stage of [`${own}.f`, `a.${own}`]) {
      expect(() => parsePath([stage])).toThrow(
        /^the function must be 'server.function' with exactly one dot/,
      );
      // A space parts stages, so what is in front of it may be one.
      if (!own.includes(' ')) expect(currentStage(stage, 0)).toBeUndefined();
    }
  });

  it.each([
    ['a', 'the function must be \'server.function\' with exactly one dot, not "a"'],
    ['', 'the function must be \'server.function\' with exactly one dot, not ""'],
    ['a.f  b.g', 'stage 1 of the pipeline must be \'server.function\' with exactly one dot, not ""'],
    [['a.f', 5], "stage 1 of the pipeline must be 'server.function' with exactly one dot, not 5"],
    [[5], "the function must be 'server.function' with exactly one dot, not 5"],
    [
      [{ toString: () => 'a.f' }],
      "the function must be 'server.function' with exactly one dot, not an object",
    ],
    [[], "a call needs 'server.function' or a list of them, not an empty list"],
    [5, "a call needs 'server.function' or a list of them, not 5"],
    [{ length: 1, map: () => [] }, "a call needs 'server.function' or a list of them, not an object"],
  ])('is not %j', (path, message) => {
    expect(() => parsePath(path as string)).toThrow(refusal(message));
  });
});

describe('the stage of a message', () => {
  it.each([
    ['a.f', 0, { server: 'a', function: 'f' }],
    ['a.f', 5, { server: 'a', function: 'f' }],
    ['a.f b.g', 0, { server: 'a', function: 'f' }],
    ['a.f b.g', 1, { server: 'b', function: 'g' }],
    ['a.f b.g', 2, undefined],
    ['a.f b.g', -1, undefined],
    ['a.f \t\n b.g', 1, { server: 'b', function: 'g' }],
    ['a.f b', 1, undefined],
    ['a', 0, undefined],
    ['', 0, undefined],
    ['a.f.g', 0, undefined],
  ])('of %j at %i is %j', (path, stage, own) => {
    expect(currentStage(path, stage)).toEqual(own);
  });
});

describe('ids', () => {
  it('that are given are returned when they are fit', () => {
    expect(checkId('session', 'a/b.c')).toBe('a/b.c');
  });

  it.each([
    ['', 'session must be a string without spaces and control characters, not ""'],
    [5, 'session must be a string without spaces and control characters, not 5'],
    ['a b', 'session must be a string without spaces and control characters, not "a b"'],
    ['\ud800', 'session must be a string without spaces and control characters, not "\\ud800"'],
    ['a\0', 'session must be a string without spaces and control characters, not "a\\u0000"'],
  ])('are refused when they are %j', (id, message) => {
    expect(() => checkId('session', id)).toThrow(refusal(message));
  });

  it('that are counted have one beginning of 12 characters, and one number each from 1 on', () => {
    const next = countedIds();
    const own = Array.from({ length: 12 }, next);
    const [beginning = ''] = /^[\w-]{12}-/.exec(own[0] ?? '') ?? [];
    expect(own).toEqual(Array.from({ length: 12 }, (_, i) => `${beginning}${i + 1}`));
    expect(countedIds()().startsWith(beginning)).toBe(false);
  });

  it('that are counted are the same as bytes, which are those of the newest', () => {
    const next = countedIdBytes();
    const own = Array.from({ length: 1_101 }, () => textOf(next()));
    const [beginning = ''] = /^[\w-]{12}-/.exec(own[0] ?? '') ?? [];
    expect(own).toEqual(Array.from({ length: 1_101 }, (_, i) => `${beginning}${i + 1}`));
    expect(textOf(countedIdBytes()()).startsWith(beginning)).toBe(false);
  });
});
