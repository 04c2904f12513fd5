import { generateKeyPairSync } from 'node:crypto';
import { encodeZ85 } from '../shared/z85.ts';

/** Keys of one end, each 40 characters of Z85. */
export interface CurveKeyPair {
  /** The key that others may know. */
  readonly publicKey: string;
  /** The key that only its owner may know. */
  readonly secretKey: string;
}

/** Bytes of a key, the last ones of its DER encoding (RFC 8410). */
const KEY = 32;

/** Makes a new key pair for CURVE, as `curveKeyPair()` of the package `zeromq` does. */
export function curveKeyPair(): CurveKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { publicKey: encodeZ85(publicKey.subarray(-KEY)), secretKey: encodeZ85(privateKey.subarray(-KEY)) };
}
