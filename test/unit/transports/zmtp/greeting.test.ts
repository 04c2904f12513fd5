/** The greeting of ZMTP 3, byte for byte, in whatever pieces it comes, and what is not one (rfc.zeromq.org/spec/37). */
import { describe, expect, it } from 'vitest';
import { GREETING, GreetingReader, greetingOf } from '../../../../transports/zmtp/greeting.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const violation = (message: string, code = 'PROTOCOL') =>
  expect.objectContaining({ name: 'Violation', code, message: expect.stringContaining(message) });

/** A greeting with some of its bytes changed. */
function changed(changes: Readonly<Record<number, number>>, from: Uint8Array = GREETING): Uint8Array {
  const bytes = Uint8Array.from(from);
  for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte;
  return bytes;
}

/** How many bytes of a greeting a reader takes, one by one, before it refuses; and the error. */
function takenOf(greeting: Uint8Array, own?: Uint8Array): { taken: number; error: unknown } {
  const reader = new GreetingReader(own);
  for (const [taken, byte] of greeting.entries()) {
    try {
      reader.read(Uint8Array.of(byte));
    } catch (error) {
      return { taken, error };
    }
  }
  return { taken: greeting.length, error: undefined };
}

describe('a greeting', () => {
  it('is a signature, the version 3.1, the mechanism, and whether this end is its server', () => {
    const signed = 'ff00000000000000007f0301';
    const mechanism = (name: string) => Buffer.from(name.padEnd(20, '\0')).toString('hex');
    expect(hex(GREETING)).toBe(`${signed}${mechanism('NULL')}${'00'.repeat(32)}`);
    expect(hex(greetingOf('CURVE'))).toBe(`${signed}${mechanism('CURVE')}${'00'.repeat(32)}`);
    expect(hex(greetingOf('CURVE', true))).toBe(`${signed}${mechanism('CURVE')}01${'00'.repeat(31)}`);
  });

  it('is signed with its 10th byte, and complete with its 64th', () => {
    const reader = new GreetingReader();
    for (let count = 1; count <= 64; count++) {
      expect(reader.read(GREETING.subarray(count - 1, count))).toBe(1);
      expect([count, reader.isSigned, reader.isComplete]).toEqual([count, count >= 10, count === 64]);
    }
  });

  it('takes none of the bytes that follow it', () => {
    const reader = new GreetingReader();
    expect(reader.read(GREETING.subarray(0, 60))).toBe(60);
    expect(reader.read(Uint8Array.of(0, 0, 0, 0, 1, 2, 3))).toBe(4);
    expect(reader.isComplete).toBe(true);
    expect(reader.read(Uint8Array.of(1))).toBe(0);
  });

  it.each([
    [3, 0, 0],
    [3, 1, 1],
    [3, 7, 7],
    // A later version also speaks 3.1.
    [4, 0, 1],
  ])('of version %i.%i is answered as one of 3.%i', (major, minor, expected) => {
    const reader = new GreetingReader();
    reader.read(changed({ 10: major, 11: minor }));
    expect(reader.minor).toBe(expected);
  });

  it('may say anything where the RFC has padding', () => {
    const odd = changed({ 1: 1, 8: 9, 32: 1, 33: 7, 63: 7 });
    expect(takenOf(odd)).toEqual({ taken: 64, error: undefined });
  });

  it('is refused at the first byte that cannot be of ZMTP 2 or later, whatever follows', () => {
    for (const byte of [0, 1, 0x7f, 0xfe, 'G'.charCodeAt(0)])
      expect(takenOf(changed({ 0: byte }))).toEqual({
        taken: 0,
        error: violation('it does not speak ZMTP 3'),
      });
    for (const byte of [0, 0x7e])
      expect(takenOf(changed({ 9: byte }))).toEqual({ taken: 9, error: violation('it speaks ZMTP 1,') });
  });

  it('is refused when its version is below 3, which it is told', () => {
    expect(takenOf(changed({ 10: 1 }))).toEqual({ taken: 10, error: violation('it speaks ZMTP 2,') });
    expect(takenOf(changed({ 10: 0 }))).toEqual({ taken: 10, error: violation('it speaks ZMTP 1,') });
  });

  it('is refused with another mechanism than that of this end, once that is there', () => {
    const wrong = { taken: 31, error: violation('one side wants encryption', 'FORBIDDEN') };
    for (let at = 12; at < 32; at++) expect(takenOf(changed({ [at]: 0x41 }))).toEqual(wrong);
    expect(takenOf(greetingOf('CURVE'))).toEqual(wrong);
    expect(takenOf(GREETING, greetingOf('CURVE', true))).toEqual(wrong);
    // Which end is the server is not a part of the mechanism.
    expect(takenOf(greetingOf('CURVE'), greetingOf('CURVE', true)).error).toBeUndefined();
  });
});
