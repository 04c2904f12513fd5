/** Codecs between JavaScript values and the bytes of a payload. */
import { Packr } from 'msgpackr';
import { type Bytes, decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Turns values into payloads and back. Give your own to `client.with` for any other format. */
export interface PayloadCodec<T> {
  /** Name of the format, for error messages. */
  readonly name: string;
  /** @throws whatever says that the value cannot be encoded; the call is refused with it as the cause. */
  encode(value: T): Bytes;
  /** @throws whatever says that the bytes are not of this format; the call fails with it as the cause. */
  decode(payload: Bytes): T;
}

// msgpackr takes 'auto' (number when exact, else bigint) but its types do not know it.
const AUTO_INT64 = { int64AsType: 'auto' as unknown as 'bigint' };

/** Payloads that are UTF-8 text. Decoding is strict. */
export function text(): PayloadCodec<string> {
  return { name: 'text', encode: encodeText, decode: (payload) => decodeUtf8(payload) };
}

/**
 * Payloads that are JSON in UTF-8. `T` is a promise of the caller's, not checked.
 * @example const answers = client.with(json<{ words: number }>());
 */
export function json<T>(): PayloadCodec<T> {
  return {
    name: 'JSON',
    encode: (value) => {
      const written: string | undefined = JSON.stringify(value);
      if (written === undefined) throw new TypeError(`${typeof value} cannot be said in JSON`);
      return encodeUtf8(written);
    },
    decode: (payload) => JSON.parse(decodeUtf8(payload)) as T,
  };
}

/**
 * Payloads that are MessagePack, readable by any other library: no records, maps are plain objects, integers
 * beyond ±(2^53 - 1) are bigints, undefined is nil. `T` is a promise of the caller's, not checked.
 */
export function msgpack<T>(): PayloadCodec<T> {
  const packr = new Packr({
    useRecords: false,
    mapsAsObjects: true,
    ...AUTO_INT64,
    encodeUndefinedAsNil: true,
  });
  return {
    name: 'MessagePack',
    // A copy: msgpackr packs into a buffer it goes on using, and in Node gives a Buffer.
    encode: (value) => new Uint8Array(packr.pack(value)),
    decode: (payload) => packr.unpack(payload) as T,
  };
}

function encodeText(value: string): Bytes {
  if (typeof value !== 'string') throw new TypeError(`a text was expected, not ${typeof value}`);
  return encodeUtf8(value);
}
