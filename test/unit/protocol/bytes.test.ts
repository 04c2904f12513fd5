import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8, isAlike, Slab } from '../../../src/protocol/bytes.ts';

describe('strings', () => {
  it('go to UTF-8 and back, short or long, with any character', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(texts, texts, (text, around) => {
        const bytes = encodeUtf8(text);
        expect(bytes).toEqual(new TextEncoder().encode(text));
        expect(decodeUtf8(bytes)).toBe(text);
        const [before, after] = [encodeUtf8(around), encodeUtf8(around)];
        const whole = new Uint8Array([...before, ...bytes, ...after]);
        expect(decodeUtf8(whole, before.length, before.length + bytes.length)).toBe(text);
      }),
    );
  });

  it.each([47, 48, 49])(
    'of %i characters are read and written alike, the last one of two bytes too',
    (length) => {
      for (const text of ['x'.repeat(length), `${'x'.repeat(length - 1)}é`, `\ufeff${'x'.repeat(length)}`]) {
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }
    },
  );

  it.each([1, 47, 48, 49, 100])('of %i characters with half of a surrogate pair are refused', (length) => {
    const text = `${'x'.repeat(length - 1)}\ud800`;
    const message = expect.stringContaining('holds half of a surrogate pair');
    expect(() => encodeUtf8(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', sent: false, message }),
    );
  });

  it.each([1, 48, 49])('of %i bytes that are not UTF-8 are refused', (length) => {
    const bytes = new Uint8Array(length).fill(0x61);
    bytes[length - 1] = 0xff;
    const cause = expect.any(TypeError);
    expect(() => decodeUtf8(bytes)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL', message: 'a string is not valid UTF-8', cause }),
    );
  });
});

describe('a slab', () => {
  it('gives no byte to two, whatever sizes are taken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 1_000, max: 1_100 })), {
          maxLength: 200,
          size: 'max',
        }),
        (sizes) => {
          const slab = new Slab();
          const pieces = sizes.map((size) => slab.take(size));
          for (const [index, piece] of pieces.entries()) piece.fill(index % 251);
          pieces.forEach((piece, index) => {
            expect(piece).toHaveLength(sizes[index] ?? -1);
            expect(piece.every((byte) => byte === index % 251)).toBe(true);
          });
        },
      ),
    );
  });

  it('gives pieces up to 1,024 bytes of shared buffers, and larger ones a buffer of their own', () => {
    const slab = new Slab();
    const shared = [1_023, 1_024].map((size) => slab.take(size).buffer);
    expect(shared[0]).toBe(shared[1]);
    expect(slab.take(1_025).buffer.byteLength).toBe(1_025);
    // 16 pieces fill a buffer to its last byte.
    const full = new Slab();
    const buffers = Array.from({ length: 17 }, () => full.take(1_024).buffer);
    expect(new Set(buffers.slice(0, 16)).size).toBe(1);
    expect(buffers[16]).not.toBe(buffers[0]);
  });
});

describe('pieces of frames', () => {
  const pieces = fc.uint8Array({ minLength: 1, maxLength: 20 });

  it('are alike at any offset where their bytes are, whatever is around them', () => {
    fc.assert(
      fc.property(pieces, pieces, pieces, (piece, before, other) => {
        const one = new Uint8Array([...before, ...piece, 1]);
        const two = new Uint8Array([...other, ...piece, 2]);
        expect(isAlike(one, before.length, two, other.length, piece.length)).toBe(true);
        expect(isAlike(one, before.length, two, other.length, piece.length + 1)).toBe(false);
      }),
    );
  });

  it('differ where one byte does, whichever it is', () => {
    fc.assert(
      fc.property(pieces, fc.nat(), fc.integer({ min: 1, max: 255 }), (piece, at, change) => {
        const changed = piece.slice();
        const index = at % piece.length;
        changed[index] = (piece[index] as number) ^ change;
        expect(isAlike(piece, 0, changed, 0, piece.length)).toBe(false);
      }),
    );
  });
});
