import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readTokens } from '../../../../../transports/relay/auth/tokens.ts';

const NOW = Date.parse('2027-01-01T00:00:00Z');

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

const info = { address: '192.0.2.1', origin: undefined };
const TOKEN = 'a token of enough characters';
const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
const read = (...entries: readonly object[]) =>
  readTokens({ tokens: entries.map((entry) => ({ name: 'alice', servers: [], ...entry })) });
const refused = expect.objectContaining({ code: 'INVALID_CALL' });

describe('tokens', () => {
  it('are accepted as they are, or by their hash in capitals or not, and no others', () => {
    const hash = sha256(TOKEN);
    for (const entry of [{ token: TOKEN }, { sha256: hash }, { sha256: hash.toUpperCase() }]) {
      const { authenticate } = read(entry);
      expect(authenticate(TOKEN, info)).toMatchObject({ name: 'alice' });
      for (const wrong of [undefined, '', hash, TOKEN.toUpperCase(), `${TOKEN} `])
        expect(authenticate(wrong, info)).toBeUndefined();
    }
  });

  it('belong to an identity that has what the entry says, and no more', () => {
    expect(read({ token: TOKEN }).identities).toEqual([{ name: 'alice', servers: [] }]);
    expect(read({ token: TOKEN, work: true, expires: '2027-01-01T00:00:00Z' }).identities).toEqual([
      { name: 'alice', servers: [], work: true, expires: NOW },
    ]);
  });

  it('without a file are called tokens in errors', () => {
    expect(() => readTokens(5)).toThrow('"tokens": it must be an object, not 5');
  });

  it('end at their time, not later', () => {
    const { authenticate } = read({ token: TOKEN, expires: '2027-01-01T00:00:00Z' });
    vi.setSystemTime(NOW - 1);
    expect(authenticate(TOKEN, info)).toMatchObject({ name: 'alice', expires: NOW });
    for (const now of [NOW, NOW + 1]) {
      vi.setSystemTime(now);
      expect(authenticate(TOKEN, info)).toBeUndefined();
    }
  });

  it('have 16 characters or more', () => {
    for (const length of [16, 17]) expect(read({ token: 'x'.repeat(length) }).identities).toHaveLength(1);
    expect(() => read({ token: 'x'.repeat(15) })).toThrow(refused);
  });

  it('are never in the identities, nor in an error', () => {
    expect(JSON.stringify(read({ token: TOKEN }).identities)).not.toContain(TOKEN);
    for (const entry of [{ token: 'short secret' }, { sha256: 'ab'.repeat(31) }]) {
      expect(() => read(entry)).toThrow(refused);
      try {
        read(entry);
      } catch (error) {
        for (const secret of Object.values(entry)) expect(String(error)).not.toContain(secret);
      }
    }
  });

  it.each([
    ['neither', {}],
    ['both', { token: TOKEN, sha256: sha256(TOKEN) }],
    ['a name with a slash', { token: TOKEN, name: 'a/b' }],
    ['a name with a space', { token: TOKEN, name: 'a b' }],
    ['the name of those without a token', { token: TOKEN, name: 'anonymous' }],
    ['a time without a zone', { token: TOKEN, expires: '2027-01-01T00:00:00' }],
    ['a time that is none', { token: TOKEN, expires: '2027-13-01T00:00:00Z' }],
    ['a hash one shorter', { sha256: 'a'.repeat(63) }],
    ['a hash one longer', { sha256: 'a'.repeat(65) }],
    ['an unknown key', { token: TOKEN, admin: true }],
    ['an unknown scope', { token: TOKEN, cache: 'write' }],
  ])('are refused with %s', (_what, entry) => {
    expect(() => read(entry)).toThrow(refused);
  });

  it('are refused when one is there twice, also as its hash', () => {
    expect(() => read({ token: TOKEN }, { sha256: sha256(TOKEN).toUpperCase() })).toThrow(
      /tokens\[1\].*tokens\[0\]/,
    );
  });
});
