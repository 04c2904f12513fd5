/** The dialling end of CURVE: what it sends and takes, what it believes, and that nothing of it is known to a server without the key. */
import { describe, expect, it } from 'vitest';
import { commandOf, errorCommand, parseCommand } from '../../../../../transports/zmtp/commands.ts';
import {
  boxKey,
  KEY,
  newKeyPair,
  nonceOf,
  openBox,
  sealBox,
} from '../../../../../transports/zmtp/curve/boxes.ts';
import { ClientHandshake } from '../../../../../transports/zmtp/curve/client-handshake.ts';
import { HandshakeTurns } from '../../../../../transports/zmtp/curve/handshake-turns.ts';
import { ServerHandshake } from '../../../../../transports/zmtp/curve/server-handshake.ts';
import { bytes, textOf } from '../../../../support/bytes.ts';

const server = newKeyPair();
const client = newKeyPair();

const NOTHING = new Uint8Array(0);
const violation = (message: string, code = 'PROTOCOL') =>
  expect.objectContaining({ name: 'Violation', code, message: expect.stringContaining(message) });

function ends(serverKey = server.publicKey) {
  const side = { pair: server, turns: new HandshakeTurns(), decisions: undefined, readsReasons: () => false };
  return {
    dialling: new ClientHandshake(client, serverKey, bytes('client')),
    bound: new ServerHandshake(side, bytes('server')),
  };
}

/** Both ends up to WELCOME. */
async function welcomed() {
  const { dialling, bound } = ends();
  const { reply: welcome = NOTHING } = await bound.take(dialling.begin());
  return { dialling, bound, welcome };
}

describe('a client and its server', () => {
  it('learn what the other says of itself, and have the same keys', async () => {
    const { dialling, bound, welcome } = await welcomed();
    expect(dialling.isUnproved).toBe(true);
    const { reply: initiate = NOTHING, properties: none } = dialling.take(welcome);
    expect([none, dialling.isUnproved]).toEqual([undefined, false]);
    const introduced = await bound.take(initiate);
    expect(textOf(introduced.properties ?? NOTHING)).toBe('client');
    const done = dialling.take(introduced.reply ?? NOTHING);
    expect([textOf(done.properties ?? NOTHING), done.reply]).toEqual(['server', undefined]);
    const [own, peer] = [dialling.frames(), bound.frames()];
    for (const [from, to] of [
      [own, peer],
      [peer, own],
    ] as const) {
      const { bytes: whole, start, end } = to.open(from.seal(bytes('frame'), false, true));
      expect(textOf(whole.subarray(start, end))).toBe('frame');
    }
    dialling.end();
  });

  it('say HELLO as the RFC has it, with a key for this link alone', () => {
    const [one, other] = [ends().dialling.begin(), ends().dialling.begin()];
    for (const hello of [one, other]) {
      const { name, data } = parseCommand(hello);
      expect([name, data.length]).toEqual(['HELLO', 194]);
      expect([...data.subarray(0, 74)]).toEqual([1, 0, ...new Uint8Array(72)]);
      const short = data.slice(74, 74 + KEY);
      const nonce = data.slice(106, 114);
      expect([...nonce]).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
      const plain = openBox(
        boxKey(server.secretKey, short),
        nonceOf('CurveZMQHELLO---', nonce),
        data.slice(114),
      );
      expect(plain).toEqual(new Uint8Array(64));
    }
    expect(Buffer.compare(one.slice(80, 112), other.slice(80, 112))).not.toBe(0);
  });
});

describe('a client', () => {
  it('believes no server that lacks the key which it was given', async () => {
    const { dialling, welcome } = await welcomed();
    const stranger = ends(newKeyPair().publicKey).dialling;
    stranger.begin();
    const unproved = violation('it did not prove that it has the key of curve.serverKey', 'FORBIDDEN');
    expect(() => stranger.take(welcome)).toThrow(unproved);
    for (const at of [10, 30, welcome.length - 1]) {
      const altered = Uint8Array.from(welcome);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => dialling.take(altered)).toThrow(unproved);
    }
    for (const short of ['', 'x'.repeat(16), 'x'.repeat(40)])
      expect(() => dialling.take(commandOf('WELCOME', bytes(short)))).toThrow(unproved);
  });

  it('takes a WELCOME of the right length alone', () => {
    const { dialling } = ends();
    const { data } = parseCommand(dialling.begin());
    const key = boxKey(server.secretKey, data.slice(74, 74 + KEY));
    for (const size of [127, 129]) {
      const nonce = new Uint8Array(16);
      const box = sealBox(key, nonceOf('WELCOME-', nonce), new Uint8Array(size).fill(1));
      expect(() => dialling.take(commandOf('WELCOME', nonce, box))).toThrow(
        violation('it did not prove that it has the key', 'FORBIDDEN'),
      );
    }
  });

  it('takes no READY that was altered, is cut short, or made with other keys', async () => {
    const { dialling, bound, welcome } = await welcomed();
    const { reply: initiate = NOTHING } = dialling.take(welcome);
    const { reply: ready = NOTHING } = await bound.take(initiate);
    const altered = Uint8Array.from(ready);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    for (const wrong of [
      altered,
      ready.subarray(0, 10),
      ready.subarray(0, ready.length - 1),
      commandOf('READY'),
    ])
      expect(() => dialling.take(wrong)).toThrow(violation('it sent a READY of CURVE that was altered'));
    // None of them used anything up.
    expect(textOf(dialling.take(ready).properties ?? NOTHING)).toBe('server');
  });

  it('takes each command in its turn alone', async () => {
    const { dialling, bound, welcome } = await welcomed();
    expect(() => dialling.take(commandOf('READY'))).toThrow(
      violation('it sent READY in the place of WELCOME'),
    );
    const { reply: initiate = NOTHING } = dialling.take(welcome);
    expect(() => dialling.take(welcome)).toThrow(violation('it sent WELCOME in the place of READY'));
    const { reply: ready = NOTHING } = await bound.take(initiate);
    dialling.take(ready);
    expect(() => dialling.take(ready)).toThrow(violation('it sent READY in the place of nothing'));
  });

  it('is told that its server has another key, or that it is not let in', async () => {
    const { dialling, welcome } = await welcomed();
    expect(() => dialling.take(errorCommand('bad'))).toThrow(
      violation('curve.serverKey is not its key (bad)', 'FORBIDDEN'),
    );
    dialling.take(welcome);
    for (const [reason, code] of [
      ['400', 'FORBIDDEN'],
      ['300 later', 'FORBIDDEN'],
      ['500', 'FORBIDDEN'],
      ['200', 'PROTOCOL'],
      ['x400', 'PROTOCOL'],
    ] as const)
      expect(() => dialling.take(errorCommand(reason))).toThrow(
        violation(`it refused this end: ${reason}`, code),
      );
  });
});
