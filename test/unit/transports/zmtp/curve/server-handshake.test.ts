/** Who gets in: a client proves that it has the secret key of the public key that it shows, to this server, over this link. */
import { concatBytes } from '@noble/ciphers/utils.js';
import { describe, expect, it } from 'vitest';
import { commandOf, parseCommand } from '../../../../../transports/zmtp/commands.ts';
import {
  boxKey,
  type KeyPair,
  newKeyPair,
  nonceOf,
  openBox,
  sealBox,
  shortNonce,
} from '../../../../../transports/zmtp/curve/boxes.ts';
import { HandshakeTurns } from '../../../../../transports/zmtp/curve/handshake-turns.ts';
import { ServerHandshake } from '../../../../../transports/zmtp/curve/server-handshake.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const server = newKeyPair();
const client = newKeyPair();
const other = newKeyPair();

interface Vouching {
  /** The key that the client shows. */
  readonly shown?: KeyPair;
  /** The pair that it vouches with. */
  readonly by?: KeyPair;
  /** The short-term key that it vouches for, in the place of its own. */
  readonly short?: Uint8Array;
  /** The server that it vouches to. */
  readonly to?: Uint8Array;
}

/** Greets a server, and introduces a client to it so. */
async function introduce({ shown = client, by = shown, short, to = server.publicKey }: Vouching = {}) {
  const turns = new HandshakeTurns();
  const side = { pair: server, turns, decisions: undefined, readsReasons: () => false };
  const handshake = new ServerHandshake(side, bytes('server'));
  const own = newKeyPair();
  const first = boxKey(own.secretKey, server.publicKey);
  const helloBox = sealBox(first, nonceOf('CurveZMQHELLO---', shortNonce(1)), new Uint8Array(64));
  const hello = commandOf(
    'HELLO',
    Uint8Array.of(1, 0),
    new Uint8Array(72),
    own.publicKey,
    shortNonce(1),
    helloBox,
  );
  const { reply = bytes('') } = await handshake.take(hello);
  const { data } = parseCommand(reply);
  const welcome = openBox(first, nonceOf('WELCOME-', data.subarray(0, 16)), data.subarray(16)) ?? bytes('');
  const [serverShort, cookie] = [welcome.slice(0, 32), welcome.slice(32)];
  const key = boxKey(own.secretKey, serverShort);
  const nonce = new Uint8Array(16);
  const vouched = concatBytes(short ?? own.publicKey, to);
  const vouch = sealBox(boxKey(by.secretKey, serverShort), nonceOf('VOUCH---', nonce), vouched);
  const plain = concatBytes(shown.publicKey, nonce, vouch, bytes('client'));
  const box = sealBox(key, nonceOf('CurveZMQINITIATE', shortNonce(2)), plain);
  return handshake.take(commandOf('INITIATE', cookie, shortNonce(2), box));
}

describe('a client of a server that encrypts', () => {
  it('gets in when it vouches with its own key for this link to this server', async () => {
    const { reply, properties = bytes('') } = await introduce();
    expect(parseCommand(reply ?? bytes('')).name).toBe('READY');
    expect(textOf(properties)).toBe('client');
  });

  it.each<[string, Vouching]>([
    ['with the key of another, whose secret key it does not have', { shown: client, by: other }],
    ['with a vouch that another client made for its own link', { short: other.publicKey }],
    ['with a vouch that was made for another server', { to: other.publicKey }],
    ['with a vouch for nothing', { short: new Uint8Array(0), to: new Uint8Array(64) }],
  ])('does not get in %s', async (_what, vouching) => {
    await expect(introduce(vouching)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'it did not prove that it has the secret key of its public key',
      told: '400',
    });
  });
});
