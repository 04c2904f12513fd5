/** What a client may set of the metadata of its calls: every name that says who somebody is, granted and not, and what is forced. */
import { describe, expect, it } from 'vitest';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import { encodeMetadata, joined, type Metadata, readMetadata } from '../../../../../src/protocol/metadata.ts';
import { encodePriority, readPriority } from '../../../../../src/protocol/priority.ts';
import { progressField, progressName } from '../../../../../src/protocol/progress.ts';
import { type MetadataGrants, MetadataRules } from '../../../../../transports/relay/auth/metadata-rules.ts';

/** What a call with this metadata passes with, or why it does not. */
function applied(metadata: Metadata, grants?: MetadataGrants) {
  const message = palmMessage({ unknown: encodeMetadata(metadata) });
  const refusal = new MetadataRules(grants).apply(message);
  return refusal ?? readMetadata(message.unknown);
}

const refusalOf = (name: string) => `the name "${name}" in metadata may not be set here`;

const WORDS = [
  'auth',
  'authorization',
  'cookie',
  'group',
  'identity',
  'permission',
  'role',
  'scope',
  'session',
  'subject',
  'tenant',
  'user',
];

describe('a name that says who somebody is', () => {
  it.each(WORDS.flatMap((word) => [word, `${word}s`, `${word}.x`, `${word}-x`, `${word}_x`, `${word}s-x`]))(
    '%s is refused unless it is listed in full',
    (name) => {
      for (const grants of [undefined, {}, { set: [] }, { set: ['*'] }, { set: [`${name.slice(0, -1)}*`] }])
        expect(applied({ [name]: 'v' }, grants)).toBe(refusalOf(name));
      expect(applied({ [name]: 'v' }, { set: ['other', name] })).toEqual({ [name]: 'v' });
    },
  );

  it('is that word, and not another one with it', () => {
    for (const word of WORDS)
      for (const name of [`x${word}`, `${word}x`, `my-${word}`, `${word}ss`])
        if (!WORDS.includes(name)) expect(applied({ [name]: 'v' })).toEqual({ [name]: 'v' });
  });
});

describe('a priority', () => {
  const passed = (priority: number, most?: number) => {
    const message = palmMessage({
      unknown: joined(encodePriority(priority), progressField('a'), encodeMetadata({ lang: 'de' })),
    });
    const rules = new MetadataRules({}, most);
    expect(rules.passes(message)).toBe(false);
    const refusal = rules.apply(message);
    expect([progressName(message.unknown), readMetadata(message.unknown)]).toEqual(['a', { lang: 'de' }]);
    return refusal ?? readPriority(message.unknown);
  };

  it('above 0 is refused unless it is granted', () => {
    expect(passed(1)).toBe('a call may have a priority of 0 here at most, not 1');
    expect(passed(5, 4)).toBe('a call may have a priority of 4 here at most, not 5');
    expect([passed(4, 4), passed(1, 4)]).toEqual([4, 1]);
  });

  it('below 0 may always be given', () => {
    expect([passed(-9), passed(-1, 3), passed(0)]).toEqual([-9, -1, 0]);
  });
});

describe('any other name', () => {
  it('may be set unless there is a list, and then where it fits that', () => {
    expect(applied({ lang: 'de' })).toEqual({ lang: 'de' });
    expect(applied({ lang: 'de', 'x-one': '1' }, { set: ['lang', 'x-*'] })).toEqual({
      lang: 'de',
      'x-one': '1',
    });
    expect(applied({ lang: 'de' }, { set: [] })).toBe(refusalOf('lang'));
    expect(applied({ lang: 'de', trace: '1' }, { set: ['lang'] })).toBe(refusalOf('trace'));
  });
});

describe('what is forced', () => {
  it('takes the place of what the client set, and is set where it set nothing', () => {
    const grants = { force: { tenant: 'acme' } };
    expect(applied({ tenant: 'other', lang: 'de' }, grants)).toEqual({ tenant: 'acme', lang: 'de' });
    expect(applied({}, grants)).toEqual({ tenant: 'acme' });
    expect(applied({ user: 'ann' }, grants)).toBe(refusalOf('user'));
  });

  it('is what it was when the rules were made', () => {
    const force: Record<string, string> = { tenant: 'acme' };
    const rules = new MetadataRules({ force });
    force['tenant'] = 'other';
    const message = palmMessage({});
    rules.apply(message);
    expect(readMetadata(message.unknown)).toEqual({ tenant: 'acme' });
  });

  it('must be metadata', () => {
    for (const force of [{ Tenant: 'x' }, { tenant: 5 }, { tenant: 'a\n' }])
      expect(() => new MetadataRules({ force: force as never })).toThrow(
        expect.objectContaining({ code: 'INVALID_CALL' }),
      );
  });

  it('must fit beside what the client sets', () => {
    const many = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`n${i}`, 'v']));
    expect(applied(many)).toEqual(many);
    expect(applied(many, { force: { tenant: 'acme' } })).toEqual(expect.any(String));
  });
});

describe('a call', () => {
  it('passes as it is where there is nothing to judge, and nothing to set', () => {
    const [plain, forcing] = [new MetadataRules(), new MetadataRules({ force: { tenant: 'acme' } })];
    const [bare, given] = [palmMessage({}), palmMessage({ unknown: encodeMetadata({ lang: 'de' }) })];
    expect([plain.passes(bare), plain.passes(given)]).toEqual([true, false]);
    expect([forcing.passes(bare), forcing.passes(given)]).toEqual([false, false]);
  });

  it('keeps its wish for progress, and no field that nobody knows', () => {
    const unknown = new Uint8Array([...progressField('1'), 0xc8, 0x3e, 1, ...encodeMetadata({ lang: 'de' })]);
    const message = palmMessage({ unknown });
    expect(new MetadataRules().apply(message)).toBeUndefined();
    expect([progressName(message.unknown), readMetadata(message.unknown)]).toEqual(['1', { lang: 'de' }]);
    expect(message.unknown).toEqual(
      new Uint8Array([...progressField('1'), ...encodeMetadata({ lang: 'de' })]),
    );
  });

  it('is refused with the reason where its metadata cannot be read', () => {
    const message = palmMessage({ unknown: new Uint8Array([0xfa, 0x3e, 2, 0x10, 1]) });
    expect(new MetadataRules().apply(message)).toMatch(/./);
  });
});
