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

describe('a name of a session that says whose it is', () => {
  const client = { id: 'relay/1', identity: 'alice' };
  const name = KEY.nameSession('a', client);

  it('leads to its client, for the same identity and every relay with the key', () => {
    expect(name).toMatch(/^a\.[\w-]{21}\.relay\/1\.[\w-]{22}\.[\w-]{22}$/);
    expect(KEY.clientOf(name, 'alice')).toBe('relay/1');
    expect(new PeerKey(SECRET).clientOf(name, 'alice')).toBe('relay/1');
    expect(KEY.ownerOf(name)).toBe('a');
    expect(KEY.nameSession('a', client)).not.toBe(name);
    // One that begins alike, or ends otherwise, is another one.
    const other = KEY.nameSession('b', { id: 'relay/10', identity: '' });
    expect([KEY.clientOf(other, ''), KEY.ownerOf(other)]).toEqual(['relay/10', 'b']);
  });

  it('leads nowhere for another identity, nor without the key', () => {
    for (const identity of ['bob', 'Alice', 'alice ', 'alic', ''])
      expect(KEY.clientOf(name, identity)).toBeUndefined();
    expect([OTHER.clientOf(name, 'alice'), OTHER.ownerOf(name)]).toEqual([undefined, undefined]);
  });

  it('leads nowhere when it was changed anywhere', () => {
    for (let i = 0; i < name.length; i++) {
      const changed = `${name.slice(0, i)}${name[i] === 'b' ? 'c' : 'b'}${name.slice(i + 1)}`;
      expect([KEY.clientOf(changed, 'alice'), KEY.ownerOf(changed)]).toEqual([undefined, undefined]);
    }
  });

  it('has all of its parts, and no others', () => {
    const parts = name.split('.');
    const signed = (...own: readonly string[]) => {
      const text = own.join('.');
      const proof = createHmac('sha256', SECRET)
        .update(JSON.stringify(['frond.peer.v1', 'session', text]))
        .digest('base64url');
      return `${text}.${proof.slice(0, 22)}`;
    };
    const [id = '', random = '', own = '', proof = ''] = parts;
    expect(signed(id, random, own, proof)).toBe(name);
    for (let i = 0; i < parts.length; i++)
      expect(KEY.clientOf(parts.filter((_, at) => at !== i).join('.'), 'alice')).toBeUndefined();
    for (const made of [
      KEY.nameSession('a'),
      '',
      `${name}.`,
      `.${name}`,
      // Nor does the key make one of it: a part is missing, is empty, or comes twice.
      signed(id, own, proof),
      signed(id, random, own),
      signed(random, own, proof),
      signed(id, random, '', proof),
      signed(id, random, own, ''),
      signed(id, id, random, own, proof),
      // The proof of another client of the same identity.
      signed(id, random, 'relay/2', proof),
    ])
      expect(KEY.clientOf(made, 'alice')).toBeUndefined();
  });

  it('is of no use for another client of the same identity', () => {
    const second = KEY.nameSession('a', { id: 'relay/2', identity: 'alice' }).split('.');
    const mixed = name.split('.').map((part, i) => (i === 2 ? (second[2] ?? '') : part));
    expect(KEY.clientOf(mixed.join('.'), 'alice')).toBeUndefined();
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
  const own = KEY.nameSession('relay-1', { id: 'relay/1', identity: 'alice' });
  expect(own.split('.')[3]).toBe(proofOf('client', 'relay/1', 'alice').slice(0, 22));
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
