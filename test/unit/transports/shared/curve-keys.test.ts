/** Keys of CURVE in options: what is refused, before anything is dialled or bound. */
import { describe, expect, it } from 'vitest';
import {
  type CurveOptions,
  checkCurveKey,
  checkCurveOptions,
} from '../../../../transports/shared/curve-keys.ts';
import { curveKeyPair } from '../../../../transports/zmtp/key-pair.ts';

const invalid = (message: string) => expect.objectContaining({ code: 'INVALID_CALL', message });
const { publicKey, secretKey } = curveKeyPair();
const SHORT = publicKey.slice(5);
const noKey = (name: string) => `${name} must be 40 characters of Z85, as curveKeyPair() gives them`;
const curve = { serverKey: publicKey };
const curveServer = { secretKey };

describe('keys', () => {
  it.each<[string, CurveOptions]>([
    ['none', {}],
    ['of a server to dial', { curve }],
    ['with a pair', { curve: { ...curve, publicKey, secretKey } }],
    ['of a bound end', { curveServer }],
    ['with a list of clients', { curveServer: { ...curveServer, allow: [publicKey] } }],
    ['with an empty list', { curveServer: { ...curveServer, allow: [] } }],
    ['with a function', { curveServer: { ...curveServer, allow: () => true } }],
    ['of both ends', { curve, curveServer }],
  ])('are taken: %s', (_, options) => {
    checkCurveOptions(options);
  });

  it.each<[string, unknown]>([
    [noKey('curve.serverKey'), { curve: {} }],
    [noKey('curve.serverKey'), { curve: { serverKey: SHORT } }],
    [noKey('curve.serverKey'), { curve: { serverKey: `${publicKey}00000` } }],
    [noKey('curve.serverKey'), { curve: { serverKey: new Uint8Array(32) } }],
    [noKey('curve.publicKey'), { curve: { ...curve, publicKey: SHORT, secretKey } }],
    [noKey('curve.secretKey'), { curve: { ...curve, publicKey, secretKey: SHORT } }],
    [noKey('curveServer.secretKey'), { curveServer: {} }],
    [noKey('curveServer.secretKey'), { curveServer: { secretKey: '€'.repeat(40) } }],
    [noKey('curveServer.allow[1]'), { curveServer: { ...curveServer, allow: [publicKey, SHORT] } }],
    ['curve must be an object with keys, not null', { curve: null }],
    ['curve must be an object with keys, not 5', { curve: 5 }],
    ['curveServer must be an object with keys, not true', { curveServer: true }],
    [
      'curveServer.allow must be a list of public keys or a function, not null',
      { curveServer: { ...curveServer, allow: null } },
    ],
    [
      `curveServer.allow must be a list of public keys or a function, not "${publicKey}"`,
      { curveServer: { ...curveServer, allow: publicKey } },
    ],
    [
      'curve.publicKey and curve.secretKey belong together: give both or neither',
      { curve: { ...curve, publicKey } },
    ],
    [
      'curve.publicKey and curve.secretKey belong together: give both or neither',
      { curve: { ...curve, secretKey } },
    ],
  ])('are refused: %s', (message, options) => {
    expect(() => checkCurveOptions(options as CurveOptions)).toThrow(invalid(message));
  });
});

it('a key has 40 characters', () => {
  checkCurveKey('key', publicKey);
  expect(() => checkCurveKey('key', SHORT)).toThrow(invalid(noKey('key')));
});
