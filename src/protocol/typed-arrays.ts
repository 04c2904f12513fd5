/** Codecs of typed arrays: their elements one after the other, little-endian, as numpy's `tobytes` writes them on usual machines. It imports nothing, so a page that loads it late loads it alone. */
import type { Bytes } from './bytes.ts';
import type { PayloadCodec } from './payload.ts';

/** Payloads that are 32-bit floats: numpy's `<f4`. */
export function float32(): PayloadCodec<Float32Array, Float32Array<ArrayBuffer>> {
  return arrayCodec('float32', 'Float32Array', 4, (buffer) => new Float32Array(buffer));
}

/**
 * Payloads that are 64-bit floats: numpy's `<f8`.
 * @example const sum = fn({ input: float64(), output: json<number>() }, (list) => list.reduce((a, b) => a + b, 0));
 */
export function float64(): PayloadCodec<Float64Array, Float64Array<ArrayBuffer>> {
  return arrayCodec('float64', 'Float64Array', 8, (buffer) => new Float64Array(buffer));
}

/** Payloads that are 8-bit integers: numpy's `i1`. For unsigned ones take `bytes()`. */
export function int8(): PayloadCodec<Int8Array, Int8Array<ArrayBuffer>> {
  return arrayCodec('int8', 'Int8Array', 1, (buffer) => new Int8Array(buffer));
}

/** Payloads that are 16-bit integers: numpy's `<i2`. */
export function int16(): PayloadCodec<Int16Array, Int16Array<ArrayBuffer>> {
  return arrayCodec('int16', 'Int16Array', 2, (buffer) => new Int16Array(buffer));
}

/** Payloads that are 32-bit integers: numpy's `<i4`. */
export function int32(): PayloadCodec<Int32Array, Int32Array<ArrayBuffer>> {
  return arrayCodec('int32', 'Int32Array', 4, (buffer) => new Int32Array(buffer));
}

/** Payloads that are 64-bit integers: numpy's `<i8`. */
export function int64(): PayloadCodec<BigInt64Array, BigInt64Array<ArrayBuffer>> {
  return arrayCodec('int64', 'BigInt64Array', 8, (buffer) => new BigInt64Array(buffer));
}

/** Payloads that are unsigned 16-bit integers: numpy's `<u2`. */
export function uint16(): PayloadCodec<Uint16Array, Uint16Array<ArrayBuffer>> {
  return arrayCodec('uint16', 'Uint16Array', 2, (buffer) => new Uint16Array(buffer));
}

/** Payloads that are unsigned 32-bit integers: numpy's `<u4`. */
export function uint32(): PayloadCodec<Uint32Array, Uint32Array<ArrayBuffer>> {
  return arrayCodec('uint32', 'Uint32Array', 4, (buffer) => new Uint32Array(buffer));
}

/** Payloads that are unsigned 64-bit integers: numpy's `<u8`. */
export function uint64(): PayloadCodec<BigUint64Array, BigUint64Array<ArrayBuffer>> {
  return arrayCodec('uint64', 'BigUint64Array', 8, (buffer) => new BigUint64Array(buffer));
}

function arrayCodec<In extends ArrayBufferView, Out extends In>(
  name: string,
  type: string,
  size: number,
  make: (buffer: ArrayBuffer) => Out,
): PayloadCodec<In, Out> {
  return {
    name,
    encode: (value) => {
      // Not by instanceof: another realm has typed arrays of its own.
      if (!ArrayBuffer.isView(value) || Object.prototype.toString.call(value) !== `[object ${type}]`) {
        const given = Object.prototype.toString.call(value).slice('[object '.length, -1);
        throw new TypeError(`a payload of ${name}() must be a ${type}, not a value of type ${given}`);
      }
      const { buffer, byteOffset, byteLength } = value;
      return inLittleEndian(new Uint8Array(buffer, byteOffset, byteLength) as Bytes, size);
    },
    decode: (payload) => {
      const { length } = payload;
      if (length % size !== 0) {
        throw new RangeError(`${length} bytes are not a whole number of elements of ${size} bytes`);
      }
      const own = inLittleEndian(payload, size);
      // An array begins at a multiple of its element's size, which a payload need not do.
      const isWhole = own.byteOffset === 0 && own.buffer.byteLength === length;
      return make(isWhole ? own.buffer : own.slice().buffer);
    },
  };
}

/** The bytes with the order of those in each element turned round, where the machine has another: a copy. */
function inLittleEndian(bytes: Bytes, size: number): Bytes {
  if (size === 1 || new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return bytes;
  const turned = bytes.slice();
  for (let at = 0; at < turned.length; at += size) turned.subarray(at, at + size).reverse();
  return turned;
}

/** The codec of this name; undefined when it is not one of those above. */
export function arrayCodecNamed(name: string): PayloadCodec<unknown, unknown> | undefined {
  const codecs = [float32(), float64(), int8(), int16(), int32(), int64(), uint16(), uint32(), uint64()];
  return (codecs as PayloadCodec<unknown, unknown>[]).find((codec) => codec.name === name);
}
