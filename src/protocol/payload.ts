/** Codecs between JavaScript values and the bytes of a payload. */

import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import { inspectValue } from './errors.ts';

/** Turns values into payloads and back. For any other format, pass a codec of your own to `client.with`. */
export interface PayloadCodec<In, Out = In> {
  /** Name of the format, for error messages. */
  readonly name: string;
  /**
   * The payload for a value.
   * @throws any error when the value cannot be encoded; it becomes the cause of the refused call's error.
   */
  encode(value: In): Bytes;
  /**
   * The value in a payload.
   * @throws any error when the bytes are not of this format; it becomes the cause of the failed call's error.
   */
  decode(payload: Bytes): Out;
}

/** Payloads as they are: takes any Uint8Array, returns plain Uint8Arrays. */
export function bytes(): PayloadCodec<Uint8Array, Bytes> {
  return { name: 'Uint8Array', encode: checkBytes, decode: (payload) => payload };
}

/** Whether a value is a Uint8Array, also one of another realm: a frame of a page, a jest test and `node:vm` have their own. */
export function isBytes(value: unknown): value is Bytes {
  return (
    value instanceof Uint8Array ||
    (ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]')
  );
}

function checkBytes(payload: unknown): Bytes {
  if (isBytes(payload)) return payload;
  throw new TypeError(
    `a payload must be a Uint8Array, not ${inspectValue(payload)}; client.with(text()) takes strings`,
  );
}

/** Payloads that are strings in UTF-8. Bytes that are not valid UTF-8 are refused. */
export function text(): PayloadCodec<string> {
  return { name: 'text', encode: encodeText, decode: (payload) => decodeUtf8(payload) };
}

/**
 * Payloads in JSON and UTF-8. The types are the caller's promise; they are not checked.
 * @example const counting = client.with(json<string[], { words: number }>());
 */
export function json<In, Out = In>(): PayloadCodec<In, Out> {
  return {
    name: 'JSON',
    encode: (value) => {
      const written: string | undefined = JSON.stringify(value);
      if (written === undefined) throw new TypeError(`JSON cannot hold a value of type ${typeof value}`);
      return encodeUtf8(written);
    },
    decode: (payload) => JSON.parse(decodeUtf8(payload)) as Out,
  };
}

function encodeText(value: string): Bytes {
  if (typeof value !== 'string')
    throw new TypeError(`a payload of text() must be a string, not ${inspectValue(value)}`);
  return encodeUtf8(value);
}
