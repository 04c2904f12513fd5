/** The metadata of a message: strings by name, which go with it through all stages (docs/protocol/palm.md, "Metadata"). */
import { type Bytes, decodeUtf8, encodeUtf8 } from './bytes.ts';
import { METADATA } from './envelope-fields.ts';
import { inspectValue, invalidCall, PalmError } from './errors.ts';
import { NO_BYTES } from './message.ts';
import { BYTES, varintLength, WireReader, writeVarint } from './wire.ts';

/**
 * Strings by name that go with a call through all of its stages: trace context, tenant, language. Names are of lower-case letters, digits, `.`,
 * `_` and `-`, and values hold no control characters. Bounds: 32 names of 64 characters, values of 4,096 bytes, 8,192 bytes in all.
 */
export type Metadata = Readonly<Record<string, string>>;

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const CONTROL = /\p{Cc}/u;
const MOST_NAMES = 32;
const LONGEST_VALUE = 4_096;
const MOST_BYTES = 8_192;

/** Tags within the field, which is a `map<string, string>` with number 1 in a message of its own. */
const ENTRY = (1 << 3) | BYTES;
const KEY = (1 << 3) | BYTES;
const VALUE = (2 << 3) | BYTES;

const NOTHING: Metadata = Object.freeze(Object.create(null));

/**
 * The field that holds the metadata, for {@link PalmMessage.unknown}; no bytes when there is none. Entries that are undefined are left out.
 * @throws PalmError `INVALID_CALL` for a name or value that is not acceptable, or too much of them. Names that begin with `frond-` are reserved.
 */
export function encodeMetadata(metadata: unknown): Bytes {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw invalidCall(`metadata must be an object of strings, not ${inspectValue(metadata)}`);
  const entries: Bytes[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined) continue;
    const fault = faultIn(name, value);
    if (fault !== undefined) throw invalidCall(fault);
    entries.push(joined(field(KEY, encodeUtf8(name)), field(VALUE, encodeUtf8(value))));
  }
  if (entries.length > MOST_NAMES)
    throw invalidCall(`metadata may have ${MOST_NAMES} names, not ${entries.length}`);
  const content = joined(...entries.map((entry) => field(ENTRY, entry)));
  if (content.length > MOST_BYTES)
    throw invalidCall(`metadata may have ${MOST_BYTES} bytes in all, not ${content.length}`);
  return content.length === 0 ? NO_BYTES : field(METADATA, content);
}

/**
 * The metadata among the fields of {@link PalmMessage.unknown}. Its prototype is null.
 * @throws PalmError `PROTOCOL` when it is malformed, or beyond its bounds.
 */
export function readMetadata(unknown: Uint8Array): Metadata {
  if (unknown.length === 0) return NOTHING;
  const [start, end] = rangeOf(unknown);
  if (start === end) return NOTHING;
  const reader = new WireReader(unknown.subarray(0, end));
  reader.at = start;
  reader.tag();
  reader.lengthEnd();
  if (end - reader.at > MOST_BYTES) throw broken(`it has more than ${MOST_BYTES} bytes`);
  const metadata: Record<string, string> = Object.create(null);
  let count = 0;
  while (reader.at < end) {
    const [name, value] = readEntry(reader);
    const fault = name in metadata ? `${inspectValue(name)} comes twice` : faultIn(name, value);
    if (fault !== undefined || ++count > MOST_NAMES)
      throw broken(fault ?? `it has more than ${MOST_NAMES} names`);
    metadata[name] = value;
  }
  return Object.freeze(metadata);
}

/** The unknown fields with other metadata. @param field - as {@link encodeMetadata} makes it. */
export function withMetadata(unknown: Bytes, field: Bytes): Bytes {
  if (unknown.length === 0) return field;
  const [start, end] = rangeOf(unknown);
  return joined(unknown.subarray(0, start), unknown.subarray(end), field);
}

/** The metadata alone of unknown fields, as it is there; or another one of them. */
export function metadataField(unknown: Bytes, tag: number = METADATA): Bytes {
  if (unknown.length === 0) return unknown;
  const [start, end] = rangeOf(unknown, tag);
  return unknown.subarray(start, end);
}

/** Where the field is; an empty range at the end when there is none. */
function rangeOf(unknown: Uint8Array, wanted: number = METADATA): readonly [start: number, end: number] {
  const reader = new WireReader(unknown);
  let found: readonly [number, number] | undefined;
  while (reader.at < unknown.length) {
    const start = reader.at;
    const tag = reader.tag();
    reader.skip(tag);
    if (tag !== wanted) continue;
    if (found !== undefined) throw broken('it comes twice');
    found = [start, reader.at];
  }
  return found ?? [unknown.length, unknown.length];
}

function readEntry(reader: WireReader): readonly [name: string, value: string] {
  if (reader.tag() !== ENTRY) throw broken('it holds another field');
  const end = reader.lengthEnd();
  let name = '';
  let value = '';
  while (reader.at < end) {
    const tag = reader.tag();
    const last = reader.lengthEnd();
    if (last > end || (tag !== KEY && tag !== VALUE)) throw broken('an entry is malformed');
    const text = decodeUtf8(reader.bytes, reader.at, last);
    reader.at = last;
    if (tag === KEY) name = text;
    else value = text;
  }
  return [name, value];
}

/** What is wrong with an entry; undefined when nothing is. */
function faultIn(name: string, value: unknown): string | undefined {
  if (!NAME.test(name))
    return `a name in metadata has 1 to 64 of a to z, 0 to 9, '.', '_' and '-', unlike ${inspectValue(name)}`;
  if (name.startsWith('frond-'))
    return `the name ${inspectValue(name)} in metadata is reserved: frond- is frond's own`;
  if (typeof value !== 'string' || CONTROL.test(value))
    return `${inspectValue(name)} in metadata must be a string without control characters, not ${inspectValue(value)}`;
  const size = encodeUtf8(value).length;
  return size > LONGEST_VALUE
    ? `${inspectValue(name)} in metadata may have ${LONGEST_VALUE} bytes, not ${size}`
    : undefined;
}

function broken(what: string): PalmError {
  return new PalmError('PROTOCOL', `the metadata of a message cannot be read: ${what}`);
}

function field(tag: number, content: Uint8Array): Bytes {
  const bytes = new Uint8Array(varintLength(tag) + varintLength(content.length) + content.length);
  bytes.set(content, writeVarint(bytes, writeVarint(bytes, 0, tag), content.length));
  return bytes;
}

/** Fields, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
