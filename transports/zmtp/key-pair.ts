import { createRequire } from 'node:module';
import { checkCurveKey } from '../shared/curve-keys.ts';
import { decodeZ85, encodeZ85 } from '../shared/z85.ts';

/** Keys of one end, each 40 characters of Z85. */
export interface CurveKeyPair {
  /** The key that others may know. */
  readonly publicKey: string;
  /** The key that only its owner may know. */
  readonly secretKey: string;
}

/** Node's own cryptography. It takes 3 ms to load, and most programs make no keys. */
function nodeCrypto(): typeof import('node:crypto') {
  // From any place: Deno runs this file from the web, too.
  return createRequire('/')('node:crypto');
}

/** Bytes of a key, the last ones of its DER encoding (RFC 8410). */
const KEY = 32;

/** Makes a new key pair for CURVE, as `curveKeyPair()` of the package `zeromq` does. */
export function curveKeyPair(): CurveKeyPair {
  const { publicKey, privateKey } = nodeCrypto().generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { publicKey: encodeZ85(publicKey.subarray(-KEY)), secretKey: encodeZ85(privateKey.subarray(-KEY)) };
}

/** What stands before a secret key in its DER encoding (RFC 8410). */
const DER_OF_SECRET = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * Gives the public key that belongs to a secret key. Both are 40 characters of Z85.
 * @throws PalmError `INVALID_CALL` when the secret key is not such a key.
 */
export function curvePublicKey(secretKey: string): string {
  checkCurveKey('the secret key', secretKey);
  const key = Buffer.concat([DER_OF_SECRET, decodeZ85(secretKey) ?? new Uint8Array(0)]);
  const { createPrivateKey, createPublicKey } = nodeCrypto();
  const pair = createPrivateKey({ key, type: 'pkcs8', format: 'der' });
  return encodeZ85(createPublicKey(pair).export({ type: 'spki', format: 'der' }).subarray(-KEY));
}
