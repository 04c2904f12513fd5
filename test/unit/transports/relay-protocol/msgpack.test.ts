/** The MessagePack that client and relay speak, against msgpackr. */
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../../../src/protocol/bytes.ts';
import { Packer, Unpacker } from '../../../../transports/relay-protocol/msgpack.ts';
import { isRefused, theirs } from '../../../support/broken.ts';

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** What msgpackr reads. It hangs a view of its own on the bytes it is given. */
const theyRead = (packed: Bytes): unknown => unpackr.unpack(packed.slice());
/** A number in eight bytes. */
function wideNumber(value: bigint): Bytes {
  const packed = new Uint8Array(9).fill(0xcf);
  new DataView(packed.buffer).setBigUint64(1, value);
  return packed;
}

function ours(write: (packer: Packer) => void): Bytes {
  const packer = new Packer();
  write(packer);
  return packer.take();
}

/** `read` must take the bytes to their end. */
function whole<T>(from: Bytes, read: (unpacker: Unpacker) => T): T {
  const unpacker = new Unpacker(from);
  const value = read(unpacker);
  expect(() => unpacker.end()).not.toThrow();
  return value;
}

const WIDTHS = [7, 8, 16, 32, 53].flatMap((width) => [
  2 ** width - 2,
  2 ** width - 1,
  2 ** width,
  2 ** width + 1,
]);
const NUMBERS = [0, 1, ...WIDTHS].filter(Number.isSafeInteger);
const BORDERS = [31, 32, 255, 256, 65_535, 65_536];
const LENGTHS = [0, 1, ...BORDERS.flatMap((border) => [border - 1, border, border + 1])];

const aNumber = fc.oneof(fc.constantFrom(...NUMBERS), fc.maxSafeNat());
const aText = fc.string({ unit: 'binary', maxLength: 70 });

