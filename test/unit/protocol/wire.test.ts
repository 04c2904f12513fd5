/** Protobuf's primitives at their limits: the value itself, one below, one above. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BYTES,
  END_GROUP,
  FIXED32,
  FIXED64,
  int64Length,
  START_GROUP,
  VARINT,
  varintLength,
  WireReader,
  writeInt64,
  writeVarint,
} from '../../../src/protocol/wire.ts';

const refused = (why: string) =>
  expect.objectContaining({ code: 'PROTOCOL', message: `a frame is not a PALM envelope: ${why}` });
const CUT = refused('it ends too early');
const RANGE = refused('a number is too large');

/** The tag of field 1 of a wire type. */
const tag = (type: number) => (1 << 3) | type;

const reader = (...bytes: readonly number[]) => new WireReader(new Uint8Array(bytes));

/** Skips one field, whose tag comes first. Returns the offset after it. */
function skipped(...bytes: readonly number[]): number {
  const wire = reader(...bytes);
  wire.skip(wire.tag());
  return wire.at;
}

/** Groups within each other. */
function nested(depth: number): number[] {
  return [...Array<number>(depth).fill(tag(START_GROUP)), ...Array<number>(depth).fill(tag(END_GROUP))];
}

describe('groups', () => {
  it('nest 100 deep, and no deeper', () => {
    expect(skipped(...nested(99))).toBe(198);
    expect(skipped(...nested(100))).toBe(200);
    expect(() => skipped(...nested(101))).toThrow(refused('groups are nested too deeply'));
  });

  it('end with their own number, and hold other fields', () => {
    expect(skipped(tag(START_GROUP), tag(VARINT), 7, tag(END_GROUP))).toBe(4);
    expect(() => skipped(tag(START_GROUP), (2 << 3) | END_GROUP)).toThrow(
      refused('a group ends that did not begin'),
    );
    expect(() => skipped(tag(START_GROUP), tag(VARINT), 7)).toThrow(CUT);
    expect(() => skipped(tag(END_GROUP))).toThrow(refused('a field has wire type 4'));
  });
});

describe('varints', () => {
  const ones = (count: number) => [...Array<number>(count - 1).fill(0x80), 0];

  it('have at most 10 bytes', () => {
    expect(skipped(tag(VARINT), ...ones(9))).toBe(10);
    expect(skipped(tag(VARINT), ...ones(10))).toBe(11);
    expect(() => skipped(tag(VARINT), ...ones(11))).toThrow(refused('a number is too long'));
    expect(() => skipped(tag(VARINT), 0x80)).toThrow(CUT);
  });

  it('of 32 bits end at 2^32 - 1', () => {
    expect(reader(0xfe, 0xff, 0xff, 0xff, 0x0f).uint32()).toBe(2 ** 32 - 2);
    expect(reader(0xff, 0xff, 0xff, 0xff, 0x0f).uint32()).toBe(2 ** 32 - 1);
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x10).uint32()).toThrow(RANGE);
    expect(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x00).uint32()).toThrow(RANGE);
    expect(() => reader().uint32()).toThrow(CUT);
    expect(() => reader(0x80).uint32()).toThrow(CUT);
  });

  it('of 64 bits are exact up to 2^53 - 1, and refused beyond', () => {
    const written = (value: bigint) => {
      const into: number[] = [];
      let rest = BigInt.asUintN(64, value);
      for (; rest > 0x7fn; rest >>= 7n) into.push(Number(rest & 0x7fn) | 0x80);
      return [...into, Number(rest)];
    };
    const most = 2n ** 53n - 1n;
    for (const value of [most - 1n, most, -most, -most + 1n, 0n, -1n, 127n, 128n, 2n ** 28n, 2n ** 31n]) {
      // What follows is no part of it.
      const wire = reader(...written(value), 0x7f, 0x7f);
      expect([wire.int64(), wire.at]).toEqual([Number(value), written(value).length]);
    }
    for (const value of [most + 1n, -most - 1n]) {
      expect(() => reader(...written(value)).int64()).toThrow(RANGE);
    }
  });

  it('are read as they were written, in as many bytes as were counted', () => {
    const numbers = fc.oneof(
      fc.nat(),
      fc.maxSafeNat(),
      fc.constantFrom(
        0,
        127,
        128,
        2 ** 14 - 1,
        2 ** 14,
        2 ** 28,
        2 ** 31 - 1,
        2 ** 31,
        2 ** 32 - 1,
        2 ** 53 - 1,
      ),
    );
    fc.assert(
      fc.property(numbers, fc.boolean(), (size, isNegative) => {
        const value = isNegative ? -size : size;
        const into = new Uint8Array(12);
        const end = writeInt64(into, 1, value);
        expect(end - 1).toBe(int64Length(value));
        const back = new WireReader(into);
        back.at = 1;
        expect(back.int64() + 0).toBe(value + 0);
        expect(back.at).toBe(end);
        if (isNegative) return;
        expect(writeVarint(into, 1, value) - 1).toBe(varintLength(value));
        expect(end - 1).toBe(varintLength(value));
        if (value > 0xffffffff) return;
        back.at = 1;
        expect([back.uint32(), back.at]).toEqual([value, end]);
      }),
    );
  });
});

describe('fields', () => {
  it('of fixed size and of bytes end within the frame', () => {
    expect(skipped(tag(FIXED32), 1, 2, 3, 4)).toBe(5);
    expect(skipped(tag(FIXED64), 1, 2, 3, 4, 5, 6, 7, 8)).toBe(9);
    expect(skipped(tag(BYTES), 2, 1, 2)).toBe(4);
    expect(() => skipped(tag(FIXED32), 1, 2, 3)).toThrow(CUT);
    expect(() => skipped(tag(FIXED64), 1, 2, 3, 4, 5, 6, 7)).toThrow(CUT);
    expect(() => skipped(tag(BYTES), 2, 1)).toThrow(CUT);
  });

  it('have a number above 0, and one of six wire types', () => {
    expect(reader(8).tag()).toBe(8);
    expect(() => reader(7).tag()).toThrow(refused('a field has number 0'));
    for (const type of [6, 7])
      expect(() => skipped(tag(type), 0)).toThrow(refused(`a field has wire type ${type}`));
  });

  it('say where their bytes end, and leave the reader before them', () => {
    const wire = reader(3, 1, 2, 3);
    expect([wire.lengthEnd(), wire.at]).toEqual([4, 1]);
    expect(() => reader(4, 1, 2, 3).lengthEnd()).toThrow(CUT);
  });
});
