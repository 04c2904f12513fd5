import { describe, expect, it } from 'vitest';
import { palmMessage } from '../../../../../src/protocol/message.ts';
import { encodePriority } from '../../../../../src/protocol/priority.ts';
import {
  CACHE_SCOPES,
  type CacheScope,
  Identity,
  type RelayIdentity,
} from '../../../../../transports/relay/auth/identity.ts';

const identity = (fields: Partial<RelayIdentity> = {}) =>
  new Identity({ name: 'alice', servers: [], ...fields });

describe('an identity', () => {
  it('may do nothing that is not granted', () => {
    const own = identity();
    expect([own.cache, own.mayWork, own.keyPrefix, own.expires]).toEqual([
      'none',
      false,
      '',
      Number.POSITIVE_INFINITY,
    ]);
    const urgent = palmMessage({ function: 'server.f', unknown: encodePriority(1) });
    expect(own.metadata.apply(urgent)).toMatch('a priority of 0 here at most, not 1');
    expect([own.mayUse('server'), own.mayCall('server.f'), own.mayRead('k'), own.mayWrite('k')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it.each(['', ' ', 'a b', 'a/b', '/', 'a/', 'a\tb', 'a\0', 'a\u0085', 5, undefined, null])(
    'is not called %j',
    (name) => {
      expect(() => identity({ name: name as string })).toThrow(/name of an identity/);
    },
  );

  it.each(['a', 'alice', 'a.b', 'a:b', 'é', 'a-b@c'])('may be called %j', (name) => {
    expect(identity({ name }).name).toBe(name);
  });

  it.each([
    { expires: '2027' },
    { cache: 'write' },
    { cache: 5 },
    { work: 'yes' },
    { work: 1 },
    { priority: 10 },
    { priority: -1 },
    { priority: 0.5 },
    { priority: '1' },
  ])('is refused with %j', (fields) => {
    expect(() => identity(fields as object)).toThrow(/cannot be read/);
  });

  it.each([0, 1, 9])('may be granted the priority %i, and lower ones', (priority) => {
    const { metadata } = identity({ priority });
    const callOf = (own: number) => palmMessage({ function: 'server.f', unknown: encodePriority(own) });
    expect([metadata.apply(callOf(priority)), metadata.apply(callOf(-9))]).toEqual([undefined, undefined]);
    if (priority < 9) expect(metadata.apply(callOf(priority + 1))).toMatch('at most');
  });

  it.each([
    ['none', [false, false], [false, false]],
    ['read', [true, true], [false, false]],
    ['session', [true, false], [true, false]],
    ['all', [true, true], [true, true]],
  ] as const)('with the cache %s', (cache, reads, writes) => {
    const own = identity({ cache });
    const keys = ['alice/k', 'bob/k'];
    expect(keys.map((key) => own.mayRead(key))).toEqual(reads);
    expect(keys.map((key) => own.mayWrite(key))).toEqual(writes);
    expect(own.keyPrefix).toBe(cache === 'session' ? 'alice/' : '');
  });

  it('is told apart from others by the functions that it may call', () => {
    const hash = (functions: readonly string[] | undefined) => identity({ functions }).callGrants;
    expect(hash(undefined)).toBe(hash([]));
    expect(hash(['a.b'])).toBe(identity({ name: 'bob', functions: ['a.b'] }).callGrants);
    expect(new Set([hash(undefined), hash(['a.b']), hash(['a.c']), hash(['a.b', 'a.c'])]).size).toBe(4);
  });

  it('has a hash of its functions, not the functions', () => {
    expect(identity({ functions: ['a.b'] }).callGrants).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });

  it('without a token is called anonymous, whatever its grants say', () => {
    const own = Identity.anonymous({ servers: ['demo'], functions: ['demo.f'], cache: 'read', work: true });
    expect([own.name, own.cache, own.mayWork]).toEqual(['anonymous', 'read', true]);
    expect([own.mayUse('demo'), own.mayUse('other'), own.mayCall('demo.f'), own.mayCall('demo.g')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(Identity.anonymous({ ...own, name: 'alice', servers: [] } as object as RelayIdentity).name).toBe(
      'anonymous',
    );
  });

  it('is told which server it may not use, and not whether there is one', () => {
    expect(identity().serverRefusal('x"y')).toBe('alice may not use a server "x\\"y" here, or there is none');
  });

  it('keeps when it expires', () => {
    expect(identity({ expires: 5 }).expires).toBe(5);
  });

  it('knows the scopes that there are', () => {
    expect(CACHE_SCOPES).toEqual(['none', 'read', 'session', 'all'] satisfies CacheScope[]);
  });
});
