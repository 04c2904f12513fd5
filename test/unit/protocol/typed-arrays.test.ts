import { runInNewContext } from 'node:vm';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  type PayloadCodec,
  uint16,
  uint32,
  uint64,
} from '../../../src/functions/index.ts';
import { arrayCodecNamed } from '../../../src/protocol/typed-arrays.ts';

type Any = PayloadCodec<unknown, ArrayLike<unknown> & ArrayBufferView>;

/** Each is made within its tests. */
const CODECS: readonly (readonly [string, () => Any, ArrayBufferView, string])[] = [
  ['float32', float32, new Float32Array([1, -0.5]), '0000803f000000bf'],
  ['float64', float64, new Float64Array([1, -2]), '000000000000f03f00000000000000c0'],
  ['int8', int8, new Int8Array([1, -2]), '01fe'],
  ['int16', int16, new Int16Array([1, -2]), '0100feff'],
  ['int32', int32, new Int32Array([1, -2]), '01000000feffffff'],
  ['int64', int64, new BigInt64Array([1n, -2n]), '0100000000000000feffffffffffffff'],
  ['uint16', uint16, new Uint16Array([1, 65_534]), '0100feff'],
  ['uint32', uint32, new Uint32Array([1, 4_294_967_294]), '01000000feffffff'],
  ['uint64', uint64, new BigUint64Array([1n, 2n]), '01000000000000000200000000000000'],
];

describe.each(CODECS)('%s', (name, make, value, hex) => {
  it('is its elements, little-endian', () => {
    expect(make().name).toBe(name);
    expect(Buffer.from(make().encode(value)).toString('hex')).toBe(hex);
    expect(make().decode(new Uint8Array(Buffer.from(hex, 'hex')))).toEqual(value);
  });

  it('reads a payload that begins anywhere in its buffer', () => {
    const shifted = new Uint8Array(hex.length / 2 + 3);
    shifted.set(Buffer.from(hex, 'hex'), 3);
    expect(make().decode(shifted.subarray(3))).toEqual(value);
  });

  it('holds no element in no byte', () => {
    expect(make().decode(new Uint8Array(0)).byteLength).toBe(0);
    expect(make().encode(make().decode(new Uint8Array(0))).length).toBe(0);
  });

  it('takes an array of another realm', () => {
    const other = runInNewContext(`new ${value.constructor.name}(2)`);
    expect(make().encode(other).length).toBe(hex.length / 2);
  });

  it.each([
    ['a list', [1, 2]],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['bytes', new Uint8Array(8)],
    ['nothing', undefined],
    ['an object that says it is one', { [Symbol.toStringTag]: value.constructor.name }],
  ])('refuses %s', (_what, other) => {
    expect(() => make().encode(other)).toThrow(`a payload of ${name}() must be a `);
  });
});

describe('typed arrays', () => {
  it('refuse a payload that ends within an element', () => {
    expect(() => float64().decode(new Uint8Array(12))).toThrow(
      '12 bytes are not a whole number of elements of 8 bytes',
    );
  });

  it('send the part of a buffer that they show', () => {
    expect([...int16().encode(new Int16Array([1, 2, 3]).subarray(1, 2))]).toEqual([2, 0]);
  });

  it('name what was given in their place', () => {
    expect(() => float64().encode(new Float32Array(1) as never)).toThrow(
      'a payload of float64() must be a Float64Array, not a value of type Float32Array',
    );
  });

  it('share the buffer of a payload that has one for itself, and copy any other', () => {
    const whole = new Uint8Array(16);
    expect(float64().decode(whole).buffer).toBe(whole.buffer);
    for (const part of [whole.subarray(0, 8), whole.subarray(8)]) {
      const values = float64().decode(part);
      expect([values.length, values.buffer === whole.buffer, values.byteOffset]).toEqual([1, false, 0]);
    }
  });

  it('are found by their names', () => {
    for (const [name] of CODECS) expect(arrayCodecNamed(name)?.name).toBe(name);
    expect(arrayCodecNamed('float16')).toBeUndefined();
  });

  it('have types of their own', () => {
    expectTypeOf(float64().decode).returns.toEqualTypeOf<Float64Array<ArrayBuffer>>();
    // @ts-expect-error another kind of array
    expect(() => float64().encode(new Float32Array(1))).toThrow('Float64Array');
  });
});
