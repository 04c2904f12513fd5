/** What is refused in the files of a relay, and how the error names it. */
import { exactOptional } from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  checked,
  FLAG,
  FUNCTIONS,
  faultIn,
  GRANTS,
  list,
  named,
  parseJson,
  SERVER,
  type Suggest,
  shape,
  TEXT,
  text,
} from '../../../../../transports/relay/auth/schema.ts';

const CONTENT = shape({
  title: TEXT,
  servers: exactOptional(named(SERVER, shape({ functions: exactOptional(list(FUNCTIONS, 'a list')) }))),
  secure: exactOptional(FLAG),
  token: exactOptional(text('a string of 3 characters', ({ length }) => length === 3)),
  sha256: exactOptional(text('a string of 3 characters', ({ length }) => length === 3)),
});

/** What an error says behind the name of the file; undefined when the content is accepted. */
function fault(content: unknown, suggest?: Suggest): string | undefined {
  try {
    expect(checked(CONTENT, content, { file: 'my "file"', ...(suggest && { suggest }) })).toEqual(content);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CALL', sent: false });
    const { message } = error as Error;
    expect(message.startsWith('"my \\"file\\"": ')).toBe(true);
    return message.slice('"my \\"file\\"": '.length);
  }
}

describe('a content', () => {
  it('is returned when it is acceptable', () => {
    for (const content of [
      { title: 't' },
      { title: 't', servers: {}, secure: false },
      { title: 't', servers: { a: {}, b: { functions: ['a.f', '*', 'a*.*'] } }, token: 'abc' },
    ])
      expect(fault(content)).toBeUndefined();
  });

  it.each([
    [null, 'it must be an object, not null'],
    [[], 'it must be an object, not an empty list'],
    ['x', 'it must be an object, not "x"'],
    [{}, 'title is missing'],
    [{ title: '' }, 'title must be a string that is not empty, not ""'],
    [{ title: 5 }, 'title must be a string that is not empty, not 5'],
    [{ title: {} }, 'title must be a string that is not empty, not an object'],
    [{ title: 't', secure: 'yes' }, 'secure must be true or false, not "yes"'],
    [{ title: 't', servers: [] }, 'servers must be an object, not an empty list'],
    [{ title: 't', servers: { a: 5 } }, 'servers.a must be an object, not 5'],
    [{ title: 't', servers: { a: { functions: 'a.f' } } }, 'servers.a.functions must be a list, not "a.f"'],
    [
      { title: 't', servers: { a: { functions: ['a.f', 'a'] } } },
      'servers.a.functions[1] must be \'server.function\', with * for any part of it, or * for all, not "a"',
    ],
    [
      { title: 't', servers: { 'a.b': {} } },
      'a key of servers must be a name without dots, colons, slashes or spaces, not "a.b"',
    ],
    [{ title: 't', servers: { a: { function: [] } } }, 'there is no key servers.a.function, but functions'],
    [{ titel: 't' }, 'there is no key titel, but title, servers, secure, token, sha256'],
    [{ title: 't', token: 'secret' }, 'token must be a string of 3 characters'],
    [{ title: 't', sha256: 5 }, 'sha256 must be a string of 3 characters'],
  ])('%j: %s', (content, message) => {
    expect(fault(content)).toBe(message);
  });

  it('with a misspelt key gets a suggestion where there is one', () => {
    const seen: unknown[] = [];
    const suggest: Suggest = (word, candidates) => {
      seen.push(word, candidates);
      return word === 'titel' ? 'title' : undefined;
    };
    expect(fault({ titel: 't' }, suggest)).toBe('there is no key titel; did you mean title?');
    expect(seen).toEqual(['titel', ['title', 'servers', 'secure', 'token', 'sha256']]);
    expect(fault({ title: 't', servers: { a: { x: 1 } } }, suggest)).toBe(
      'there is no key servers.a.x, but functions',
    );
    expect(fault({ title: '' }, suggest)).toBe('title must be a string that is not empty, not ""');
  });

  it('with a long key is quoted for 60 characters of it', () => {
    const key = (length: number) => 'k'.repeat(length);
    const known = ', but title, servers, secure, token, sha256';
    for (const length of [59, 60])
      expect(fault({ title: 't', [key(length)]: 1 })).toBe(`there is no key ${key(length)}${known}`);
    expect(fault({ title: 't', [key(61)]: 1 })).toBe(`there is no key ${key(60)}…${known}`);
  });
});

