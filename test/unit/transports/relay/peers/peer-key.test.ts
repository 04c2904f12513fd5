/** What relays prove by their key: each proof is of use for one thing. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isPeerId, isSame, PeerKey } from '../../../../../transports/relay/peers/peer-key.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const KEY = new PeerKey(SECRET);
const OTHER = new PeerKey('0123456789abcdef0123456789abcdeF');
const exchange = { dialler: 'b', owner: 'a', diallerNonce: 'n', ownerNonce: 'm' };

describe('a name of a session', () => {
  it('tells its owner to relays with the key, and to nobody else', () => {
    const name = KEY.nameSession('a');
    expect(name).toMatch(/^a\.[\w-]{21}\.[\w-]{22}$/);
    expect(KEY.ownerOf(name)).toBe('a');
    expect(OTHER.ownerOf(name)).toBeUndefined();
    expect(KEY.nameSession('a')).not.toBe(name);
  });

  it.each(['', '.', '..', 'a', 'a.b', 'a.b.c', `a.${'x'.repeat(21)}.${'x'.repeat(22)}`])(
    'that is made up has none: %j',
    (name) => {
      expect(KEY.ownerOf(name)).toBeUndefined();
    },
  );

  it('that was changed anywhere has none', () => {
    const name = KEY.nameSession('a');
    for (let i = 0; i < name.length; i++) {
      const changed = `${name.slice(0, i)}${name[i] === 'b' ? 'c' : 'b'}${name.slice(i + 1)}`;
      expect(KEY.ownerOf(changed)).toBeUndefined();
    }
  });
});

it('proofs are what the protocol says, so that relays of another version have the same', () => {
  const proofOf = (...parts: readonly string[]) =>
    createHmac('sha256', SECRET)
      .update(JSON.stringify(['frond.peer.v1', ...parts]))
      .digest('base64url');
  expect(KEY.ownerProof(exchange)).toBe(proofOf('owner', 'b', 'a', 'n', 'm'));
  expect(KEY.diallerProof(exchange, ['w', 'x', '', 'z'])).toBe(
    proofOf('dialler', 'b', 'a', 'n', 'm', 'w', 'x', '', 'z'),
  );
  const name = KEY.nameSession('relay-1');
  const end = name.lastIndexOf('.');
  expect(name.slice(end + 1)).toBe(proofOf('session', name.slice(0, end)).slice(0, 22));
  expect(KEY.ownerOf(name)).toBe('relay-1');
});

it('proofs differ by side, by each part, and by key', () => {
  const said = ['192.0.2.1', '', 'host', '192.0.2.1'];
  const proofs = [
    KEY.ownerProof(exchange),
    OTHER.ownerProof(exchange),
    KEY.diallerProof(exchange, []),
    KEY.diallerProof(exchange, said),
    KEY.diallerProof(exchange, ['192.0.2.1', 'host', '', '192.0.2.1']),
    KEY.diallerProof({ ...exchange, ownerNonce: 'o' }, said),
    KEY.diallerProof({ ...exchange, diallerNonce: 'o' }, said),
    KEY.diallerProof({ ...exchange, dialler: 'c' }, said),
    KEY.diallerProof({ ...exchange, owner: 'c' }, said),
  ];
  expect(new Set(proofs).size).toBe(proofs.length);
  expect(KEY.diallerProof(exchange, said)).toBe(proofs[3]);
});

it('a proof is the same only as a whole', () => {
  expect([isSame('abc', 'abc'), isSame('abc', 'abd'), isSame('ab', 'abc'), isSame('', 'abc')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

it.each(['a', 'relay-1', 'A_b', 'x'.repeat(64)])('%s is an id', (id) => {
  expect(isPeerId(id)).toBe(true);
});
it.each(['', 'a.b', 'a b', 'ä', 'a/b', 'x'.repeat(65), undefined, 1])('%j is none', (id) => {
  expect(isPeerId(id)).toBe(false);
});

it.each(['', 'short', 'x'.repeat(31), undefined, 5])(
  '%j is no key, and the error does not show it',
  (key) => {
    expect(() => new PeerKey(key)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CALL',
        message: 'peers.key must be a string of 32 characters or more',
      }),
    );
  },
);
