import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, resolveOptions } from '../../../src/client/connect-options.ts';
import { prepare } from '../../../src/client/elaborate.ts';
import { invalidCall } from '../../../src/protocol/errors.ts';
import type { Transport } from '../../../src/transport.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A transport that reads addresses that begin with `ok`. */
const transport = {
  open: () => {},
  checkAddress: (address: string) => {
    if (!address.startsWith('ok')) throw invalidCall(`cannot read ${address}`);
  },
} as unknown as Transport;

const resolve = (options: Partial<ConnectOptions> | object) =>
  resolveOptions({ transport, dbAddress: 'ok:db', ...options } as ConnectOptions);
const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_CALL', message, sent: false });

describe('options of a client', () => {
  it('have defaults', () => {
    expect(resolve({})).toMatchObject({ dbAddress: 'ok:db', timeout: 30_000 });
    expect(resolve({}).tap).toBeUndefined();
    expect(resolve({ timeout: Infinity }).timeout).toBe(Infinity);
  });

  it('pass on what they hold', () => {
    const given = { serverName: 'demo', session: 's', id: 'me', pushAddress: 'ok:1', errorSentinel: true };
    expect(resolve(given)).toMatchObject(given);
  });

  it('have the name of the server for its address behind a relay', () => {
    expect(resolve({ dbAddress: undefined, serverName: 'ok-demo' }).dbAddress).toBe('ok-demo');
    expect(() => resolve({ dbAddress: undefined, serverName: 'demo' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'dbAddress must be given: cannot read demo',
        cause: expect.objectContaining({ message: 'cannot read demo' }),
        sent: false,
      }),
    );
    expect(() => resolve({ dbAddress: undefined })).toThrow(
      refusal('to find the server, give dbAddress or, behind a relay, serverName'),
    );
  });

  it.each([
    [{ transport: undefined }, 'transport must be a transport such as zmtp(), not undefined'],
    [{ transport: {} }, 'transport must be a transport such as zmtp(), not an object'],
    [{ serverName: 'a.b' }, 'serverName must be a string without dots or spaces, not "a.b"'],
    [{ session: 'a b' }, 'session must be a string without spaces and control characters, not "a b"'],
    [{ session: '' }, 'session must be a string without spaces and control characters, not ""'],
    [{ id: '' }, 'id must be a string without spaces and control characters, not ""'],
    [{ dbAddress: 'x' }, 'cannot read x'],
    [{ dbAddress: 'x', serverName: 'ok' }, 'cannot read x'],
    [{ pushAddress: 'y' }, 'cannot read y'],
    [{ subAddress: 'z' }, 'cannot read z'],
    [{ timeout: 0 }, 'timeout must be milliseconds above 0, or Infinity, not 0'],
    [{ loggingLevel: 'loud' }, 'loggingLevel must be one of debug, info, warning, error, silent, not "loud"'],
  ])('%j: %s', (options, message) => {
    expect(() => resolve(options)).toThrow(expect.objectContaining({ code: 'INVALID_CALL', message }));
  });

  it('describe the server where it is not to be asked', () => {
    const whole = { thisConfig: true, serverName: 'demo', pushAddress: 'ok:1', subAddress: 'ok:2' };
    expect(prepare(resolve(whole)).profile).toEqual({
      serverName: 'demo',
      addresses: { pushAddress: 'ok:1', subAddress: 'ok:2' },
      isDirect: false,
      isEndKnown: true,
    });
    expect(prepare(resolve({ ...whole, thisConfig: false })).profile).toBeUndefined();
    for (const missing of ['serverName', 'pushAddress', 'subAddress'])
      expect(() => prepare(resolve({ dbAddress: 'ok:db', ...whole, [missing]: undefined }))).toThrow(
        refusal('with thisConfig, give serverName, pushAddress and subAddress: the server is not asked'),
      );
  });

  it('log warnings to the console under the name of the client, or what is wanted to where it is wanted', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const info = vi.spyOn(console, 'info').mockImplementation(() => {});
    for (const options of [{}, { id: 'me' }]) {
      const { logger } = resolve(options);
      logger.info('a');
      logger.warning('b');
    }
    expect(warn.mock.calls).toEqual([['frond client b'], ['frond client me b']]);
    expect(info).not.toHaveBeenCalled();
    const own = { debug: vi.fn(), info: vi.fn(), warning: vi.fn(), error: vi.fn() };
    const { logger } = resolve({ logger: own, loggingLevel: 'info' });
    logger.debug('a');
    logger.info('b');
    expect([own.debug.mock.calls.length, own.info.mock.calls.length]).toEqual([0, 1]);
  });
});
