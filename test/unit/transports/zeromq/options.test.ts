/** Options of zeromq(): their defaults, and what is refused. */
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../../transports/zeromq/options.ts';

describe('options', () => {
  it('have defaults, which undefined leaves as they are', () => {
    const defaults = {
      heartbeatInterval: 2_000,
      reconnectInterval: 100,
      reconnectMaxInterval: 2_000,
      subscriptionMargin: 5,
      maxOwed: 268_435_456,
      maxMessageSize: 67_108_864,
    };
    expect(resolveOptions({})).toEqual(defaults);
    expect(resolveOptions({ heartbeatInterval: undefined, curve: undefined })).toEqual(defaults);
    expect(resolveOptions({ maxOwed: 7, sendHighWaterMark: 1 })).toEqual({
      ...defaults,
      maxOwed: 7,
      sendHighWaterMark: 1,
    });
  });

  it.each([
    'heartbeatInterval',
    'reconnectInterval',
    'reconnectMaxInterval',
    'sendHighWaterMark',
    'maxOwed',
    'receiveHighWaterMark',
    'maxMessageSize',
    'subscriptionMargin',
  ] as const)('%s is a whole number from 0 on', (name) => {
    expect(resolveOptions({ [name]: 0 })[name]).toBe(0);
    for (const value of [-2, 0.5, '1', Number.NaN, Number.POSITIVE_INFINITY, null])
      expect(() => resolveOptions({ [name]: value })).toThrowError(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringContaining(`${name} must be a whole number from 0 on, not `),
        }),
      );
  });

  it('maxMessageSize alone may be -1', () => {
    expect(resolveOptions({ maxMessageSize: -1 }).maxMessageSize).toBe(-1);
    expect(() => resolveOptions({ maxOwed: -1 })).toThrow('maxOwed must be a whole number from 0 on, not -1');
  });

  it('have keys that are checked, too', () => {
    const fine = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7';
    expect(resolveOptions({ curve: { serverKey: fine } }).curve).toEqual({ serverKey: fine });
    expect(resolveOptions({ curveServer: { secretKey: fine } }).curveServer).toEqual({ secretKey: fine });
    expect(() => resolveOptions({ curve: { serverKey: 'short' } })).toThrow('serverKey');
    expect(() => resolveOptions({ curveServer: { secretKey: 'short' } })).toThrow('secretKey');
  });
});
