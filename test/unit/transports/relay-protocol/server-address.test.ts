import { describe, expect, it } from 'vitest';
import { closeReason, endsSession, finalError } from '../../../../transports/relay-protocol/close-codes.ts';
import { isRelayedName, parseRelayedAddress } from '../../../../transports/relay-protocol/server-address.ts';
import { SendWindow } from '../../../../transports/relay-protocol/window.ts';

describe('an address behind a relay', () => {
  it('is the name of a server, or where workers push results to', () => {
    expect(parseRelayedAddress('demo')).toEqual({ server: 'demo', isForResults: false });
    expect(parseRelayedAddress('demo/results')).toEqual({ server: 'demo', isForResults: true });
    for (const name of ['a', 'demo-1', 'é', '😀', 'results']) expect(isRelayedName(name)).toBe(true);
  });

  const unfit = ['', ' ', '.', ':', '/', '\\', '\0', '\u0085', '\ud800'];
  it.each([...unfit, ...unfit.slice(1).flatMap((own) => [`${own}a`, `a${own}`])])('is not %j', (name) => {
    expect(isRelayedName(name)).toBe(false);
    expect(() => parseRelayedAddress(name)).toThrow(expect.objectContaining({ code: 'INVALID_CALL' }));
  });

  it.each(['tcp://127.0.0.1:5555', '/results', 'a/results/results', 'a/Results', 5, undefined])(
    'is not %j',
    (address) => {
      expect(() => parseRelayedAddress(address)).toThrow(
        expect.objectContaining({
          code: 'INVALID_CALL',
          message: expect.stringMatching(/^behind a relay an address is a server's name, and not /),
          sent: false,
        }),
      );
    },
  );
});

describe('the close code', () => {
  it.each([
    [1000, undefined, false],
    [1001, undefined, true],
    [1006, undefined, false],
    [1009, 'TOO_LARGE', false],
    [1011, undefined, true],
    [4400, 'PROTOCOL', false],
    [4401, 'FORBIDDEN', false],
    [4403, 'FORBIDDEN', false],
    [4406, 'PROTOCOL', false],
    [4408, undefined, false],
    [4409, 'DISCONNECTED', false],
    [4413, undefined, true],
    [4429, undefined, false],
  ])('%i is final with %s; it ends the session: %s', (code, error, isEnd) => {
    expect([finalError(code), endsSession(code)]).toEqual([error, isEnd]);
  });
});

describe('a close reason', () => {
  it('has at most 123 bytes of UTF-8', () => {
    expect(closeReason('why')).toBe('why');
    for (const length of [122, 123]) expect(closeReason('x'.repeat(length))).toBe('x'.repeat(length));
    expect(closeReason('x'.repeat(124))).toBe('x'.repeat(123));
    expect(closeReason('é'.repeat(100))).toBe('é'.repeat(61));
    expect(closeReason(`${'é'.repeat(61)}x`)).toBe(`${'é'.repeat(61)}x`);
  });
});

describe('a send window', () => {
  it('counts what is outstanding, and tells listeners when some is not', () => {
    const window = new SendWindow();
    const heard: string[] = [];
    const leave = window.onRoom(() => heard.push(`first ${window.outstanding}`));
    window.onRoom(() => {
      leave();
      heard.push(`second ${window.outstanding}`);
    });
    window.take(10);
    window.take(5);
    expect([window.outstanding, heard]).toEqual([15, []]);
    window.release(12);
    window.release(3);
    expect([window.outstanding, heard]).toEqual([0, ['first 3', 'second 3', 'second 0']]);
  });
});
