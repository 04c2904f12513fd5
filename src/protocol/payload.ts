/** Codecs between JavaScript values and the bytes of a payload. */

import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import { inspectValue } from './errors.ts';

/** Turns values into payloads and back. Give your own to `client.with` for any other format. */
export interface PayloadCodec<In, Out = In> {
  /** Name of the format, for error messages. */
  readonly name: string;
  /** @throws whatever says that the value cannot be encoded; the call is refused with it as the cause. */
  encode(value: In): Bytes;
  /** @throws whatever says that the bytes are not of this format; the call fails with it as the cause. */
  decode(payload: Bytes): Out;
}

/** Payloads as they are: any Uint8Array in, a plain Uint8Array out. */
export function bytes(): PayloadCodec<Uint8Array, Bytes> {
  return { name: 'Uint8Array', encode: checkBytes, decode: (payload) => payload };
}

/** Whether it is a Uint8Array, also of another realm: a frame of a page, a test of jest's or a `node:vm` has one of its own. */
export function isBytes(value: unknown): value is Bytes {
  return (
    value instanceof Uint8Array ||
    (ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]')
  );
}

function checkBytes(payload: unknown): Bytes {
  if (isBytes(payload)) return payload;
  throw new TypeError(
    `a payload must be a Uint8Array, not ${inspectValue(payload)}; client.with(text()) takes texts`,
  );
}

/** Payloads that are UTF-8 text. Decoding is strict. */
export function text(): PayloadCodec<string> {
  return { name: 'text', encode: encodeText, decode: (payload) => decodeUtf8(payload) };
}

/**
 * Payloads that are JSON in UTF-8. The types are promises of the caller's, not checked.
 * @example const counting = client.with(json<string[], { words: number }>());
 */
export function json<In, Out = In>(): PayloadCodec<In, Out> {
  return {
    name: 'JSON',
    encode: (value) => {
      const written: string | undefined = JSON.stringify(value);
      if (written === undefined) throw new TypeError(`${typeof value} cannot be said in JSON`);
      return encodeUtf8(written);
    },
    decode: (payload) => JSON.parse(decodeUtf8(payload)) as Out,
  };
}

function encodeText(value: string): Bytes {
  if (typeof value !== 'string') throw new TypeError(`a text was expected, not ${typeof value}`);
  return encodeUtf8(value);
}
