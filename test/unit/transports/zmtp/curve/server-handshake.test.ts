/** Who gets in: a client proves that it has the secret key of the public key that it shows, to this server, over this link. */
import { concatBytes } from '@noble/ciphers/utils.js';
import { describe, expect, it, vi } from 'vitest';
import { KeyDecisions } from '../../../../../transports/shared/key-decisions.ts';
import { encodeZ85 } from '../../../../../transports/shared/z85.ts';
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
import { ClientHandshake } from '../../../../../transports/zmtp/curve/client-handshake.ts';
import { HandshakeTurns } from '../../../../../transports/zmtp/curve/handshake-turns.ts';
import { ServerHandshake, type ServerSide } from '../../../../../transports/zmtp/curve/server-handshake.ts';
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

describe('a server that encrypts', () => {
  /** A server, and a client that greets it as the RFC says. */
  async function greeted(own: Partial<ServerSide> = {}) {
    const side = {
      pair: server,
      turns: new HandshakeTurns(),
      decisions: undefined,
      readsReasons: () => false,
      ...own,
    };
    const handshake = new ServerHandshake(side, bytes('server'));
    const dialling = new ClientHandshake(client, server.publicKey, bytes('client'));
    const hello = dialling.begin();
    return { handshake, dialling, hello };
  }

  /** The same up to INITIATE. */
  async function welcomed(own: Partial<ServerSide> = {}) {
    const { handshake, dialling, hello } = await greeted(own);
    const { reply = bytes('') } = await handshake.take(hello);
    const { reply: initiate = bytes('') } = dialling.take(reply);
    return { handshake, dialling, initiate };
  }

  const changed = (body: Uint8Array, at: number) => {
    const own = Uint8Array.from(body);
    own[at] = (own[at] ?? 0) ^ 1;
    return own;
  };
  /** Where what follows the name of a command begins. */
  const DATA = 'HELLO'.length + 1;

  it.each([
    ['of another version', (hello: Uint8Array) => changed(hello, DATA)],
    ['of another minor version', (hello: Uint8Array) => changed(hello, DATA + 1)],
    ['whose first byte of padding is not 0', (hello: Uint8Array) => changed(hello, DATA + 2)],
    ['whose last byte of padding is not 0', (hello: Uint8Array) => changed(hello, DATA + 73)],
    ['that is cut short', (hello: Uint8Array) => hello.subarray(0, hello.length - 1)],
    ['that is too long', (hello: Uint8Array) => Buffer.concat([hello, bytes('x')])],
  ])('takes no HELLO %s, before it computes anything', async (_, change) => {
    const turns = new HandshakeTurns();
    const first = vi.spyOn(turns, 'first');
    const { handshake, hello } = await greeted({ turns });
    await expect(handshake.take(change(hello))).rejects.toMatchObject({
      message: 'it sent a malformed HELLO',
      code: 'PROTOCOL',
    });
    expect(first).not.toHaveBeenCalled();
  });

  it('tells a client that has another key of it by a number', async () => {
    const { handshake } = await greeted();
    const stranger = new ClientHandshake(client, other.publicKey, bytes('client'));
    await expect(handshake.take(stranger.begin())).rejects.toMatchObject({
      message: 'it does not have the public key of this server',
      code: 'FORBIDDEN',
      told: '400',
    });
  });

  it('takes an INITIATE with the cookie of its own link, once, and no other command in its place', async () => {
    const { handshake, initiate } = await welcomed();
    const elsewhere = await welcomed();
    await expect(handshake.take(elsewhere.initiate)).rejects.toThrow('does not have the cookie of this link');
    const { handshake: again, initiate: own } = await welcomed();
    await again.take(own);
    await expect(again.take(own)).rejects.toThrow('it sent INITIATE in the place of nothing');
    await expect((await welcomed()).handshake.take(initiate)).rejects.toThrow('the cookie of this link');
    const { handshake: fresh } = await greeted();
    await expect(fresh.take(initiate)).rejects.toThrow('it sent INITIATE in the place of HELLO');
  });

  it('takes no INITIATE that is cut short, was altered, or has a number that came before', async () => {
    const short = await welcomed();
    await expect(short.handshake.take(short.initiate.subarray(0, 200))).rejects.toThrow(
      'a malformed INITIATE',
    );
    const nonceAt = 'INITIATE'.length + 1 + 96;
    const altered = await welcomed();
    const last = changed(altered.initiate, altered.initiate.length - 1);
    await expect(altered.handshake.take(last)).rejects.toThrow('an INITIATE that was altered');
    const before = await welcomed();
    const old = Uint8Array.from(before.initiate);
    // HELLO had 1, and INITIATE 2.
    old[nonceAt + 7] = 1;
    await expect(before.handshake.take(old)).rejects.toThrow('again, or out of order');
  });

  it('computes nothing more for a link that has ended meanwhile', async () => {
    const first = await greeted();
    const greeting = first.handshake.take(first.hello);
    first.handshake.end();
    expect(await greeting).toEqual({});
    const second = await welcomed();
    const introducing = second.handshake.take(second.initiate);
    second.handshake.end();
    expect(await introducing).toEqual({});
  });

  it('lets in whom its list has, and tells others why, as far as they read that', async () => {
    const named = encodeZ85(client.publicKey);
    const letIn = await welcomed({ decisions: new KeyDecisions([named]) });
    expect(textOf((await letIn.handshake.take(letIn.initiate)).properties ?? bytes(''))).toBe('client');
    const told: string[] = [];
    for (const reads of [true, false]) {
      const readsReasons = (properties: Uint8Array) => {
        told.push(textOf(properties));
        return reads;
      };
      const { handshake, initiate } = await welcomed({ decisions: new KeyDecisions([]), readsReasons });
      await expect(handshake.take(initiate)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: `this key is not allowed: ${named}`,
        told: reads ? '400 this key is not allowed' : '400',
      });
    }
    expect(told).toEqual(['client', 'client']);
  });
});
