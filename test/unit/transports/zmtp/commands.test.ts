/** The commands of ZMTP, byte for byte, and what is not one (rfc.zeromq.org/spec/23 and 37). */
import { describe, expect, it } from 'vitest';
import {
  commandOf,
  errorCommand,
  parseCommand,
  pingCommand,
  pongCommand,
  propertiesOf,
  readFirstCommand,
  readIntroduction,
  readReason,
  readsReasons,
  readyCommand,
  type SocketType,
  subscribeCommand,
} from '../../../../transports/zmtp/commands.ts';

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const raw = (text: string) => Buffer.from(text, 'latin1');
/** A property, as the RFC has it. */
const property = (name: string, value: string) =>
  `${String.fromCharCode(name.length)}${name}\0\0\0${String.fromCharCode(value.length)}${value}`;
const violation = (message: string, code = 'PROTOCOL') =>
  expect.objectContaining({ name: 'Violation', code, message: expect.stringContaining(message) });

describe('a command', () => {
  it('is its name with its length, and what follows', () => {
    expect(latin1(commandOf('ABC', raw('de'), raw('f')))).toBe('\x03ABCdef');
    expect(latin1(errorCommand('no'))).toBe('\x05ERROR\x02no');
    expect(latin1(subscribeCommand(raw('a/')))).toBe('\x09SUBSCRIBEa/');
    expect(latin1(readyCommand(raw('x') as never))).toBe('\x05READYx');
    expect(parseCommand(raw('\x03ABCdef'))).toEqual({ name: 'ABC', data: raw('def') });
    expect(parseCommand(raw('\x01A'))).toEqual({ name: 'A', data: raw('') });
  });

  it.each(['', '\0', '\0abc', '\x04ABC'])('has a name: not %j', (body) => {
    expect(() => parseCommand(raw(body))).toThrow(violation('it sent a command without a name'));
  });

  it('that asks whether the peer is there says for how long, in tenths of a second', () => {
    for (const [ttl, said] of [
      [0, '\0\0'],
      [1, '\0\x01'],
      [100, '\0\x01'],
      [101, '\0\x02'],
      [25_600, '\x01\0'],
      [6_553_500, '\xff\xff'],
      [6_553_501, '\xff\xff'],
    ] as const)
      expect([ttl, latin1(pingCommand(ttl))]).toEqual([ttl, `\x04PING${said}`]);
  });

  it('that answers that has at most 16 bytes of it', () => {
    expect(latin1(pongCommand(raw('\0\x01')))).toBe('\x04PONG');
    expect(latin1(pongCommand(raw(`\0\x01${'c'.repeat(16)}`)))).toBe(`\x04PONG${'c'.repeat(16)}`);
    expect(latin1(pongCommand(raw(`\0\x01${'c'.repeat(17)}`)))).toBe(`\x04PONG${'c'.repeat(16)}`);
  });
});