describe('functions of a grant', () => {
  const accepts = (pattern: string) => {
    try {
      checked(list(FUNCTIONS, 'a list'), [pattern], { file: 'f' });
      return true;
    } catch {
      return false;
    }
  };

  it('are server.function, or a star alone', () => {
    for (const pattern of ['*', 'a.f', '*.f', 'a.*', 'ab*.cd', 'a.ff'])
      expect([pattern, accepts(pattern)]).toEqual([pattern, true]);
    for (const pattern of [
      '',
      '**',
      'a',
      'a.',
      '.f',
      'a.f.g',
      'a .f',
      'a. f',
      ' a.f',
      'a.f ',
      'a\0.f',
      'a.f\0',
      '\u007fa.f',
      'a.\u0085',
      'a..f',
    ])
      expect([pattern, accepts(pattern)]).toEqual([pattern, false]);
  });
});

describe('grants', () => {
  const grants = (content: object) => checked(shape(GRANTS), content, { file: 'f' });

  it('have servers, and the others where they are wanted', () => {
    const whole = { servers: ['*', 'a*'], functions: ['*'], cache: 'session', work: true, priority: 9 };
    expect(grants(whole)).toEqual(whole);
    expect(grants({ servers: [] })).toEqual({ servers: [] });
    expect(() => grants({})).toThrow('"f": servers is missing');
  });

  it('have no other keys', () => {
    expect(() => grants({ servers: [], more: 1 })).toThrow(
      '"f": there is no key more, but servers, functions, cache, work',
    );
  });

  it.each([
    [{ servers: 'a' }, 'servers must be a list of names of servers, not "a"'],
    [
      { servers: ['a', 'a:b'] },
      'servers[1] must be the name of a server, with * for any part of it, not "a:b"',
    ],
    [{ servers: [], functions: 'a.f' }, 'functions must be a list such as [\'demo.*\'], not "a.f"'],
    [{ servers: [], cache: 'write' }, 'cache must be none, read, session or all, not "write"'],
    [{ servers: [], work: 'yes' }, 'work must be true or false, not "yes"'],
    [{ servers: [], priority: 10 }, 'priority must be a whole number from 0 to 9, not 10'],
  ])('%j: %s', (content, message) => {
    expect(() => grants(content)).toThrow(expect.objectContaining({ message: `"f": ${message}` }));
  });
});

describe('metadata of a grant', () => {
  const grants = (metadata: unknown) => checked(shape(GRANTS), { servers: [], metadata }, { file: 'f' });

  it.each([
    [{}],
    [{ set: [] }],
    [{ set: ['lang', 'x-*', '*'] }],
    [{ force: {} }],
    [{ force: { tenant: 'acme' } }],
    [{ set: ['lang'], force: { tenant: '' } }],
  ])('may be %j', (metadata) => {
    expect(grants(metadata)).toEqual({ servers: [], metadata });
  });

  it.each([
    [null],
    ['set'],
    [5],
    [[]],
    [{ sets: [] }],
    [{ set: [], forced: {} }],
    [{ set: 'lang' }],
    [{ set: null }],
    [{ set: { 0: 'lang' } }],
    [{ set: ['lang', ''] }],
    [{ set: ['lang', 5] }],
    [{ force: null }],
    [{ force: 'tenant' }],
    [{ force: ['tenant'] }],
    [{ force: { Tenant: 'x' } }],
    [{ force: { tenant: 5 } }],
    [{ set: ['lang'], force: { tenant: {} } }],
  ])('is refused as %j', (metadata) => {
    expect(() => grants(metadata)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: expect.stringMatching(
          /^"f": metadata must be an object with set, a list of names such as \['lang'\], and force, an object of strings, or one of both, not /,
        ),
      }),
    );
  });
});

describe('JSON', () => {
  const source = { file: 'a "b".json' };

  it('is parsed', () => {
    expect(parseJson('{ "a": [1] }', source)).toEqual({ a: [1] });
  });

  it('with an error in it is refused with the line, and nothing of it is quoted', () => {
    const message = (json: string) => {
      try {
        return parseJson(json, source);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_CALL', sent: false });
        return (error as Error).message;
      }
    };
    const name = '"a \\"b\\".json" is not JSON';
    expect(message('{\n"a": 1\n"secret": 2 }')).toBe(`${name}: there is an error in line 3`);
    expect(message('{\n"a": 1,\n"secret" 2,\n"c": 3\n}')).toBe(`${name}: there is an error in line 3`);
    expect(message('["secret"}')).toBe(`${name}: there is an error in line 1`);
    // The platform gives no position for an input that ends too early.
    expect(message('{"secret')).not.toContain('secret');
    expect(message('')).toBe(name);
  });

  it('has faults that name the file', () => {
    expect(faultIn(source, 'why')).toMatchObject({
      code: 'INVALID_CALL',
      message: '"a \\"b\\".json": why',
    });
  });
});
