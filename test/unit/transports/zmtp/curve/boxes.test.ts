/** The boxes of CurveZMQ, and the numbers that they are sealed under. */
import { describe, expect, it } from 'vitest';
import {
  boxKey,
  newKeyPair,
  nonceOf,
  openBox,
  pairOf,
  readNonce,
  sealBox,
  shortNonce,
  TAG,
  writeNonce,
} from '../../../../../transports/zmtp/curve/boxes.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

describe('a box', () => {
  it('is opened by the other end, under its nonce', () => {
    const [one, other] = [newKeyPair(), newKeyPair()];
    const key = boxKey(one.secretKey, other.publicKey);
    expect(boxKey(other.secretKey, one.publicKey)).toEqual(key);
    const nonce = nonceOf('CurveZMQHELLO---', shortNonce(1));
    const box = sealBox(key, nonce, bytes('text'));
    expect(box).toHaveLength(4 + TAG);
    expect(textOf(openBox(key, nonce, box) ?? bytes(''))).toBe('text');
    expect(openBox(key, nonceOf('CurveZMQHELLO---', shortNonce(2)), box)).toBeUndefined();
    const stranger = boxKey(newKeyPair().secretKey, other.publicKey);
    expect(openBox(stranger, nonce, box)).toBeUndefined();
  });

  it('may be empty, and is never shorter than its tag', () => {
    const key = new Uint8Array(32).fill(7);
    const nonce = new Uint8Array(24);
    const empty = sealBox(key, nonce, new Uint8Array(0));
    expect(openBox(key, nonce, empty)).toEqual(new Uint8Array(0));
    for (const size of [0, 1, TAG - 1]) expect(openBox(key, nonce, empty.subarray(0, size))).toBeUndefined();
  });

  it('has the key that NaCl gives the same pairs: the vectors of its tests', () => {
    const alice = hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
    const bob = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');
    const shared = '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389';
    const [one, other] = [pairOf(alice), pairOf(bob)];
    expect(Buffer.from(one.publicKey).toString('hex')).toBe(
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    );
    expect(Buffer.from(boxKey(one.secretKey, other.publicKey)).toString('hex')).toBe(shared);
    expect(Buffer.from(boxKey(other.secretKey, one.publicKey)).toString('hex')).toBe(shared);
  });

  it('has no key with a public key of small order, under which anybody could open it', () => {
    const { secretKey } = newKeyPair();
    for (const weak of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))])
      expect(() => boxKey(secretKey, weak)).toThrow(
        expect.objectContaining({
          name: 'Violation',
          code: 'FORBIDDEN',
          message: 'its key is of small order',
        }),
      );
  });
});

describe('a nonce', () => {
  it.each([
    [0, '0000000000000000'],
    [1, '0000000000000001'],
    [0xffff_ffff, '00000000ffffffff'],
    [0x1_0000_0000, '0000000100000000'],
    [Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
  ])('is a number of eight bytes: %i', (number, text) => {
    expect(Buffer.from(shortNonce(number)).toString('hex')).toBe(text);
    const around = new Uint8Array(12).fill(9);
    writeNonce(around, 2, number);
    expect(Buffer.from(around).toString('hex')).toBe(`0909${text}0909`);
    expect(readNonce(around, 2)).toBe(BigInt(number));
  });

  it('of a peer may have all 64 bits', () => {
    expect(readNonce(new Uint8Array(9).fill(0xff), 1)).toBe(0xffff_ffff_ffff_ffffn);
  });

  it('begins with a text', () => {
    expect(textOf(nonceOf('VOUCH---', new Uint8Array(16).fill(0x61)))).toBe(`VOUCH---${'a'.repeat(16)}`);
  });
});
