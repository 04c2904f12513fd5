/** CURVE for `zmtp()`. It is loaded only where keys are given, because it is larger than the rest of the transport. */
import type { CurveClientKeys, CurveServerKeys } from '../../shared/curve-keys.ts';
import { KeyDecisions } from '../../shared/key-decisions.ts';
import { decodeZ85 } from '../../shared/z85.ts';
import { readsReasons } from '../commands.ts';
import { greetingOf } from '../greeting.ts';
import type { Mechanism } from '../mechanism.ts';
import { type KeyPair, newKeyPair, pairOf } from './boxes.ts';
import { ClientHandshake } from './client-handshake.ts';
import { HandshakeTurns } from './handshake-turns.ts';
import { OVERHEAD } from './sealed-frames.ts';
import { ServerHandshake, type ServerSide } from './server-handshake.ts';

/** Secures what one connection dials. Without a key pair it makes one. */
export function dialWithCurve({ serverKey, publicKey, secretKey }: CurveClientKeys): Mechanism {
  const isGiven = publicKey !== undefined && secretKey !== undefined;
  const pair: KeyPair = isGiven ? { publicKey: keyOf(publicKey), secretKey: keyOf(secretKey) } : newKeyPair();
  const server = keyOf(serverKey);
  return {
    greeting: greetingOf('CURVE'),
    overhead: OVERHEAD,
    handshake: (properties) => new ClientHandshake(pair, server, properties),
  };
}

/** Secures what one connection binds. */
export function bindWithCurve({ secretKey, allow }: CurveServerKeys, handshakeTimeout: number): Mechanism {
  const side: ServerSide = {
    pair: pairOf(keyOf(secretKey)),
    turns: new HandshakeTurns(),
    decisions: allow === undefined ? undefined : new KeyDecisions(allow, handshakeTimeout),
    readsReasons,
  };
  return {
    greeting: greetingOf('CURVE', true),
    overhead: OVERHEAD,
    handshake: (properties) => new ServerHandshake(side, properties),
  };
}

/** Decodes a key that the options' check has found to be one. */
function keyOf(text: string): Uint8Array {
  const key = decodeZ85(text);
  if (key === undefined) throw new Error('a CURVE key is not Z85');
  return key;
}
