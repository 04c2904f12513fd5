/** A relay that dials this one: who it says to be, what it must prove, and what is believed of it then. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PeerEntrance } from '../../../../../transports/relay/peers/peer-entrance.ts';
import { type Exchange, PeerKey } from '../../../../../transports/relay/peers/peer-key.ts';

const KEY = new PeerKey('0123456789abcdef0123456789abcdef');
const OTHER = new PeerKey('0123456789abcdef0123456789abcdeF');
const CLIENT = {
  address: '203.0.113.7',
  origin: 'https://page.example',
  host: 'relay.example',
  via: '192.0.2.1',
};
const SAID = [CLIENT.address, CLIENT.origin, CLIENT.host, CLIENT.via];

const entranceOf = (header: string | undefined) =>
  PeerEntrance.of(
    { headers: header === undefined ? {} : { 'frond-peer': header } } as unknown as IncomingMessage,
    'a',
    KEY,
  );

function open(header = 'b nonce') {
  const entrance = entranceOf(header);
  if (entrance === undefined) throw new Error('it does not come in');
  const challenge: Readonly<Record<'id' | 'nonce' | 'proof', string>> = JSON.parse(entrance.challenge);
  const [dialler = '', diallerNonce = ''] = header.split(' ');
  const exchange: Exchange = { dialler, owner: 'a', diallerNonce, ownerNonce: challenge.nonce };
  const admit = (proof: string, client = CLIENT) => entrance.admit(JSON.stringify({ ...client, proof }));
  return { entrance, challenge, exchange, admit };
}

describe('the header of its upgrade', () => {
  it.each([
    undefined,
    '',
    ' ',
    'b',
    'b ',
    ' nonce',
    'b nonce more',
    'b nonce ',
    'b.c nonce',
    'b no.nce',
    `${'b'.repeat(65)} nonce`,
    `b ${'n'.repeat(65)}`,
  ])('%j is not a relay’s', (header) => {
    expect(entranceOf(header)).toBeUndefined();
  });

  it('says which relay it is', () => {
    expect(open('relay-2 nonce').entrance.peer).toBe('relay-2');
  });
});

it('gets a challenge that proves the key for this connection, and is a new one each time', () => {
  const { challenge, exchange } = open();
  expect(challenge.id).toBe('a');
  expect(challenge.proof).toBe(KEY.ownerProof(exchange));
  const again = open().challenge;
  expect(again.nonce).not.toBe(challenge.nonce);
  expect(again.proof).not.toBe(challenge.proof);
});

it('has proved the key with the proof for this connection, and its client is as it says', () => {
  const { entrance, exchange, admit } = open();
  expect(entrance.isProved).toBe(false);
  expect(admit(KEY.diallerProof(exchange, SAID))).toEqual(CLIENT);
  expect(entrance.isProved).toBe(true);
});

describe('has not proved the key', () => {
  it.each([
    ['with another key', (exchange: Exchange) => OTHER.diallerProof(exchange, SAID)],
    ['with the proof of the owner', (exchange: Exchange) => KEY.ownerProof(exchange)],
    ['with a proof of nothing', () => ''],
    [
      'with the proof of another connection',
      (exchange: Exchange) => KEY.diallerProof({ ...exchange, ownerNonce: 'other' }, SAID),
    ],
    [
      'with what another relay has proved',
      (exchange: Exchange) => KEY.diallerProof({ ...exchange, dialler: 'c' }, SAID),
    ],
  ])('%s', (_, prove) => {
    const { entrance, exchange, admit } = open();
    expect(() => admit(prove(exchange))).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: 'the relay that dials does not have the key',
      }),
    );
    expect(entrance.isProved).toBe(false);
  });

  it.each(['address', 'origin', 'host', 'via'] as const)('when the %s is another', (key) => {
    const { entrance, exchange, admit } = open();
    const proof = KEY.diallerProof(exchange, SAID);
    expect(() => admit(proof, { ...CLIENT, [key]: 'x' })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    expect(entrance.isProved).toBe(false);
  });

  it('with something else than a proof', () => {
    const { entrance } = open();
    expect(() => entrance.admit('hello')).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    expect(entrance.isProved).toBe(false);
  });
});

it('is refused with the id of the relay that it dials, which could pass a session to itself', () => {
  const { entrance, exchange, admit } = open('a nonce');
  expect(() => admit(KEY.diallerProof(exchange, SAID))).toThrow(
    expect.objectContaining({ code: 'FORBIDDEN', message: 'two relays have the id a' }),
  );
  expect(entrance.isProved).toBe(false);
});
