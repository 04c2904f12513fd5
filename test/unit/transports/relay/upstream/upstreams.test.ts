/** The servers behind a relay, by name: which there are, and what a look-up that fails does. */
import { describe, expect, it, vi } from 'vitest';
import { invalidCall } from '../../../../../src/protocol/errors.ts';
import type { UpstreamContext } from '../../../../../transports/relay/upstream/upstream.ts';
import { Upstreams, type UpstreamTargets } from '../../../../../transports/relay/upstream/upstreams.ts';
import { FakeConnection } from '../../../../support/fake-connection.ts';

function ground(servers: unknown) {
  const connection = new FakeConnection();
  const logger = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
  const checkAddress = (address: string) => {
    if (!address.startsWith('ok:')) throw invalidCall(`${address} is not an address`);
  };
  const context = {
    transport: { checkAddress },
    connection,
    workConnection: connection,
    prefix: 'relay/',
    logger,
    changed: () => {},
    deliver: () => {},
    garbageCollection: { took: () => {} },
  } as unknown as UpstreamContext;
  const make = () => new Upstreams(servers as UpstreamTargets, context);
  return { make, logger, connection };
}

const invalid = (text: RegExp) =>
  expect.objectContaining({ code: 'INVALID_CALL', message: expect.stringMatching(text) });

