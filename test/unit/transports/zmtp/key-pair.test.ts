import { expect, test } from 'vitest';
import { curveKeyPair as nativeKeyPair } from 'zeromq';
import { curveKeyPair, curvePublicKey } from '../../../../transports/zmtp/key-pair.ts';

test.each([
  ['its own pairs', curveKeyPair],
  ["libzmq's pairs", nativeKeyPair],
])('the public key of %s is known from the secret one', (_, make) => {
  const { publicKey, secretKey } = make();
  expect(curvePublicKey(secretKey)).toBe(publicKey);
  expect(curvePublicKey(secretKey)).not.toBe(curvePublicKey(make().secretKey));
});

test.each(['', 'short', '0'.repeat(39), `${'0'.repeat(39)} `, '#'.repeat(40)])(
  '%j is not a secret key',
  (text) => {
    expect(() => curvePublicKey(text)).toThrow(
      /^the secret key must be 40 characters of Z85, as curveKeyPair\(\) gives them$/,
    );
  },
);