describe('the subset of MessagePack', () => {
  it('writes numbers as msgpackr reads them, in as few bytes, and the reverse', () => {
    const check = (value: number) => {
      const packed = ours((packer) => packer.uint(value));
      expect(Number(theyRead(packed))).toBe(value);
      // Beyond 32 bits msgpackr would write floats.
      expect(packed).toEqual(value > 0xffffffff ? wideNumber(BigInt(value)) : theirs(value));
      expect(whole(packed, (unpacker) => unpacker.uint())).toBe(value);
      expect(whole(wideNumber(BigInt(value)), (unpacker) => unpacker.uint())).toBe(value);
    };
    for (const value of NUMBERS) check(value);
    fc.assert(fc.property(aNumber, check));
  });

  it('refuses numbers beyond 2^53 - 1', () => {
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])
      expect(isRefused(() => new Unpacker(wideNumber(value)).uint())).toBe(true);
  });

  const checkText = (value: string) => {
    const packed = ours((packer) => packer.text(value));
    const meant = value.replace(/\p{Surrogate}/gu, '\ufffd');
    expect(theyRead(packed)).toBe(meant);
    expect(whole(packed, (unpacker) => unpacker.text())).toBe(meant);
    expect(whole(theirs(meant), (unpacker) => unpacker.text())).toBe(meant);
    const size = Buffer.byteLength(meant);
    expect(packed).toHaveLength(size + (size < 32 ? 1 : size < 256 ? 2 : size < 65_536 ? 3 : 5));
  };

  it.each(['a', 'é', '€', '😀', '\ud800', '\udc00a'])('writes texts of %j at every border', (unit) => {
    const width = Buffer.byteLength(unit);
    for (const length of LENGTHS) {
      const times = Math.floor(length / width);
      checkText(unit.repeat(times) + 'x'.repeat(length - times * width));
      // Heads are guessed by UTF-16 units.
      checkText(unit.repeat(length));
    }
  });

  it('writes any text as msgpackr reads it, and the reverse', () => {
    fc.assert(fc.property(aText, checkText));
  });

  it('refuses texts that are no UTF-8', () => {
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]])
      expect(isRefused(() => new Unpacker(new Uint8Array([0xa0 + bad.length, ...bad])).text())).toBe(true);
  });

  it('writes bytes, lists, true, false and nil as msgpackr reads them, and the reverse', () => {
    for (const length of LENGTHS) {
      const value = new Uint8Array(length).fill(length);
      const packed = ours((packer) => packer.bin(value));
      expect(Buffer.compare(Buffer.from(theyRead(packed) as Uint8Array), value)).toBe(0);
      expect(Buffer.compare(packed, theirs(value))).toBe(0);
      expect(
        Buffer.compare(
          whole(packed, (unpacker) => unpacker.bin()),
          value,
        ),
      ).toBe(0);
      const list = ours((packer) => {
        packer.list(length);
        for (let i = 0; i < length; i++) packer.bool(i % 2 === 0);
      });
      expect(Buffer.compare(list, theirs(Array.from({ length }, (_, i) => i % 2 === 0)))).toBe(0);
      expect(new Unpacker(list).list()).toBe(length);
    }
    expect(ours((packer) => packer.nil())).toEqual(theirs(null));
    expect(whole(theirs(null), (unpacker) => unpacker.nil())).toBe(true);
    expect(whole(theirs(true), (unpacker) => unpacker.bool())).toBe(true);
    expect(whole(theirs(false), (unpacker) => unpacker.bool())).toBe(false);
  });

  it('writes a value after any number of others, wherever the buffer ends', () => {
    for (const value of ['', 'a', 'é', '€', 'ab', '😀']) {
      for (let before = 1_000; before <= 1_030; before++) {
        const packed = ours((packer) => {
          packer.bin(new Uint8Array(before - 3));
          packer.text(value);
          packer.uint(2 ** 40);
        });
        const unpacker = new Unpacker(packed);
        expect(unpacker.bin()).toHaveLength(before - 3);
        expect([unpacker.text(), unpacker.uint()]).toEqual([value, 2 ** 40]);
      }
    }
  });

  it('gives bytes of their own, one message after another', () => {
    const packer = new Packer();
    packer.text('x'.repeat(100_000));
    const large = packer.take();
    packer.text('second');
    const second = packer.take();
    packer.text('third');
    expect([large.length, theyRead(second), packer.length]).toEqual([100_005, 'second', 6]);
    expect(second.buffer.byteLength).toBe(7);
  });

  const readers: Readonly<Record<string, (unpacker: Unpacker) => unknown>> = {
    uint: (unpacker) => unpacker.uint(),
    bool: (unpacker) => unpacker.bool(),
    text: (unpacker) => unpacker.text(),
    bin: (unpacker) => unpacker.bin(),
    list: (unpacker) => unpacker.list(),
  };
  const kinds = { uint: 5, bool: true, text: 'text', bin: new Uint8Array(3), list: [1, 2] };
  const foreign = [null, -1, -40_000, 1.5, { a: 1 }, {}, new Date(0), new Map([[1, 2]]), undefined];

  it.each(Object.entries(readers))('%s takes nothing else', (kind, read) => {
    const others = Object.entries(kinds).flatMap(([own, value]) => (own === kind ? [] : [value]));
    for (const value of [...others, ...foreign])
      expect(
        isRefused(() => read(new Unpacker(theirs(value)))),
        String(value),
      ).toBe(true);
    expect(isRefused(() => read(new Unpacker(new Uint8Array(0))))).toBe(true);
    const first = theirs(kinds[kind as keyof typeof kinds])[0] ?? 0;
    for (let type = 0; type < 256; type++) {
      const unpacker = new Unpacker(new Uint8Array([type, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
      if (type !== first) isRefused(() => read(unpacker));
    }
  });
});

describe('a message that is broken', () => {
  const read = (bytes: readonly number[], how: (unpacker: Unpacker) => unknown, mostItems?: number) =>
    how(new Unpacker(new Uint8Array(bytes), mostItems));

  it.each([
    ['a number that is no number', [0x80], (own: Unpacker) => own.uint(), '0x80 is of another type'],
    ['a boolean that is none', [0xc4], (own: Unpacker) => own.bool(), '0xc4 is of another type'],
    ['nothing', [], (own: Unpacker) => own.uint(), 'it ends too early'],
    ['half a number', [0xcd, 1], (own: Unpacker) => own.uint(), 'it ends too early'],
    ['half a text', [0xa2, 0x61], (own: Unpacker) => own.text(), 'it ends too early'],
    ['a list of more than there is', [0x92, 1], (own: Unpacker) => own.list(), 'it ends too early'],
    ['more', [1], (own: Unpacker) => own.end(), 'it goes on after its end'],
    [
      'a number beyond 2^53 - 1',
      [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0],
      (own: Unpacker) => own.uint(),
      'a number is too large',
    ],
  ])('by %s says so', (_, bytes, how, what) => {
    expect(() => read(bytes, how)).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL',
        message: `a message between client and relay is broken: ${what}`,
      }),
    );
  });

  it('has more items than it may', () => {
    const lists = (own: Unpacker) => [own.items(), own.uint(), own.uint(), own.items(), own.uint()];
    const bytes = [0x92, 1, 2, 0x91, 3];
    expect(read(bytes, lists, 3)).toEqual([2, 1, 2, 1, 3]);
    expect(() => read(bytes, lists, 2)).toThrow('it has too many items');
  });
});

it('a list may have any number of items, each as MessagePack has it', () => {
  for (const count of [0, 15, 16, 17, 65_535, 65_536]) {
    const packed = ours((packer) => {
      packer.list(count);
      for (let i = 0; i < count; i++) packer.nil();
    });
    expect(packed).toEqual(theirs(Array(count).fill(null)));
    expect(new Unpacker(packed).list()).toBe(count);
  }
});

it('what was written may be taken back, and is a copy', () => {
  const packer = new Packer();
  packer.uint(1);
  packer.uint(2);
  packer.uint(3);
  const taken = packer.takeBack(1, 1);
  packer.uint(4);
  expect([taken, packer.length, packer.take()]).toEqual([new Uint8Array([2, 3]), 2, new Uint8Array([1, 4])]);
});
