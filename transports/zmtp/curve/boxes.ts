/** The boxes of CurveZMQ: x25519, XSalsa20 and Poly1305. Source: rfc.zeromq.org/spec/26. */
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { concatBytes } from '@noble/ciphers/utils.js';
import { x25519 } from '@noble/curves/ed25519.js';
import type { Bytes } from '../../../src/protocol/bytes.ts';
import { Violation } from '../violation.ts';

/** Bytes of a key. */
export const KEY = 32;
/** Bytes of a box beside those of what is in it. */
export const TAG = 16;

/** "expand 32-byte k", as Salsa20 begins. */
const SIGMA = words(new TextEncoder().encode('expand 32-byte k'));

/** A key of two ends, from the secret of one and the public key of the other. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export function newKeyPair(): KeyPair {
  const { publicKey, secretKey } = x25519.keygen();
  return { publicKey, secretKey };
}

/** The pair that a secret key belongs to. */
export function pairOf(secretKey: Uint8Array): KeyPair {
  return { secretKey, publicKey: x25519.getPublicKey(secretKey) };
}

/**
 * The key of the boxes between two ends.
 * @throws Violation when the public key is of small order: anybody would know the key of such boxes.
 */
export function boxKey(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  let shared: Uint8Array;
  try {
    shared = x25519.getSharedSecret(secretKey, publicKey);
  } catch {
    throw new Violation('its key is of small order', 'FORBIDDEN');
  }
  return subkey(shared, new Uint8Array(16));
}

/** The key for all nonces that begin with these 16 bytes. */
export function subkey(key: Uint8Array, prefix: Uint8Array): Uint8Array {
  const out = new Uint32Array(8);
  hsalsa(SIGMA, words(key), words(prefix), out);
  return new Uint8Array(out.buffer);
}

/** @param nonce - 24 bytes, never used before with this key. */
export function sealBox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return xsalsa20poly1305(key, nonce).encrypt(plain);
}

/** What is in a box; undefined when it was not made with this key and nonce. */
export function openBox(key: Uint8Array, nonce: Uint8Array, box: Uint8Array): Uint8Array | undefined {
  if (box.length < TAG) return undefined;
  try {
    return xsalsa20poly1305(key, nonce).decrypt(box);
  } catch {
    return undefined;
  }
}

/** A nonce of a text and a short or long rest, 24 bytes together. */
export function nonceOf(text: string, rest: Uint8Array): Uint8Array {
  return concatBytes(new TextEncoder().encode(text), rest);
}

/** The nonce that is a number, as its 8 bytes. */
export function shortNonce(number: number): Bytes {
  const bytes = new Uint8Array(8);
  writeNonce(bytes, 0, number);
  return bytes;
}

export function writeNonce(bytes: Uint8Array, at: number, number: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  view.setUint32(0, Math.floor(number / 0x1_0000_0000));
  view.setUint32(4, number % 0x1_0000_0000);
}

/** The number that a short nonce is: with all its 64 bits, because a peer chooses where it begins. */
export function readNonce(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0);
}

/** Numbers of four bytes, in an own buffer so that they are aligned. */
function words(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