describe('servers', () => {
  it('are found by their own names alone, and made once', () => {
    const upstreams = ground({ one: { dbAddress: 'ok:1' } }).make();
    expect(upstreams.get('one')?.name).toBe('one');
    expect(upstreams.get('one')).toBe(upstreams.get('one'));
    for (const name of ['two', '', 'constructor', '__proto__']) expect(upstreams.get(name)).toBeUndefined();
  });

  it.each([
    ['a name with a dot', { 'a.b': {} }, /must have a name without dots/],
    ['a name with a slash', { 'a/b': {} }, /must have a name without dots/],
    ['something that is not an object', { one: 'ok:1' }, /must be an object with a dbAddress, not "?'?ok:1/],
    ['null', { one: null }, /must be an object with a dbAddress, not null/],
    ['an address that cannot be read', { one: { dbAddress: 'bad' } }, /bad is not an address/],
    ['another address that cannot be read', { one: { workerPullAddress: 'bad' } }, /bad is not an address/],
  ])('with %s are refused', (_, servers, text) => {
    expect(() => ground(servers).make()).toThrow(invalid(text));
  });

  it('may join later, none of them when one is not acceptable, and those that are there stay', () => {
    const upstreams = ground({ one: { dbAddress: 'ok:1' } }).make();
    const one = upstreams.get('one');
    expect(() => upstreams.join({ two: { dbAddress: 'ok:2' }, three: { dbAddress: 'bad' } })).toThrow(
      invalid(/bad/),
    );
    expect(upstreams.get('two')).toBeUndefined();
    upstreams.join({ one: { dbAddress: 'ok:9' }, two: { dbAddress: 'ok:2' } });
    expect([upstreams.get('one'), upstreams.get('two')?.name]).toEqual([one, 'two']);
  });

  it('are named by grants, or the grant is refused: also those that are about to join, and patterns', () => {
    const upstreams = ground({ one: {}, other: {} }).make();
    for (const granted of [undefined, [], ['one'], ['o*'], ['*'], ['**']]) upstreams.checkNamed(granted);
    upstreams.checkNamed(['two'], { two: {} });
    for (const granted of [['two'], ['one', 'x*']])
      expect(() => upstreams.checkNamed(granted)).toThrow(invalid(/there is no such server here/));
    upstreams.join({ two: {} });
    upstreams.checkNamed(['two']);
  });

  it('say which of them answer, also those that nobody has used', async () => {
    const { make, connection } = ground({ one: { dbAddress: 'ok:1' }, blind: { pushAddress: 'ok:2' } });
    connection.answer = async () => new Uint8Array(0);
    expect(await make().answering()).toEqual([
      { name: 'one', answers: true },
      { name: 'blind', answers: true },
    ]);
    connection.answer = () => Promise.reject(new Error('gone'));
    expect((await make().answering())[0]).toEqual({ name: 'one', answers: false });
  });
});

describe('a function that looks servers up', () => {
  it('is asked until it has found one, and 4,096 are made at most', () => {
    const look = vi.fn((name: string) => (name === 'none' ? undefined : { dbAddress: 'ok:1' }));
    const upstreams = ground(look).make();
    expect(upstreams.get('none')).toBeUndefined();
    expect(upstreams.get('none')).toBeUndefined();
    expect(upstreams.get('one')).toBe(upstreams.get('one'));
    expect(look.mock.calls).toEqual([['none'], ['none'], ['one']]);
    for (let i = 1; i < 4_096; i++) expect(upstreams.get(`s${i}`)).toBeDefined();
    expect(upstreams.get('more')).toBeUndefined();
    expect(upstreams.get('one')).toBeDefined();
    // Nobody knows which there are.
    upstreams.checkNamed(['anything']);
  });

  it.each([
    ['throws', () => raise()],
    ['returns a promise', async () => ({ dbAddress: 'ok:1' })],
    ['returns a promise that rejects', () => Promise.reject(new Error('no'))],
    ['returns something that is not a server', () => 7],
    ['returns an address that cannot be read', () => ({ dbAddress: 'bad' })],
  ])('and %s finds no server, and the log says so', (_, look) => {
    const { make, logger } = ground(look);
    expect(make().get('one')).toBeUndefined();
    expect(logger.error).toHaveBeenCalledWith('a server cannot be looked up', {
      server: 'one',
      reason: expect.any(String),
    });
  });

  it('is not asked for a name that no server may have', () => {
    const { make, logger } = ground(() => ({ dbAddress: 'ok:1' }));
    expect(make().get('a.b')).toBeUndefined();
    expect(logger.error).toHaveBeenCalled();
  });
});

function raise(): never {
  throw new Error('no');
}

describe('servers that a function looks up', () => {
  const lookUp = (name: string) => (name === 'none' ? undefined : { dbAddress: `ok:${name}` });

  it('have the names that were looked up so far', async () => {
    const { make, connection } = ground(lookUp);
    const upstreams = make();
    expect([upstreams.names, await upstreams.answering()]).toEqual([[], []]);
    for (const name of ['one', 'none', 'two']) upstreams.get(name);
    expect(upstreams.names).toEqual(['one', 'two']);
    connection.answer = async () => new Uint8Array(0);
    expect(await upstreams.answering()).toEqual([
      { name: 'one', answers: true },
      { name: 'two', answers: true },
    ]);
  });

  it('may be named in a grant before they are looked up', () => {
    expect(() => ground(lookUp).make().checkNamed(['anything'])).not.toThrow();
  });

  it('are none where the function returns a promise or nothing, and the log says which', () => {
    const { make, logger } = ground(async () => ({ dbAddress: 'ok:1' }));
    expect(make().get('one')).toBeUndefined();
    expect(logger.error.mock.calls).toEqual([
      [
        'a server cannot be looked up',
        {
          server: 'one',
          reason: 'the function servers returned a promise; it must return the server itself',
        },
      ],
    ]);
    const none = ground(lookUp);
    expect(none.make().get('none')).toBeUndefined();
    expect(none.logger.error).not.toHaveBeenCalled();
  });
});

it('closing closes all servers', async () => {
  const upstreams = ground({ one: { dbAddress: 'ok:1' }, two: { dbAddress: 'ok:2' } }).make();
  const [one, two] = [upstreams.get('one'), upstreams.get('two')];
  await upstreams.close();
  for (const upstream of [one, two])
    await expect(upstream?.inFlight.wait()).rejects.toMatchObject({ code: 'CLOSED' });
});
