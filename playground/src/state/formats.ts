/** Payloads as people write and read them. */
import { json, msgpack, type PayloadCodec, text } from 'frond';
import { bytesOfHex, hexOf } from './hex.ts';

export const FORMATS = ['text', 'json', 'msgpack', 'hex'] as const;
export type Format = (typeof FORMATS)[number];

export const FORMAT_NAMES: Readonly<Record<Format, string>> = {
  text: 'Text',
  json: 'JSON',
  msgpack: 'MessagePack',
  hex: 'Hex',
};

/** The codecs of frond make the bytes. */
const CODECS: Readonly<Record<Exclude<Format, 'hex'>, PayloadCodec<string>>> = {
  text: text(),
  json: written(json<unknown>()),
  msgpack: written(msgpack<unknown>()),
};

/** Values are written as JSON on the page, whatever they are on the wire. */
function written(codec: PayloadCodec<unknown>): PayloadCodec<string> {
  return {
    name: codec.name,
    encode: (value) => codec.encode(JSON.parse(value)),
    decode: (payload) => JSON.stringify(codec.decode(payload), plain, 2),
  };
}

/** Text for values that JSON does not have. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? hexOf(value) : value;
}

export function isFormat(value: string): value is Format {
  return FORMATS.some((format) => format === value);
}

/** @throws Error that says what is wrong with it. */
export function encodeAs(format: Format, value: string): Uint8Array<ArrayBuffer> {
  if (format === 'hex') return bytesOfHex(value);
  try {
    return CODECS[format].encode(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `this is no ${format === 'text' ? 'text' : 'JSON, in which the value is written'}: ${reason}`,
    );
  }
}

/** Shows bytes in a format, or in hex when they are not in that format. */
export function decodeAs(format: Format, payload: Uint8Array<ArrayBuffer>): { shown: string; as: Format } {
  if (format !== 'hex') {
    try {
      return { shown: CODECS[format].decode(payload), as: format };
    } catch {
      // Shown as it is.
    }
  }
  return { shown: spaced(hexOf(payload)), as: 'hex' };
}

function spaced(hex: string): string {
  return hex.replace(/(..)(?=.)/g, '$1 ');
}

/** The same bytes written in another format, as far as they can be. */
export function rewrite(value: string, from: Format, to: Format): string {
  try {
    // Between JSON and text, a text becomes a JSON string and the other way round.
    const isValue = (format: Format) => format === 'json' || format === 'msgpack';
    if (isValue(from) && isValue(to)) return value;
    if (from === 'text' && isValue(to)) return asValue(value);
    const spoken: unknown = isValue(from) && to === 'text' ? JSON.parse(value) : undefined;
    if (typeof spoken === 'string') return spoken;
    const { shown, as } = decodeAs(to, encodeAs(from, value));
    return as === to ? shown : value;
  } catch {
    return value;
  }
}

/** What is JSON already stays as it is. */
function asValue(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