describe('what an end says of itself', () => {
  it('is its kind and how long it may be busy; a DEALER names itself and its process', () => {
    expect(latin1(propertiesOf('PULL', 250))).toBe(
      property('Socket-Type', 'PULL') + property('X-Busy-Timeout', '250'),
    );
    expect(latin1(propertiesOf('DEALER', 0, { mark: 'me' } as never))).toBe(
      property('Socket-Type', 'DEALER') +
        property('X-Busy-Timeout', '0') +
        property('Identity', '') +
        property('X-Process', 'me'),
    );
    expect(latin1(propertiesOf('DEALER', 0))).toContain(property('X-Process', ''));
  });

  it('is read again, names in whatever case', () => {
    const own = propertiesOf('DEALER', 77, { mark: 'me' } as never);
    expect(readIntroduction(own, 'ROUTER')).toEqual({ socketType: 'DEALER', busyTimeout: 77, process: 'me' });
    expect(readIntroduction(raw(property('SOCKET-type', 'REQ')), 'ROUTER')).toEqual({
      socketType: 'REQ',
      busyTimeout: undefined,
      process: undefined,
    });
    expect(readsReasons(own)).toBe(true);
    expect(readsReasons(raw(property('Socket-Type', 'REQ')))).toBe(false);
  });

  it.each([
    ['0', 0],
    ['999999999', 999_999_999],
    ['1000000000', undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['x1', undefined],
    ['1x', undefined],
  ])('says how long it may be busy in up to 9 digits: %j', (said, busyTimeout) => {
    const properties = raw(property('Socket-Type', 'PUSH') + property('X-Busy-Timeout', said));
    expect(readIntroduction(properties, 'PULL').busyTimeout).toBe(busyTimeout);
  });

  const fitting: Record<SocketType, string[]> = {
    DEALER: ['REP', 'ROUTER', 'DEALER'],
    ROUTER: ['REQ', 'DEALER', 'ROUTER'],
    PUSH: ['PULL'],
    PULL: ['PUSH'],
    SUB: ['PUB', 'XPUB'],
    XPUB: ['SUB', 'XSUB'],
  };
  const kinds = ['REQ', 'REP', 'DEALER', 'ROUTER', 'PUSH', 'PULL', 'PUB', 'SUB', 'XPUB', 'XSUB', 'PAIR', ''];

  it.each(Object.keys(fitting) as SocketType[])('fits %s, or is refused', (own) => {
    for (const kind of kinds) {
      const read = () => readIntroduction(raw(property('Socket-Type', kind)), own);
      if (fitting[own].includes(kind)) expect(read().socketType).toBe(kind);
      else expect(read).toThrow(violation(`it is the wrong kind of socket: ${kind} does not fit ${own}`));
    }
  });

  it('has a kind, in characters that can be printed', () => {
    expect(() => readIntroduction(raw(property('Identity', 'x')), 'PULL')).toThrow(
      violation('it did not say what kind of socket it is'),
    );
    expect(() => readIntroduction(raw(property('Socket-Type', 'a\n\x7f~ ')), 'PULL')).toThrow(
      violation('socket: a??~  does not'),
    );
    expect(() => readIntroduction(raw(property('Socket-Type', 'k'.repeat(201))), 'PULL')).toThrow(
      violation(`socket: ${'k'.repeat(200)} does not`),
    );
  });

  it.each([
    ['without a length', '\x01a\0\0\0'],
    ['without a name', `\0\0\0\0\x01x${property('Socket-Type', 'PUSH')}`],
    ['whose name is cut off', '\x05a'],
    ['whose value is cut off', '\x01a\0\0\0\x02x'],
    ['whose value is longer than all', '\x01a\xff\xff\xff\xffx'],
  ])('is malformed with a property %s', (_, wrong) => {
    // With nothing behind it in its buffer.
    for (const data of [wrong, property('Socket-Type', 'PUSH') + wrong])
      expect(() => readIntroduction(Uint8Array.from(raw(data)), 'PULL')).toThrow(
        violation('it introduced itself with a malformed READY'),
      );
  });

  it('is read where it lies in a larger buffer', () => {
    const own = raw(`xxx${property('Socket-Type', 'PUSH')}`).subarray(3);
    expect(readIntroduction(own, 'PULL').socketType).toBe('PUSH');
  });
});

describe('the first command', () => {
  it('is READY', () => {
    expect(readFirstCommand(raw(`\x05READY${property('Socket-Type', 'PUSH')}`), 'PULL').socketType).toBe(
      'PUSH',
    );
    expect(() => readFirstCommand(raw('\x04PING\0\0'), 'PULL')).toThrow(
      violation('its first command was not READY'),
    );
  });

  it.each([
    ['300', 'FORBIDDEN'],
    ['400', 'FORBIDDEN'],
    ['500', 'FORBIDDEN'],
    ['200', 'PROTOCOL'],
    ['410', 'PROTOCOL'],
    ['x400', 'PROTOCOL'],
    ['wrong kind', 'PROTOCOL'],
  ])('may be a refusal: %s', (reason, code) => {
    expect(() => readFirstCommand(errorCommand(reason), 'PULL')).toThrow(
      violation(`it refused this end: ${reason}`, code),
    );
  });

  it('has the reason of a refusal in characters that can be printed, as long as it says', () => {
    expect(readReason(raw('\x02a\nbc'))).toBe('a?');
    expect(readReason(raw('\x05ab'))).toBe('ab');
    expect(readReason(raw(''))).toBe('');
  });
});
